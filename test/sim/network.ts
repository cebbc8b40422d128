import { CodedError } from '@satchel/protocol/errors.ts';
import { ROUTES, type Route } from '@satchel/protocol/routes.ts';
import type { DeviceId, WorkspaceId } from '@satchel/protocol/ids.ts';
import { OfflineError, type JsonCall, type ReceiveBytes, type ServerApi } from '@satchel/client/ports/server-api.ts';
import type { ReadBody } from '@satchel/server/block/gather.ts';
import type { z } from 'zod';
import type { Incarnation } from './machine.ts';
import type { SimServer } from './server.ts';

/** The line between one device and the server. */
export interface Line {
  isUp: boolean;
  /** One way, in ms. */
  latencyMs: number;
  lostReplies: number;
  lostRequests: number;
  duplicates: number;
}

type Services = NonNullable<SimServer['services']>;

interface Exchange<T> {
  readonly what: string;
  readonly signal: AbortSignal;
  readonly serve: (services: Services) => Promise<T>;
}

/** Parses as the gateway does, and lets nothing through that JSON would not carry. */
function onWire(schema: z.ZodType | undefined, value: unknown): unknown {
  if (schema === undefined) return undefined;
  const parsed = schema.safeParse(JSON.parse(JSON.stringify(value)));
  if (!parsed.success) throw new CodedError('request_invalid', parsed.error.message);
  return parsed.data;
}

async function serveJson(
  services: Services,
  server: SimServer,
  call: { name: string; deviceId: DeviceId; input: Record<string, unknown> },
): Promise<unknown> {
  const route: Route = ROUTES[call.name as JsonCall];
  const body = onWire(route.body === 'bytes' ? undefined : route.body, call.input['body']) as never;
  const query = onWire(route.query, call.input['query']) as never;
  const caller = server.caller(call.deviceId);
  const { meta, blocks } = services;
  switch (call.name) {
    case 'workspaces':
      return meta.workspaces(caller);
    case 'commit':
      return meta.commit(caller, body);
    case 'decideHeld':
      return meta.acceptDeletes(caller, (call.input['params'] as { workspace_id: WorkspaceId }).workspace_id);
    case 'objects':
      return meta.list(caller, query);
    case 'metadata':
      return meta.metadata(caller, query);
    case 'uploads':
      return meta.pendingUploads(caller, query);
    case 'damaged':
      return meta.damaged(caller, (call.input['params'] as { workspace_id: WorkspaceId }).workspace_id, query['after']);
    case 'uploadRequest':
      return blocks.uploadRequest(caller, body);
    case 'prove':
      return blocks.prove(caller, body);
    default:
      throw new Error(`the simulation does not serve '${call.name}'`);
  }
}

