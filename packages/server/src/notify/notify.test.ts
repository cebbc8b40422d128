import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, get, IncomingMessage, ServerResponse } from 'node:http';
import { Socket, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { CodedError } from '@satchel/protocol/errors.ts';
import { newId, type DeviceId, type UserId, type WorkspaceId } from '@satchel/protocol/ids.ts';
import type { Ping } from '@satchel/protocol/notify.ts';
import { createMemoryBus } from '../adapters/memory/message-bus.ts';
import { systemClock } from '../adapters/system/clock.ts';
import { systemRandom } from '../adapters/system/random.ts';
import type { Clock } from '../ports/clock.ts';
import type { MessageBus, Topic } from '../ports/message-bus.ts';
import { createLongPolls } from './long-poll.ts';
import type { PingSink } from './client.ts';
import { createNotifier, NOTIFIER_SETTINGS, type NotifierSettings } from './notifier.ts';
import { serveEvents } from './server-sent-events.ts';
import { serveSocket } from './web-socket.ts';

const user = newId<UserId>(1, new Uint8Array(10));
const device = newId<DeviceId>(2, new Uint8Array(10));
const workspaceAt = (index: number): WorkspaceId => newId<WorkspaceId>(100 + index, new Uint8Array(10));
const one = workspaceAt(1);
const two = workspaceAt(2);

function countingBus() {
  const bus = createMemoryBus((error) => {
    throw error;
  });
  const open = new Set<Topic>();
  const counting: MessageBus = {
    publish: (topic, ping) => bus.publish(topic, ping),
    async subscribe(topic, listener) {
      const subscription = await bus.subscribe(topic, listener);
      open.add(topic);
      return {
        [Symbol.dispose]() {
          open.delete(topic);
          subscription[Symbol.dispose]();
        },
      };
    },
  };
  return { bus: counting, open };
}

/** Waiting no time takes none, so that pings need not be waited for where merging is off. */
const promptClock: Clock = {
  ...systemClock,
  delay: (ms, signal) => (ms === 0 ? Promise.resolve() : systemClock.delay(ms, signal)),
};

function setUp(settings: Partial<NotifierSettings> = {}) {
  const { bus, open } = countingBus();
  const memberships = new Map<UserId, ReadonlySet<WorkspaceId>>([[user, new Set([one])]]);
  const notifier = createNotifier(
    {
      bus,
      clock: promptClock,
      random: systemRandom,
      workspacesOf: async (userId) => memberships.get(userId) ?? new Set(),
      log: { warn: () => undefined },
    },
    { ...NOTIFIER_SETTINGS, ...settings },
  );
  return { bus, open, memberships, notifier };
}

/** A sink that keeps what it gets; `full` says whether it has room. */
function recordingSink() {
  const got: Ping[] = [];
  const state = { full: false, heartbeats: 0, endedWith: undefined as number | undefined };
  let heard = Promise.withResolvers<void>();
  const sink: PingSink = {
    send(pings) {
      got.push(...pings);
      heard.resolve();
      heard = Promise.withResolvers();
      return !state.full;
    },
    heartbeat: () => void state.heartbeats++,
    end: (ms) => void (state.endedWith = ms),
  };
  return { sink, got, state, next: () => heard.promise };
}

const turn = async (): Promise<void> => {
  for (let count = 0; count < 5; count++) await new Promise(setImmediate);
};

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!condition()) {
    assert.ok(performance.now() < deadline, 'the condition never came true');
    await new Promise(setImmediate);
  }
}

test('S9 a client hears of its workspaces, and of no other', async () => {
  const setup = setUp();
  await using notifier = setup.notifier;
  const { sink, got } = recordingSink();
  await notifier.attach(user, sink);
  setup.bus.publish({ workspace: two }, { workspace: two, seq: 1 });
  setup.bus.publish({ workspace: one }, { workspace: one, seq: 7 });
  await turn();
  assert.deepEqual(got, [{ workspace: one, seq: 7 }]);
});

test('one bus subscription per topic serves all clients of the node and ends with the last', async () => {
  const { bus, open, notifier } = setUp();
  const sinks = Array.from({ length: 20 }, recordingSink);
  const attached = await Promise.all(sinks.map(({ sink }) => notifier.attach(user, sink)));
  assert.equal(open.size, 2);
  bus.publish({ workspace: one }, { workspace: one, seq: 3 });
  await turn();
  assert.ok(sinks.every(({ got }) => got.length === 1));
  for (const each of attached.slice(1)) each[Symbol.dispose]();
  assert.equal(open.size, 2);
  attached[0]?.[Symbol.dispose]();
  await turn();
  assert.equal(open.size, 0);
  assert.equal(notifier.clientCount(), 0);
  await notifier[Symbol.asyncDispose]();
});

