import { CodedError } from '@satchel/protocol/errors.ts';
import type { UserId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { Ping } from '@satchel/protocol/notify.ts';
import type { Clock, Random } from '../ports/clock.ts';
import type { MessageBus } from '../ports/message-bus.ts';
import { openClientTopics } from './client-topics.ts';
import { createPingQueue, type PingQueue } from './ping-queue.ts';
import { createTopicFanOut } from './topic-fan-out.ts';

/** The transport's end of a client: SSE, WebSocket or a long poll. */
export interface PingSink {
  /** Writes at once. False: nothing more should come before `Attachment.drained`. */
  send(pings: readonly Ping[]): boolean;
  /** Keeps the connection alive through proxies. */
  heartbeat(): void;
  /** Ends the connection; the client should come back after so many ms. */
  end(reconnectInMs: number): void;
}

export interface Attachment extends Disposable {
  /** The sink takes pings again. */
  drained(): void;
}

export interface Notifier extends AsyncDisposable {
  /**
   * Passes pings to a client from now on. Throws 'unavailable' while stopping, 'rate_limited' when the user has too
   * many connections.
   */
  attach(userId: UserId, sink: PingSink): Promise<Attachment>;
  /** For metrics. */
  clientCount(): number;
}

export interface NotifierPorts {
  readonly bus: MessageBus;
  readonly clock: Clock;
  readonly random: Random;
  readonly workspacesOf: (userId: UserId) => Promise<ReadonlySet<WorkspaceId>>;
  readonly log: { warn(fields: Readonly<Record<string, unknown>>, message: string): void };
}

export interface NotifierSettings {
  /** After a ping, further ones wait this long and are merged; the first goes out at once. */
  readonly coalesceMs: number;
  readonly heartbeatMs: number;
  readonly connectionsPerUser: number;
  /** Clients of a stopping node come back spread over this time. */
  readonly reconnectSpreadMs: number;
}

export const NOTIFIER_SETTINGS: NotifierSettings = {
  coalesceMs: 10,
  heartbeatMs: 30_000,
  connectionsPerUser: 100,
  reconnectSpreadMs: 5000,
};

/** Heartbeats between which a client that reads nothing is given up. */
const PATIENCE = 2;

interface Client {
  readonly userId: UserId;
  readonly sink: PingSink;
  readonly queue: PingQueue;
  state: 'ready' | 'pausing' | 'full';
  heartbeatsFull: number;
  closed: boolean;
}

/** The Notification Service: holds connections and passes pings; knows nothing of what they mean (S9). */
export function createNotifier(ports: NotifierPorts, settings: NotifierSettings = NOTIFIER_SETTINGS): Notifier {
  const { clock, random, log } = ports;
  const fanOut = createTopicFanOut(ports.bus);
  const clients = new Map<Client, Disposable | undefined>();
  const perUser = new Map<UserId, number>();
  const stopping = new AbortController();

  function flush(client: Client): void {
    if (client.closed || client.state !== 'ready' || client.queue.isEmpty()) return;
    client.state = client.sink.send(client.queue.take()) ? 'pausing' : 'full';
    if (client.state === 'pausing') void resume(client);
  }
  async function resume(client: Client): Promise<void> {
    await clock.delay(settings.coalesceMs);
    if (client.state !== 'pausing') return;
    client.state = 'ready';
    flush(client);
  }
  function detach(client: Client): void {
    if (client.closed) return;
    client.closed = true;
    clients.get(client)?.[Symbol.dispose]();
    clients.delete(client);
    const left = (perUser.get(client.userId) ?? 1) - 1;
    if (left > 0) perUser.set(client.userId, left);
    else perUser.delete(client.userId);
  }
  function end(client: Client): void {
    const chance = Buffer.from(random.bytes(4)).readUInt32BE() / 2 ** 32;
    client.sink.end(Math.round(settings.reconnectSpreadMs * chance));
    detach(client);
  }
  function beat(client: Client): void {
    if (client.state !== 'full') return client.sink.heartbeat();
    if (++client.heartbeatsFull >= PATIENCE) end(client);
  }
  async function beatAll(): Promise<void> {
    while (!stopping.signal.aborted) {
      await clock.delay(settings.heartbeatMs, stopping.signal);
      if (!stopping.signal.aborted) for (const client of clients.keys()) beat(client);
    }
  }
  const beating = beatAll();

  function admit(userId: UserId, sink: PingSink): Client {
    if (stopping.signal.aborted)
      throw new CodedError('unavailable', 'The server is stopping; connect again', { retryAfterS: 2 });
    const connections = perUser.get(userId) ?? 0;
    if (connections >= settings.connectionsPerUser)
      throw new CodedError(
        'rate_limited',
        `There are ${connections} notification connections of this account already`,
        {
          retryAfterS: 60,
        },
      );
    perUser.set(userId, connections + 1);
    const client: Client = {
      userId,
      sink,
      queue: createPingQueue(),
      state: 'ready',
      heartbeatsFull: 0,
      closed: false,
    };
    clients.set(client, undefined);
    return client;
  }

  return {
    clientCount: () => clients.size,
    async attach(userId, sink) {
      const client = admit(userId, sink);
      try {
        const topics = await openClientTopics(
          {
            fanOut,
            workspacesOf: ports.workspacesOf,
            // The client starts anew: what it listens to is not known any more.
            failed(error) {
              log.warn({ userId, err: error }, 'the memberships of a connected client could not be read');
              end(client);
            },
          },
          userId,
          (ping) => {
            client.queue.add(ping);
            flush(client);
          },
        );
        if (client.closed) topics[Symbol.dispose]();
        else clients.set(client, topics);
      } catch (error) {
        detach(client);
        throw error;
      }
      return {
        drained() {
          if (client.state !== 'full') return;
          client.heartbeatsFull = 0;
          client.state = 'ready';
          flush(client);
        },
        [Symbol.dispose]: () => detach(client),
      };
    },
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await beating;
      for (const client of clients.keys()) end(client);
    },
  };
}
