import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import net, { type AddressInfo, type Socket } from 'node:net';
import { test } from 'node:test';
import { OfflineError } from '../ports/server-api.ts';
import { createBulkClient } from './http-bulk.ts';

const never = new AbortController().signal;
type Reply = (socket: Socket, request: string) => void;

/** A bare TCP server that says what a test wants to each request. */
async function serving(reply: Reply, options: { idleTimeoutMs?: number } = {}) {
  const sockets = new Set<Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => reply(socket, bytes.toString('latin1')));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = createBulkClient({ idleTimeoutMs: options.idleTimeoutMs ?? 10_000, allow: () => undefined });
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/x?y=z`);
  const got: Buffer[] = [];
  return {
    sockets,
    got,
    ask: (
      receive = (bytes: Uint8Array): Promise<void> | undefined => void got.push(Buffer.from(bytes)),
      signal = never,
    ) => {
      const request = { method: 'POST', url, headers: { a: 'b' }, body: [Buffer.from('hi')], lane: 'bulk' as const };
      return client.exchange({ ...request, signal, maxBytes: 1000, receive });
    },
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]();
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const whole = (body: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n`), body]);

test('a connection is used again, and the request is plain HTTP', async () => {
  const seen: string[] = [];
  await using it = await serving((socket, request) => {
    seen.push(request);
    socket.write(whole(Buffer.from('answer')));
  });
  for (let round = 0; round < 3; round++) {
    const answer = await it.ask();
    assert.ok(answer !== 'stale connection' && answer.status === 200);
  }
  assert.equal(it.sockets.size, 1);
  assert.equal(Buffer.concat(it.got).toString(), 'answeransweranswer');
  assert.match(
    seen[0] ?? '',
    /^POST \/x\?y=z HTTP\/1\.1\r\nhost: 127\.0\.0\.1:\d+\r\na: b\r\ncontent-length: 2\r\n\r\nhi$/,
  );
});

test('G4 a receiver that takes its time is waited for, and nothing is mixed up', async () => {
  const body = randomBytes(8 * 1024 * 1024);
  await using it = await serving((socket) => void socket.write(whole(body)));
  for (let round = 0; round < 2; round++) {
    const copies: Buffer[] = [];
    await it.ask(async (bytes) => {
      await new Promise((resolve) => setImmediate(resolve));
      copies.push(Buffer.from(bytes));
    });
    assert.ok(Buffer.concat(copies).equals(body));
  }
  assert.equal(it.sockets.size, 1);
});

test('a refusal is read whole and not given to the receiver', async () => {
  await using it = await serving((socket) => void socket.write('HTTP/1.1 404 No\r\ncontent-length: 4\r\n\r\ngone'));
  const answer = await it.ask(() => assert.fail('not for the receiver'));
  assert.ok(answer !== 'stale connection');
  assert.deepEqual([answer.status, answer.body.toString()], [404, 'gone']);
});

test('a kept connection that the server closes upon a request is stale, a fresh one is a fault', async () => {
  let answers = 1;
  await using it = await serving((socket) =>
    answers-- > 0 ? socket.write(whole(Buffer.from('x'))) : socket.destroy(),
  );
  await it.ask();
  assert.equal(await it.ask(), 'stale connection');
  await assert.rejects(it.ask(), OfflineError);
});

test('a connection that the server closed while nobody used it is not used again', async () => {
  await using it = await serving((socket) => void socket.write(whole(Buffer.from('x'))));
  await it.ask();
  const [socket] = it.sockets;
  const closed = new Promise((resolve) => socket?.once('close', resolve));
  socket?.end();
  await closed;
  await it.ask();
  assert.equal(it.sockets.size, 2);
});

test('H101 a cut, a silence and an abort end an exchange, also while the receiver is waited for', async () => {
  const head = 'HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nbegin';
  await using cut = await serving((socket) => socket.end(head));
  await assert.rejects(cut.ask(), OfflineError);
  await assert.rejects(
    cut.ask(() => new Promise((resolve) => setImmediate(resolve))),
    OfflineError,
  );
  await using silent = await serving((socket) => void socket.write(head), { idleTimeoutMs: 50 });
  await assert.rejects(silent.ask(), OfflineError);
  await using open = await serving((socket) => void socket.write(head));
  const stop = new AbortController();
  const asked = open.ask(() => {
    stop.abort(new Error('enough'));
    return new Promise(() => undefined);
  }, stop.signal);
  await assert.rejects(asked, { message: 'enough' });
});

test('what the receiver throws is thrown', async () => {
  await using it = await serving((socket) => void socket.write(whole(Buffer.from('x'))));
  await assert.rejects(
    it.ask(() => Promise.reject(new Error('disk full'))),
    { message: 'disk full' },
  );
  await assert.rejects(
    it.ask(() => {
      throw new Error('disk full');
    }),
    { message: 'disk full' },
  );
});

test('a server that says more than it should loses its connection, not its answer', async () => {
  await using it = await serving(
    (socket) => void socket.write(Buffer.concat([whole(Buffer.from('x')), Buffer.from('y')])),
  );
  await it.ask();
  await it.ask();
  assert.equal(Buffer.concat(it.got).toString(), 'xx');
});