/** The server as one incarnation of a device reaches it: late, twice, in another order, or not at all. */
export function createSimApi(
  server: SimServer,
  incarnation: Incarnation,
  { line, deviceId }: { line: Line; deviceId: DeviceId },
): ServerApi {
  const { chance, faults, scheduler } = incarnation;
  const delay = () => (chance.happens(0.1) ? line.latencyMs * 10 : line.latencyMs) * chance.fraction();

  /** A call fails at once (reset) or after long silence (V2). */
  const silence = () => incarnation.sleep(chance.happens(0.8) ? delay() : 60_000);

  function exchange<T>({ what, signal, serve }: Exchange<T>): Promise<T> {
    const outcome = Promise.withResolvers<T>();
    const abort = () => outcome.reject(signal.reason);
    if (signal.aborted) return Promise.reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    const run = async () => {
      incarnation.check();
      await scheduler.sleep(delay());
      if (!line.isUp || chance.happens(faults.lostRequest)) {
        line.lostRequests++;
        scheduler.note(`lost request ${what}`);
        await silence();
        throw new OfflineError('no route');
      }
      const { services } = server;
      if (services === undefined) {
        await silence();
        throw new OfflineError('refused');
      }
      if (chance.happens(faults.duplicate)) {
        line.duplicates++;
        scheduler.after(chance.between(0, 200), () => void again(serve), services);
      }
      let answer: { value: T } | { error: unknown };
      try {
        answer = { value: await serve(services) };
      } catch (error) {
        answer = { error };
      }
      if (!services.isAlive) throw new OfflineError('cut off');
      await scheduler.sleep(delay());
      if (!line.isUp || chance.happens(faults.lostReply)) {
        line.lostReplies++;
        scheduler.note(`lost reply ${what}`);
        await silence();
        throw new OfflineError('cut off');
      }
      if ('error' in answer) throw asOnWire(answer.error);
      return answer.value;
    };
    // A server that dies never answers: whoever waits hears it from the connection.
    const died = new Promise<never>((_resolve, reject) => {
      const look = () => {
        if (watched !== undefined && !watched.isAlive) reject(new OfflineError('cut off'));
        else scheduler.after(500, look, incarnation);
      };
      const watched = server.services;
      scheduler.after(
        500,
        () => {
          if (!isOver) look();
        },
        incarnation,
      );
    });
    died.catch(() => undefined);
    let isOver = false;
    Promise.race([run(), died])
      .finally(() => {
        isOver = true;
        signal.removeEventListener('abort', abort);
      })
      .then(
        (value) => incarnation.isAlive && outcome.resolve(value),
        (error: unknown) => incarnation.isAlive && outcome.reject(error),
      );
    return outcome.promise;
  }

  /** A repetition on the way: its answer goes nowhere. */
  async function again(serve: Exchange<unknown>['serve']): Promise<void> {
    if (server.services === undefined) return;
    try {
      await serve(server.services);
    } catch (error) {
      if (!(error instanceof CodedError)) scheduler.failure ??= error;
    }
  }

  // Copies, since the taker may keep or give back what it is handed.
  const bytesOf =
    (parts: readonly Uint8Array[]): ReadBody =>
    async (take) => {
      for (const part of parts) take(new Uint8Array(part));
    };

  return {
    session: {
      state: () => 'signed_in',
      watch: () => ({ [Symbol.dispose]: () => undefined }),
      adopt: async () => undefined,
      reload: async () => undefined,
      forget: async () => undefined,
    },
    call: async (name, input, signal) => {
      const request = { name, deviceId, input: input as Record<string, unknown> };
      const isExpired = name === 'objects' && faults.expiredCursor > 0 && chance.happens(faults.expiredCursor);
      if (isExpired && (input as { query: { cursor?: string } }).query.cursor !== undefined)
        throw new CodedError('cursor_expired', 'The journal does not go back that far.');
      const answer = await exchange({ what: name, signal, serve: (services) => serveJson(services, server, request) });
      return (answer === undefined ? undefined : JSON.parse(JSON.stringify(answer))) as never;
    },
    sendFrames: ({ workspaceId }, frames, signal) => {
      const copies = frames.map((frame) => new Uint8Array(frame));
      const serve = ({ blocks }: Services) =>
        blocks.acceptBatch(server.caller(deviceId), { workspaceId, body: bytesOf(copies) });
      return exchange({ what: 'batch', signal, serve });
    },
    putSigned: ({ url }, bytes, signal) => {
      const serve = ({ blocks }: Services) => {
        const { caller, workspaceId, chunk } = blocks.verify('PUT', url);
        return blocks.putChunk(caller, { workspaceId, chunk, body: bytesOf([bytes]) });
      };
      return exchange({ what: 'put', signal, serve });
    },
    fetchFrames: async (request, receive: ReceiveBytes, signal) => {
      const serve = async ({ blocks }: Services) => {
        const pieces: Uint8Array[] = [];
        for await (const run of await blocks.fetch(server.caller(deviceId), request as never))
          for (const piece of run) pieces.push(new Uint8Array(piece));
        return Buffer.concat(pieces);
      };
      const body = await exchange({ what: 'fetch', signal, serve });
      const cut = chance.happens(faults.lostReply) ? chance.below(body.length + 1) : body.length;
      for (let at = 0; at < cut; at += 512) await receive(body.subarray(at, Math.min(cut, at + 512)));
      if (cut < body.length) throw new OfflineError('cut off in the middle');
    },
    fetchContent: () => Promise.reject(new Error('not simulated')),
    listen: (listener, signal) => listen(listener, signal),
  };

  async function listen(listener: Parameters<ServerApi['listen']>[0], signal: AbortSignal): Promise<void> {
    incarnation.check();
    await incarnation.sleep(delay());
    const { services } = server;
    if (!line.isUp || services === undefined || chance.happens(faults.lostRequest)) throw new OfflineError('no route');
    const ended = Promise.withResolvers<void>();
    const isOpen = () => line.isUp && services.isAlive && incarnation.isAlive && !signal.aborted;
    const attachment = await services.notifier.attach(server.accountOf(deviceId).userId, {
      send(pings) {
        for (const ping of pings) {
          if (chance.happens(faults.lostPing)) continue;
          scheduler.after(delay(), () => isOpen() && listener.ping(ping), incarnation);
        }
        return true;
      },
      heartbeat: () => void scheduler.after(delay(), () => isOpen() && listener.heard(), incarnation),
      end: (ms) => {
        listener.reconnectIn(ms);
        ended.resolve();
      },
    });
    await incarnation.sleep(delay());
    listener.heard();
    listener.open();
    const look = () => {
      if (isOpen()) scheduler.after(1000, look, incarnation);
      else ended.reject(signal.aborted ? signal.reason : new OfflineError('the stream was cut'));
    };
    look();
    signal.addEventListener('abort', () => ended.reject(signal.reason), { once: true });
    try {
      await ended.promise;
    } finally {
      attachment[Symbol.dispose]();
    }
  }
}

function asOnWire(error: unknown): unknown {
  if (error instanceof CodedError) return error;
  return new CodedError('internal', String(error), { cause: error });
}
