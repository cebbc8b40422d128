import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { ObjectId, OperationId, UploadId } from '@satchel/protocol/ids.ts';
import type { Ping } from '@satchel/protocol/notify.ts';
import { createHashPool } from '../adapters/hash-pool.ts';
import { createHttpApi } from '../adapters/http-api.ts';
import { systemClock, systemRandom } from '../adapters/system-clock.ts';
import type { ScanResult } from '../ports/hashing.ts';
import { followChanges } from './change-feed.ts';
import { createDownloader } from './download.ts';
import { createPrefetch } from './prefetch.ts';
import { createRateLimit } from './rate-limit.ts';
import { withRetry } from './retry.ts';
import { createMemoryTokens, freshId } from './testing/device.ts';
import { createUploader } from './upload.ts';

const never = new AbortController().signal;
const MIB = 1024 * 1024;
const main = fileURLToPath(new URL('../../../server/src/main.ts', import.meta.url));
const root = fs.mkdtempSync(join(tmpdir(), 'satchel-real-'));
const port = 20_000 + (process.pid % 20_000);
let server: ChildProcess;

async function start(): Promise<void> {
  const argv = ['--disable-warning=ExperimentalWarning', main, 'serve', '--data', join(root, 'data')];
  server = spawn(process.execPath, [...argv, '--listen', `127.0.0.1:${port}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise<void>((resolve, reject) => {
    server.on('exit', (code) => reject(new Error(`the server ended with ${code}`)));
    server.stdout?.on('data', (text: Buffer) => text.includes('listening') && resolve());
  });
}

async function kill(): Promise<void> {
  const gone = new Promise((resolve) => server.once('exit', resolve));
  server.kill('SIGKILL');
  await gone;
}

before(start);
after(async () => {
  await kill();
  fs.rmSync(root, { recursive: true });
});

const password = 'correct horse battery staple';

async function device(email: string, known = false) {
  const tokens = createMemoryTokens();
  const api = createHttpApi({
    server: new URL(`http://127.0.0.1:${port}`),
    tokens,
    clock: systemClock,
    up: createRateLimit(systemClock),
    down: createRateLimit(systemClock),
  });
  const signedIn = await api.call(known ? 'login' : 'signup', { body: { email, password, deviceName: 'test' } }, never);
  await api.session.adopt(signedIn);
  const hashing = createHashPool();
  const signatures = new Map<string, Uint8Array>();
  const retrying = withRetry(api, { clock: systemClock, random: systemRandom });
  return {
    tokens,
    hashing,
    api: retrying,
    workspaceId: signedIn.workspaceId,
    signatures,
    uploader: createUploader({
      api: retrying,
      hashing,
      newUploadId: () => freshId<UploadId>(),
      signature: (id) => signatures.get(id),
    }),
    downloader: createDownloader({ api: retrying, hashing, clock: systemClock, random: systemRandom }),
    async [Symbol.asyncDispose]() {
      api[Symbol.dispose]();
      await hashing[Symbol.asyncDispose]();
    },
  };
}

type Device = Awaited<ReturnType<typeof device>>;
type Scanned = Extract<ScanResult, { outcome: 'scanned' }>;

async function scan(on: Device, path: string, base?: Scanned): Promise<Scanned> {
  const request = { path, signatures: true, ...(base === undefined ? {} : { base: base.chunks }) };
  const [result] = await on.hashing.scan([request], never);
  assert.ok(result?.outcome === 'scanned');
  for (const { id, blocks } of result.signatures) on.signatures.set(id, blocks);
  return result;
}

async function fetchTo(on: Device, path: string, { chunks }: Pick<Scanned, 'chunks'>): Promise<void> {
  let offset = 0;
  const wanted = chunks.map(({ id, size }) => ({ id, size, targets: [{ path, offset: (offset += size) - size }] }));
  await on.downloader.fetchChunks({ workspaceId: on.workspaceId, wanted }, never);
}

function file(name: string, bytes: Uint8Array): string {
  fs.writeFileSync(join(root, name), bytes);
  return join(root, name);
}

async function commit(on: Device, objectId: ObjectId, { chunks, hash, size }: Scanned): Promise<void> {
  const { workspaces } = await on.api.call('workspaces', {}, never);
  const parentId = workspaces.find(({ workspaceId }) => workspaceId === on.workspaceId)?.rootId;
  assert.ok(parentId);
  const content = { size, contentHash: hash, mtimeMs: 0, executable: false, list: { chunks } };
  const place = { parentId, name: objectId };
  const operationId = freshId<OperationId>();
  const body = {
    workspaceId: on.workspaceId,
    operations: [{ op: 'put' as const, operationId, objectId, place, baseVersionId: null, content }],
  };
  const { results } = await on.api.call('commit', { body }, never);
  assert.equal(results[0]?.outcome, 'done', JSON.stringify(results));
}

