import type { FastifyInstance, FastifyReply } from 'fastify';
import { NOTIFICATIONS_PATH } from '@satchel/protocol/routes.ts';
import { API } from '@satchel/protocol/version.ts';
import { serveEvents } from '../notify/server-sent-events.ts';
import { serveSocket } from '../notify/web-socket.ts';
import type { Authenticate } from './authenticate.ts';
import type { Calls } from './calls.ts';
import type { Services } from './services.ts';

/** Pings by server-sent events, WebSocket and long poll, in the order in which clients fall back. */
export function syncRoutes(
  app: FastifyInstance,
  calls: Calls,
  { services, authenticate }: { readonly services: Services; readonly authenticate: Authenticate },
): void {
  const { notifier, longPolls, connections } = services;

  calls.on('events', async ({ caller, reply }) => {
    const { raw } = reply;
    await serveEvents(notifier, caller.userId, raw);
    void reply.hijack();
    const open = connections.add(caller.deviceId, () => raw.end());
    raw.once('close', () => open[Symbol.dispose]());
  });

  calls.on('poll', ({ caller, query, reply }) =>
    longPolls.poll(caller, { timeoutMs: query.timeout_ms, signal: givenUp(reply) }),
  );

  app.get(`${API}${NOTIFICATIONS_PATH}`, { websocket: true, onRequest: authenticate }, (socket, request) => {
    const { userId, deviceId } = request.caller;
    const open = connections.add(deviceId, () => socket.close(REVOKED, 'device_revoked'));
    socket.once('close', () => open[Symbol.dispose]());
    void serveSocket(notifier, userId, socket);
  });
}

/** Private use (RFC 6455 §7.4.2): the device was signed out. */
const REVOKED = 4401;

/** Aborted when the client goes away before it has its answer. */
export function givenUp(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) controller.abort();
  });
  return controller.signal;
}
