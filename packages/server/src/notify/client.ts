import type { Ping } from '@satchel/protocol/notify.ts';
import type { Clock } from '../ports/clock.ts';
import { createPingQueue } from './ping-queue.ts';

/** The transport's end of a client: SSE, WebSocket or a long poll. */
export interface PingSink {
  /** Writes at once. False: nothing more should come before `Attachment.drained`. */
  send(pings: readonly Ping[]): boolean;
  /** Keeps the connection alive through proxies. */
  heartbeat(): void;
  /** Ends the connection; the client should come back after so many ms. */
  end(reconnectInMs: number): void;
}

/** Between the topics and a sink: the first ping goes out at once, those that follow are merged. */
export interface Client {
  deliver(ping: Ping): void;
  drained(): void;
  /** Once per heartbeat. False: the client has read nothing for too long. */
  beat(): boolean;
  close(): void;
}

/** Heartbeats between which a client that reads nothing is given up. */
const PATIENCE = 2;

/** @param coalesceMs so long after a ping the next ones wait and are merged */
export function createClient(sink: PingSink, clock: Clock, coalesceMs: number): Client {
  const queue = createPingQueue();
  let state: 'ready' | 'pausing' | 'full' | 'closed' = 'ready';
  let heartbeatsFull = 0;

  function flush(): void {
    if (state !== 'ready' || queue.isEmpty()) return;
    if (sink.send(queue.take())) {
      state = 'pausing';
      void resume();
    } else state = 'full';
  }
  async function resume(): Promise<void> {
    await clock.delay(coalesceMs);
    becomeReady('pausing');
  }
  function becomeReady(from: 'pausing' | 'full'): void {
    if (state !== from) return;
    state = 'ready';
    flush();
  }
  return {
    deliver(ping) {
      queue.add(ping);
      flush();
    },
    drained() {
      heartbeatsFull = 0;
      becomeReady('full');
    },
    beat() {
      if (state === 'full') return ++heartbeatsFull < PATIENCE;
      sink.heartbeat();
      return true;
    },
    close: () => (state = 'closed'),
  };
}