test('small, long, compressible and empty files go up and come down the same', async () => {
  await using a = await device('one@example.org');
  const contents = [
    Buffer.alloc(0),
    Buffer.from('hello'),
    randomBytes(100_000),
    randomBytes(20 * MIB),
    Buffer.alloc(6 * MIB, 'The quick brown fox. '),
    ...Array.from({ length: 300 }, () => randomBytes(3000)),
  ];
  const paths = contents.map((bytes, index) => file(`content${index}`, bytes));
  const scans = await Promise.all(paths.map((path) => scan(a, path)));
  const files = scans.map(({ chunks }, index) => ({ path: paths[index]!, objectId: freshId<ObjectId>(), chunks }));
  const outcomes = await a.uploader.uploadMany({ workspaceId: a.workspaceId, files }, never);
  assert.ok(outcomes.every((outcome) => outcome === 'sent'));
  for (const [index, scanned] of scans.entries()) {
    if (scanned.size === 0) continue;
    const out = join(root, `down${index}`);
    await fetchTo(a, out, scanned);
    assert.ok(fs.readFileSync(out).equals(contents[index]!), `content ${index}`);
  }
});

test('a small edit goes up as a difference, and down as one against the chunk at hand', async () => {
  await using a = await device('two@example.org');
  const bytes = randomBytes(10 * MIB);
  const path = file('edited', bytes);
  const base = await scan(a, path);
  const objectId = freshId<ObjectId>();
  await a.uploader.uploadMany({ workspaceId: a.workspaceId, files: [{ path, objectId, chunks: base.chunks }] }, never);
  await commit(a, objectId, base);
  fs.copyFileSync(path, join(root, 'old'));
  bytes.write('a small edit', 4 * MIB);
  file('edited', bytes);
  const edited = await scan(a, path, base);
  let upBytes = 0;
  const counting = createUploader({
    hashing: a.hashing,
    newUploadId: () => freshId<UploadId>(),
    signature: (id) => a.signatures.get(id),
    api: {
      ...a.api,
      sendFrames: (target, frames, signal) => {
        for (const { length } of frames) upBytes += length;
        return a.api.sendFrames(target, frames, signal);
      },
      putSigned: () => assert.fail('a whole chunk is sent'),
    },
  });
  const upload = { path, objectId, chunks: edited.chunks, base: base.chunks };
  assert.deepEqual(await counting.uploadMany({ workspaceId: a.workspaceId, files: [upload] }, never), ['sent']);
  assert.ok(upBytes > 0 && upBytes < 12_000, `${upBytes} bytes up`);

  const at = edited.chunks.findIndex(({ id }, index) => id !== base.chunks[index]?.id);
  const old = base.chunks[at]!;
  const offset = base.chunks.slice(0, at).reduce((sum, { size }) => sum + size, 0);
  let downBytes = 0;
  const downloader = createDownloader({
    hashing: a.hashing,
    clock: systemClock,
    random: systemRandom,
    api: {
      ...a.api,
      fetchFrames: (request, receive, signal) =>
        a.api.fetchFrames(request, (piece) => ((downBytes += piece.length), receive(piece)), signal),
    },
  });
  const out = join(root, 'chunk');
  const wanted = [
    { ...edited.chunks[at]!, targets: [{ path: out, offset: 0 }], base: { ...old, path: join(root, 'old'), offset } },
  ];
  await downloader.fetchChunks({ workspaceId: a.workspaceId, wanted }, never);
  assert.ok(fs.readFileSync(out).equals(bytes.subarray(offset, offset + edited.chunks[at]!.size)));
  assert.ok(downBytes < 12_000, `${downBytes} bytes down`);
});

test('S7 content that another account has is proved, and not to be had without', async () => {
  await using a = await device('three@example.org');
  await using b = await device('four@example.org');
  // A short last chunk is sent without asking, where its content is new to an account: it is cut off.
  const whole = randomBytes(9 * MIB);
  const long = (await scan(a, file('whole', whole))).chunks.slice(0, -1);
  const path = file(
    'shared',
    whole.subarray(
      0,
      long.reduce((sum, { size }) => sum + size, 0),
    ),
  );
  const content = await scan(a, path);
  assert.ok(content.chunks.length > 0);
  const files = [{ path, objectId: freshId<ObjectId>(), chunks: content.chunks }];
  await a.uploader.uploadMany({ workspaceId: a.workspaceId, files }, never);
  await assert.rejects(fetchTo(b, join(root, 'stolen'), content), { code: 'chunk_missing' });
  const uploader = createUploader({
    hashing: b.hashing,
    newUploadId: () => freshId<UploadId>(),
    signature: () => undefined,
    api: { ...b.api, putSigned: () => assert.fail('sent again'), sendFrames: () => assert.fail('sent again') },
  });
  assert.deepEqual(await uploader.uploadMany({ workspaceId: b.workspaceId, files }, never), ['sent']);
  await fetchTo(b, join(root, 'proved'), content);
  assert.ok(fs.readFileSync(join(root, 'proved')).equals(fs.readFileSync(path)));
});