test('a burst is merged: the first ping goes out at once, the last seq always arrives', async () => {
  const { bus, notifier } = setUp();
  const { sink, got } = recordingSink();
  await notifier.attach(user, sink);
  for (let seq = 1; seq <= 1000; seq++) bus.publish({ workspace: one }, { workspace: one, seq });
  await until(() => got.at(-1)?.seq === 1000);
  assert.equal(got[0]?.seq, 1);
  assert.ok(got.length < 10, `${got.length} pings`);
  await notifier[Symbol.asyncDispose]();
});

test('a client that does not read costs a bounded queue, gets the newest state when it reads, or is given up', async () => {
  const { bus, notifier } = setUp({ heartbeatMs: 20 });
  const slow = recordingSink();
  slow.state.full = true;
  const attached = await notifier.attach(user, slow.sink);
  bus.publish({ workspace: one }, { workspace: one, seq: 1 });
  await turn();
  for (let seq = 2; seq <= 500; seq++) bus.publish({ workspace: one }, { workspace: one, seq });
  for (let times = 0; times < 2; times++) bus.publish({ workspace: one }, { workspace: one, damaged: true });
  await turn();
  assert.deepEqual(slow.got, [{ workspace: one, seq: 1 }]);
  slow.state.full = false;
  attached.drained();
  assert.deepEqual(slow.got.slice(1), [
    { workspace: one, seq: 500 },
    { workspace: one, damaged: true },
  ]);
  await turn();
  slow.state.full = true;
  await until(() => {
    bus.publish({ workspace: one }, { workspace: one, seq: 501 });
    return slow.state.endedWith !== undefined;
  });
  assert.equal(notifier.clientCount(), 0);
  await notifier[Symbol.asyncDispose]();
});

test('a membership change is followed before the client hears of it', async () => {
  const { bus, memberships, notifier, open } = setUp();
  const { sink, got } = recordingSink();
  await notifier.attach(user, sink);
  memberships.set(user, new Set([two]));
  bus.publish({ user }, { workspaces: true });
  await until(() => got.length === 1);
  assert.deepEqual(got, [{ workspaces: true }]);
  assert.equal(
    [...open].some((topic) => 'workspace' in topic && topic.workspace === one),
    false,
  );
  bus.publish({ workspace: one }, { workspace: one, seq: 1 });
  bus.publish({ workspace: two }, { workspace: two, seq: 2 });
  await until(() => got.length > 1);
  assert.deepEqual(got[1], { workspace: two, seq: 2 });
  await notifier[Symbol.asyncDispose]();
});

test('stopping sends every client away with a waiting time of its own, and takes no new ones', async () => {
  const { notifier } = setUp();
  const sinks = Array.from({ length: 10 }, recordingSink);
  for (const { sink } of sinks) await notifier.attach(user, sink);
  await notifier[Symbol.asyncDispose]();
  assert.ok(new Set(sinks.map(({ state }) => state.endedWith)).size > 5);
  await assert.rejects(
    notifier.attach(user, recordingSink().sink),
    (error) => error instanceof CodedError && error.code === 'unavailable',
  );
});

test('S11 connections per account are limited', async () => {
  await using notifier = setUp({ connectionsPerUser: 2 }).notifier;
  const first = await notifier.attach(user, recordingSink().sink);
  await notifier.attach(user, recordingSink().sink);
  const limited = (error: unknown) => error instanceof CodedError && error.code === 'rate_limited';
  await assert.rejects(notifier.attach(user, recordingSink().sink), limited);
  first[Symbol.dispose]();
  await notifier.attach(user, recordingSink().sink);
});

