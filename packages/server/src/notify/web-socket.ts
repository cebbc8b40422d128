import type { UserId } from '@satchel/protocol/ids.ts';
import type { Notifier } from './notifier.ts';

/** What is used of a `ws` WebSocket. */
export interface PingSocket {
  readonly bufferedAmount: number;
  send(text: string, sent: (error?: Error | null) => void): void;
  ping(): void;
  close(code: number, reason: string): void;
  terminate(): void;
  on(event: 'close' | 'error', listener: () => void): unknown;
}

const FULL_BYTES = 16 * 1024;
/** RFC 6455 registry: the service restarts. */
const SERVICE_RESTART = 1012;
const TRY_AGAIN_LATER = 1013;

/** Pings as WebSocket text messages, one JSON object each, until either side ends. */
export async function serveSocket(notifier: Notifier, userId: UserId, socket: PingSocket): Promise<void> {
  let attachment: Awaited<ReturnType<Notifier['attach']>> | undefined;
  let gone = false;
  const leave = (): void => {
    gone = true;
    attachment?.[Symbol.dispose]();
  };
  socket.on('close', leave);
  socket.on('error', () => socket.terminate());
  try {
    attachment = await notifier.attach(userId, {
      send(pings) {
        for (const ping of pings) socket.send(JSON.stringify(ping), () => attachment?.drained());
        return socket.bufferedAmount < FULL_BYTES;
      },
      heartbeat: () => socket.ping(),
      end: (reconnectInMs) => socket.close(SERVICE_RESTART, `retry=${reconnectInMs}`),
    });
  } catch (error) {
    socket.close(TRY_AGAIN_LATER, error instanceof Error ? error.message.slice(0, 120) : 'unavailable');
    return;
  }
  if (gone) leave();
}