test('H92 an upload goes on after kill -9 of the server, and little is sent twice', async () => {
  await using a = await device('five@example.org');
  const path = file('killed', randomBytes(48 * MIB));
  const content = await scan(a, path);
  const files = [{ path, objectId: freshId<ObjectId>(), chunks: content.chunks }];
  let sentBytes = 0;
  let killing: Promise<void> | undefined;
  const restarted = async (): Promise<void> => {
    await kill();
    await start();
  };
  const uploader = createUploader({
    hashing: a.hashing,
    newUploadId: () => freshId<UploadId>(),
    signature: () => undefined,
    api: {
      ...a.api,
      async putSigned(target, bytes, signal) {
        sentBytes += bytes.length;
        if (sentBytes > 24 * MIB) killing ??= restarted();
        await a.api.putSigned(target, bytes, signal);
      },
    },
  });
  assert.deepEqual(await uploader.uploadMany({ workspaceId: a.workspaceId, files }, never), ['sent']);
  await killing;
  await fetchTo(a, join(root, 'survived'), content);
  assert.ok(fs.readFileSync(join(root, 'survived')).equals(fs.readFileSync(path)));
  assert.ok(sentBytes <= 64 * MIB, `${sentBytes} bytes`);
});

test('tokens rotate, and the old ones are of no use any more', async () => {
  await using a = await device('six@example.org');
  const [first] = a.tokens.saved;
  assert.ok(first);
  a.tokens.saved.push({ ...first, accessToken: 'x', accessExpiresAtMs: 0 });
  await using again = await device('six@example.org', true);
  const api = createHttpApi({
    server: new URL(`http://127.0.0.1:${port}`),
    tokens: a.tokens,
    clock: systemClock,
    up: createRateLimit(systemClock),
    down: createRateLimit(systemClock),
  });
  using _ = api;
  assert.equal((await api.call('account', {}, never)).email, 'six@example.org');
  assert.notEqual(a.tokens.saved.at(-1)?.refreshToken, first.refreshToken);
  const { devices } = await again.api.call('devices', {}, never);
  const other = devices.find(({ current }) => !current);
  assert.ok(other);
  await again.api.call('revokeDevice', { params: { device_id: other.deviceId } }, never);
  await assert.rejects(api.call('account', {}, never));
  assert.notEqual(api.session.state(), 'signed_in');
});

test('the other device hears of a commit, and prefetches an upload before it', async (t) => {
  await using a = await device('seven@example.org');
  await using b = await device('seven@example.org', true);
  const stop = new AbortController();
  t.after(() => stop.abort(new Error('the test is over')));
  const heard: Ping[] = [];
  let waiting: { readonly matches: (ping: Ping) => boolean; readonly resolve: () => void } | undefined;
  const pinged = (matches: (ping: Ping) => boolean): Promise<void> =>
    new Promise((resolve) => {
      if (heard.some(matches)) resolve();
      else waiting = { matches, resolve };
    });
  const live = Promise.withResolvers<void>();
  const feed = followChanges(
    {
      api: b.api,
      clock: systemClock,
      random: systemRandom,
      idleMs: () => 0,
      rest: (ms, signal) => systemClock.delay(ms, signal),
    },
    {
      ping(ping) {
        heard.push(ping);
        if (waiting?.matches(ping)) waiting.resolve();
      },
      isBehind: () => false,
      refresh: async () => undefined,
      state: (state) => state === 'live' && live.resolve(),
    },
    stop.signal,
  );
  await live.promise;
  const bytes = randomBytes(24 * MIB);
  const path = file('streamed', bytes);
  const objectId = freshId<ObjectId>();
  const { scan: content, uploadId } = await a.uploader.uploadStream(
    { workspaceId: a.workspaceId, path, objectId },
    never,
  );
  assert.ok(content.outcome === 'scanned');
  await pinged(({ upload }) => upload === uploadId);
  const staged = { workspaceId: b.workspaceId, uploadId, stagingPath: join(root, 'staged') };
  const prefetch = createPrefetch({ api: b.api, downloader: b.downloader }, staged);
  assert.equal(await prefetch.advance(never), bytes.length);
  assert.ok(fs.readFileSync(staged.stagingPath).equals(bytes));
  await commit(a, objectId, content);
  await pinged(({ workspace, seq }) => workspace === a.workspaceId && seq !== undefined);
  stop.abort(new Error('done'));
  await feed;
});
