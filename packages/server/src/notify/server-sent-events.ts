import type { ServerResponse } from 'node:http';
import type { UserId } from '@satchel/protocol/ids.ts';
import type { Ping } from '@satchel/protocol/notify.ts';
import type { PingSink } from './client.ts';
import type { Notifier } from './notifier.ts';

/** One event per ping, its data the ping as JSON. */
function eventsOf(pings: readonly Ping[]): string {
  return pings.map((ping) => `data: ${JSON.stringify(ping)}\n\n`).join('');
}

/**
 * Pings as server-sent events (WHATWG HTML, section 9.2), until either side ends. Rejects, with nothing written, when
 * the notifier does not take the client. After it has resolved no ping is missed; the client lists once then.
 */
export async function serveEvents(notifier: Notifier, userId: UserId, response: ServerResponse): Promise<void> {
  let isOpen = false;
  const early: Ping[] = [];
  // RACE: ended when its device was signed out, and closed only when a client that does not read has gone. To write then
  // is an error that would end the process.
  const takes = (): boolean => isOpen && !response.writableEnded;
  const sink: PingSink = {
    send(pings) {
      if (!isOpen) early.push(...pings);
      return !takes() || response.write(eventsOf(pings));
    },
    heartbeat: () => void (takes() && response.write(':\n\n')),
    end(reconnectInMs) {
      if (takes()) response.end(`retry: ${reconnectInMs}\n: the server asks to connect again\n\n`);
    },
  };
  const attachment = await notifier.attach(userId, sink);
  if (response.destroyed) return attachment[Symbol.dispose]();
  response.on('drain', () => attachment.drained());
  response.on('close', () => attachment[Symbol.dispose]());
  response.socket?.setNoDelay(true);
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  isOpen = true;
  response.write(`: connected\n\n${eventsOf(early)}`);
}
