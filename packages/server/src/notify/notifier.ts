import { CodedError } from '@satchel/protocol/errors.ts';
import type { UserId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { Clock, Random } from '../ports/clock.ts';
import type { MessageBus } from '../ports/message-bus.ts';
import { openClientTopics, type ClientTopicsPorts } from './client-topics.ts';
import { createClient, type Client, type PingSink } from './client.ts';
import { createTopicFanOut } from './topic-fan-out.ts';

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

interface Connection {
  readonly userId: UserId;
  readonly sink: PingSink;
  readonly client: Client;
  topics: Disposable | undefined;
}

/** The connections of this node. */
interface Connections {
  readonly size: number;
  all(): readonly Connection[];
  has(connection: Connection): boolean;
  add(connection: Connection): void;
  /** What it listens to ends with it. */
  remove(connection: Connection): void;
}

function createConnections(perUserLimit: number): Connections {
  const connections = new Set<Connection>();
  const perUser = new Map<UserId, number>();
  return {
    get size() {
      return connections.size;
    },
    all: () => [...connections],
    has: (connection) => connections.has(connection),
    add(connection) {
      const count = perUser.get(connection.userId) ?? 0;
      if (count >= perUserLimit)
        throw new CodedError('rate_limited', `This account has ${count} notification connections already`, {
          retryAfterS: 60,
        });
      perUser.set(connection.userId, count + 1);
      connections.add(connection);
    },
    remove(connection) {
      if (!connections.delete(connection)) return;
      connection.client.close();
      connection.topics?.[Symbol.dispose]();
      const left = (perUser.get(connection.userId) ?? 1) - 1;
      if (left > 0) perUser.set(connection.userId, left);
      else perUser.delete(connection.userId);
    },
  };
}

/** The Notification Service: holds connections and passes pings; knows nothing of what they mean (S9). */
export function createNotifier(ports: NotifierPorts, settings: NotifierSettings = NOTIFIER_SETTINGS): Notifier {
  const { clock, random, log } = ports;
  const fanOut = createTopicFanOut(ports.bus);
  const connections = createConnections(settings.connectionsPerUser);
  const stopping = new AbortController();

  function end(connection: Connection): void {
    const chance = Buffer.from(random.bytes(4)).readUInt32BE() / 2 ** 32;
    connection.sink.end(Math.round(settings.reconnectSpreadMs * chance));
    connections.remove(connection);
  }
  async function beatAll(): Promise<void> {
    while (!stopping.signal.aborted) {
      await clock.delay(settings.heartbeatMs, stopping.signal);
      if (stopping.signal.aborted) return;
      for (const connection of connections.all()) if (!connection.client.beat()) end(connection);
    }
  }
  const beating = beatAll();

  async function listen(connection: Connection): Promise<void> {
    const { userId, client } = connection;
    const topicPorts: ClientTopicsPorts = {
      fanOut,
      workspacesOf: ports.workspacesOf,
      // What the client listens to is not known any more: it starts anew.
      failed(error) {
        log.warn({ userId, err: error }, 'the memberships of a connected client could not be read');
        end(connection);
      },
    };
    const topics = await openClientTopics(topicPorts, userId, (ping) => client.deliver(ping));
    if (connections.has(connection)) connection.topics = topics;
    else topics[Symbol.dispose]();
  }

  return {
    clientCount: () => connections.size,
    async attach(userId, sink) {
      if (stopping.signal.aborted)
        throw new CodedError('unavailable', 'The server is stopping; connect again', { retryAfterS: 2 });
      const client = createClient(sink, clock, settings.coalesceMs);
      const connection: Connection = { userId, sink, client, topics: undefined };
      connections.add(connection);
      try {
        await listen(connection);
      } catch (error) {
        connections.remove(connection);
        throw error;
      }
      return { drained: () => client.drained(), [Symbol.dispose]: () => connections.remove(connection) };
    },
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await beating;
      for (const connection of connections.all()) end(connection);
    },
  };
}
