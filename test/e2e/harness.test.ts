/** The harness itself: each of its claims must be able to fail. Needs no product. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { startChild, run } from '../support/child.ts';
import { createLedger } from '../support/ledger.ts';
import { linkSpeed } from '../support/link-speed.ts';
import { startProxy } from '../support/proxy.ts';
import { seededRandom } from '../support/random.ts';
import { createDevice } from '../support/satchel.ts';
import { scratch } from '../support/scratch.ts';
import { assertSameTree, readTree, treeDiff } from '../support/tree.ts';
import { until } from '../support/until.ts';

async function echoServer(): Promise<AsyncDisposable & { readonly port: number; readonly bodies: readonly string[] }> {
  const bodies: string[] = [];
  const server = createServer((request, reply) => {
    const parts: Buffer[] = [];
    request.on('data', (bytes: Buffer) => parts.push(bytes));
    request.on('end', () => {
      bodies.push(Buffer.concat(parts).toString());
      reply.end(Buffer.concat(parts));
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    bodies,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

async function post(url: string, body: string, chunked = false): Promise<string> {
  const reply = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = httpRequest(url, { method: 'POST' }, resolve).on('error', reject);
    if (chunked) request.write(body.slice(0, 10));
    request.end(chunked ? body.slice(10) : body);
  });
  const parts: Buffer[] = [];
  for await (const bytes of reply as AsyncIterable<Buffer>) parts.push(bytes);
  return Buffer.concat(parts).toString();
}

test('the proxy counts bytes and requests, plain and chunked, on kept connections', async () => {
  await using echo = await echoServer();
  await using proxy = await startProxy({ targetPort: echo.port });
  const body = 'x'.repeat(100_000);
  for (const chunked of [false, true, false])
    assert.equal(await post(`${proxy.url}/files/commit?x=1`, body, chunked), body);
  const traffic = proxy.traffic();
  assert.deepEqual(traffic.byRoute, { 'POST /files/commit': 3 });
  assert.ok(traffic.upBytes > 300_000 && traffic.upBytes < 302_000, String(traffic.upBytes));
  assert.ok(traffic.downBytes > 300_000 && traffic.downBytes < 302_000, String(traffic.downBytes));
});

test('H88 the proxy loses a reply after the request was carried out, H89 and doubles one', async () => {
  await using echo = await echoServer();
  await using proxy = await startProxy({ targetPort: echo.port });
  proxy.setRule(({ number }) =>
    number === 1 ? 'drop-reply' : number === 2 ? 'duplicate' : number === 3 ? 'cut' : 'pass',
  );
  await assert.rejects(post(proxy.url, 'one'));
  assert.deepEqual(echo.bodies, ['one']);
  assert.equal(await post(proxy.url, 'two'), 'two');
  await until(() => echo.bodies.length === 3, { timeoutMs: 5000, what: 'the double has arrived' });
  await assert.rejects(post(proxy.url, 'three'));
  assert.equal(await post(proxy.url, 'four'), 'four');
  assert.deepEqual(echo.bodies, ['one', 'two', 'two', 'four']);
  proxy.setOnline(false);
  await assert.rejects(post(proxy.url, 'five'));
});

test('a limited link carries no more than it should', async () => {
  await using echo = await echoServer();
  await using proxy = await startProxy({ targetPort: echo.port });
  proxy.limit({ up: linkSpeed(8_000_000) });
  const begin = performance.now();
  await post(proxy.url, 'x'.repeat(300_000));
  const ms = performance.now() - begin;
  assert.ok(ms > 250, `300 kB over 1 MB/s took ${ms} ms`);
});

test('trees that differ in content, kind, exec bit, target or presence are told apart', () => {
  using folder = scratch();
  for (const side of ['left', 'right']) {
    mkdirSync(folder.join(side, 'd'), { recursive: true });
    writeFileSync(folder.join(side, 'same'), 'same');
    writeFileSync(folder.join(side, 'edited'), side);
    writeFileSync(folder.join(side, 'tool'), '#!');
    symlinkSync(side, folder.join(side, 'link'));
    mkdirSync(folder.join(side, '.satchel'));
    writeFileSync(folder.join(side, '.satchel', side), side);
  }
  writeFileSync(folder.join('left', 'only'), '');
  chmodSync(folder.join('left', 'tool'), 0o755);
  const differences = treeDiff(readTree(folder.join('left')), readTree(folder.join('right')));
  assert.deepEqual(
    differences.map((line) => line.split(':')[0]),
    ['edited', 'link', 'only', 'tool'],
  );
  assert.throws(() => assertSameTree(readTree(folder.join('left')), readTree(folder.join('right'))), /4 places/);
});

test('the ledger misses what vanished unseen and forgives what was seen', () => {
  using folder = scratch();
  const a = createDevice({ name: 'a', folder: folder.path, serverUrl: '' });
  const ledger = createLedger(folder.join('grave'));
  ledger.write(a, 'd/one', 'first');
  ledger.write(a, 'd/one', 'second');
  ledger.replace(a, 'd/one', 'third');
  ledger.write(a, 'two', 'kept');
  ledger.remove(a, 'd');
  ledger.assertNothingLost([a]);
  ledger.wrote('by a ghost', 'ghost', 'three');
  assert.throws(() => ledger.assertNothingLost([a]), /1 of 5 contents are lost[^]*three/);
  writeFileSync(a.path('three'), 'by a ghost');
  ledger.assertNothingLost([a]);
});

test('children log to a file, obey file permissions even under root, and end with their disposal', async () => {
  using folder = scratch();
  mkdirSync(folder.join('closed'), { mode: 0o000 });
  const listed = await run(['ls', folder.join('closed')], { env: process.env });
  assert.notEqual(listed.code, 0);
  let pid: number;
  {
    await using child = startChild({
      name: 'sleeper',
      command: ['sh', '-c', 'echo ready; sleep 1000'],
      env: process.env,
      logFile: folder.join('log'),
    });
    pid = child.pid;
    await until(() => child.log().includes('ready'), { timeoutMs: 5000, what: 'the child speaks' });
    assert.ok(child.running());
  }
  assert.throws(() => process.kill(pid, 0), /ESRCH/);
  assert.equal(readFileSync(folder.join('log'), 'utf8'), 'ready\n');
  await assert.rejects(run(['sleep', '1000'], { env: process.env, timeoutMs: 100 }), /no end after 100 ms/);
});

test('a seed replays its chance', () => {
  const [a, b, c] = [seededRandom(7), seededRandom(7), seededRandom(8)];
  const bytes = a.bytes(1001);
  assert.deepEqual(bytes, b.bytes(1001));
  assert.notDeepEqual(bytes, c.bytes(1001));
  assert.equal(a.below(1000), b.below(1000));
});