async function eventServer(settings: Partial<NotifierSettings> = {}) {
  const setup = setUp(settings);
  const server = createServer((_request, response) => void serveEvents(setup.notifier, user, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  async function connect(): Promise<{ response: IncomingMessage; text: () => string }> {
    const request = get({ port, host: '127.0.0.1' });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    let text = '';
    response.setEncoding('utf8').on('data', (piece: string) => (text += piece));
    return { response, text: () => text };
  }
  return {
    ...setup,
    connect,
    async [Symbol.asyncDispose]() {
      await setup.notifier[Symbol.asyncDispose]();
      server.closeAllConnections();
      server.close();
    },
  };
}

test('S11 an event stream that was ended from elsewhere, and whose end has not left yet, takes no more', async () => {
  const setup = setUp({ heartbeatMs: 1 });
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  const errors: Error[] = [];
  response.on('error', (error) => errors.push(error));
  await serveEvents(setup.notifier, user, response);
  response.end();
  assert.equal(response.writableFinished, false, 'nobody reads');
  setup.bus.publish({ workspace: one }, { workspace: one, seq: 1 });
  let looks = 0;
  await until(() => looks++ > 5);
  await setup.notifier[Symbol.asyncDispose]();
  await new Promise(setImmediate);
  assert.deepEqual(errors, [], 'an error that nobody hears of ends the process');
});

test('server-sent events: pings as data, heartbeats as comments, a reconnect time at the end', async () => {
  await using server = await eventServer({ heartbeatMs: 20 });
  const { response, text } = await server.connect();
  assert.equal(response.headers['content-type'], 'text/event-stream; charset=utf-8');
  await until(() => text().includes(': connected'));
  server.bus.publish({ workspace: one }, { workspace: one, seq: 12 });
  await until(() => text().includes(`data: {"workspace":"${one}","seq":12}\n\n`));
  await until(() => text().includes('\n\n:\n\n'));
  const ended = once(response, 'end');
  await server.notifier[Symbol.asyncDispose]();
  await ended;
  assert.match(text(), /retry: \d+\n/);
});

test('server-sent events: each ping is on the wire before the next, and a closed connection is forgotten', async () => {
  await using server = await eventServer({ coalesceMs: 0 });
  const { response, text } = await server.connect();
  for (let seq = 1; seq <= 50; seq++) {
    server.bus.publish({ workspace: one }, { workspace: one, seq });
    await until(() => text().includes(`"seq":${seq}}`));
    await turn();
  }
  response.destroy();
  await until(() => server.notifier.clientCount() === 0);
});

test('server-sent events: a client that stops reading does not fill the memory', async () => {
  await using server = await eventServer({ coalesceMs: 0 });
  server.memberships.set(user, new Set(Array.from({ length: 500 }, (_, index) => workspaceAt(index))));
  const { response } = await server.connect();
  response.pause();
  const before = process.memoryUsage().heapUsed;
  for (let round = 1; round <= 400; round++) {
    for (let index = 0; index < 500; index++)
      server.bus.publish({ workspace: workspaceAt(index) }, { workspace: workspaceAt(index), seq: round });
    await new Promise(setImmediate);
  }
  assert.ok(process.memoryUsage().heapUsed - before < 60 * 1024 * 1024);
});

test('long poll: nothing is missed between two polls, a first poll says to list, a quiet one times out', async () => {
  const { bus, notifier } = setUp();
  const polls = createLongPolls(notifier, systemClock);
  const caller = { userId: user, deviceId: device };
  assert.deepEqual(await polls.poll(caller, { timeoutMs: 5000 }), { pings: [{ workspaces: true }] });
  bus.publish({ workspace: one }, { workspace: one, seq: 5 });
  await turn();
  assert.deepEqual(await polls.poll(caller, { timeoutMs: 5000 }), { pings: [{ workspace: one, seq: 5 }] });
  const waiting = polls.poll(caller, { timeoutMs: 5000 });
  await turn();
  bus.publish({ workspace: one }, { workspace: one, seq: 6 });
  assert.deepEqual(await waiting, { pings: [{ workspace: one, seq: 6 }] });
  assert.deepEqual(await polls.poll(caller, { timeoutMs: 20 }), { pings: [] });
  await notifier[Symbol.asyncDispose]();
});

test('web socket: pings as messages, back-pressure by what is buffered, a restart code at the end', async () => {
  const { bus, notifier } = setUp({ coalesceMs: 0 });
  const sent: string[] = [];
  const callbacks: (() => void)[] = [];
  let closed = '';
  const socket = {
    bufferedAmount: 0,
    send(text: string, done: () => void) {
      sent.push(text);
      callbacks.push(done);
    },
    ping: () => undefined,
    close: (code: number, reason: string) => void (closed = `${code} ${reason}`),
    terminate: () => undefined,
    on: () => undefined,
  };
  await serveSocket(notifier, user, socket);
  bus.publish({ workspace: one }, { workspace: one, seq: 1 });
  await until(() => sent.length === 1);
  assert.deepEqual(JSON.parse(sent[0] ?? ''), { workspace: one, seq: 1 });
  socket.bufferedAmount = 1 << 20;
  await turn();
  bus.publish({ workspace: one }, { workspace: one, seq: 2 });
  await until(() => sent.length === 2);
  for (let seq = 3; seq < 50; seq++) bus.publish({ workspace: one }, { workspace: one, seq });
  await turn();
  assert.equal(sent.length, 2);
  socket.bufferedAmount = 0;
  callbacks.at(-1)?.();
  assert.deepEqual(JSON.parse(sent[2] ?? ''), { workspace: one, seq: 49 });
  await notifier[Symbol.asyncDispose]();
  assert.match(closed, /^1012 retry=\d+$/);
});

test('an unreachable bus refuses the client and leaves nothing behind', async () => {
  const bus: MessageBus = { publish: () => undefined, subscribe: () => Promise.reject(new Error('planted')) };
  const notifier = createNotifier({
    bus,
    clock: systemClock,
    random: systemRandom,
    workspacesOf: async () => new Set([one]),
    log: { warn: () => undefined },
  });
  await assert.rejects(notifier.attach(user, recordingSink().sink), /planted/);
  assert.equal(notifier.clientCount(), 0);
  await notifier[Symbol.asyncDispose]();
});
