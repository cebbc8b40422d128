import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { test } from 'node:test';
import type { Manifest } from '@satchel/core/manifest.ts';
import { CodedError } from '@satchel/protocol/errors.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import { OfflineError } from '../ports/server-api.ts';
import { createDevice } from './testing/device.ts';
import { problem, startMemoryServer, type MemoryServer } from './testing/memory-server.ts';

const never = new AbortController().signal;
type Device = ReturnType<typeof createDevice>;

async function scanned(device: Device, name: string, base?: Manifest) {
  const [result] = await device.hashing.scan([{ path: device.path(name), ...(base ? { base } : {}) }], never);
  assert.ok(result?.outcome === 'scanned');
  return result;
}

async function fileOf(device: Device, name: string, bytes: Uint8Array) {
  fs.writeFileSync(device.path(name), bytes);
  return { path: device.path(name), objectId: device.objectId(), chunks: (await scanned(device, name)).chunks };
}

const requestsOf = (server: MemoryServer): number => [...server.requests.values()].reduce((a, b) => a + b, 0);

test('a small file is sent in one request, without asking', async () => {
  await using server = await startMemoryServer();
  await using device = createDevice(server.url);
  const file = await fileOf(device, 'a', Buffer.from('hello'));
  const outcome = await device.uploader.uploadMany({ workspaceId: device.workspaceId, files: [file] }, never);
  assert.deepEqual(outcome, ['sent']);
  assert.deepEqual([...server.requests], [['POST /chunks/batch', 1]]);
  assert.equal(server.chunks.get(file.chunks[0]!.id)?.toString(), 'hello');
});

test('H93 a chunk in the middle of a file is sent again alone, unasked, and not when the file has changed', async () => {
  await using server = await startMemoryServer();
  await using device = createDevice(server.url);
  const { chunks, ...file } = await fileOf(device, 'long', randomBytes(6_000_000));
  const [first, second] = chunks;
  assert.ok(first !== undefined && second !== undefined);
  const { workspaceId } = device;
  const again = { ...file, chunks: [second], from: first.size };
  assert.deepEqual(await device.uploader.sendAgain({ workspaceId, files: [again] }, never), ['sent']);
  assert.deepEqual([...server.chunks.keys()], [second.id]);
  assert.deepEqual([...server.requests], [['POST /chunks/batch', 1]]);
  fs.writeFileSync(file.path, randomBytes(6_000_000));
  const other = { ...file, chunks: [first], from: 0 };
  assert.deepEqual(await device.uploader.sendAgain({ workspaceId, files: [other] }, never), ['changed']);
  fs.rmSync(file.path);
  assert.deepEqual(await device.uploader.sendAgain({ workspaceId, files: [other] }, never), ['changed']);
  assert.deepEqual([...server.chunks.keys()], [second.id]);
});

test('an empty file needs nothing', async () => {
  await using server = await startMemoryServer();
  await using device = createDevice(server.url);
  const file = await fileOf(device, 'a', Buffer.alloc(0));
  assert.deepEqual(await device.uploader.uploadMany({ workspaceId: device.workspaceId, files: [file] }, never), [
    'sent',
  ]);
  assert.equal(requestsOf(server), 0);
});

test('2,000 small files cost few requests and little more than their bytes', async () => {
  await using server = await startMemoryServer();
  await using device = createDevice(server.url);
  const files: string[] = [];
  for (let index = 0; index < 2000; index++) files.push(device.path(`f${index}`));
  for (const path of files) fs.writeFileSync(path, randomBytes(5000));
  const results = await device.hashing.scan(
    files.map((path) => ({ path })),
    never,
  );
  let progress = 0;
  const outcomes = await device.uploader.uploadMany(
    {
      workspaceId: device.workspaceId,
      progress: (bytes) => (progress += bytes),
      files: results.map((result, index) => {
        assert.ok(result.outcome === 'scanned');
        return { path: files[index]!, objectId: device.objectId(), chunks: result.chunks };
      }),
    },
    never,
  );
  assert.ok(outcomes.every((outcome) => outcome === 'sent'));
  assert.equal(server.chunks.size, 2000);
  assert.equal(progress, 2000 * 5000);
  assert.ok(requestsOf(server) <= 6, `${requestsOf(server)} requests`);
  assert.ok(server.received() < 2000 * 5000 * 1.1, `${server.received()} bytes`);
});

test('a long file goes to signed addresses, each chunk once, though it holds some twice', async () => {
  await using server = await startMemoryServer();
  await using device = createDevice(server.url);
  const half = randomBytes(6 * 1024 * 1024);
  const file = await fileOf(device, 'long', Buffer.concat([half, half]));
  await device.uploader.uploadMany({ workspaceId: device.workspaceId, files: [file] }, never);
  for (const { id } of file.chunks) assert.ok(server.chunks.has(id));
  const large = file.chunks.filter(({ size }) => size >= LIMITS.smallChunkBytes);
  assert.equal(server.requests.get('PUT /blocks'), new Set(large.map(({ id }) => id)).size);
});

test('text is sent compressed, through batches', async () => {
  await using server = await startMemoryServer();
  await using device = createDevice(server.url);
  const line = 'All work and no play makes a dull file; ';
  const file = await fileOf(
    device,
    'text',
    Buffer.from(Array.from({ length: 200_000 }, (_, n) => line + n).join('\n')),
  );
  await device.uploader.uploadMany({ workspaceId: device.workspaceId, files: [file] }, never);
  for (const { id } of file.chunks) assert.ok(server.chunks.has(id));
  assert.ok(server.received() < 0.2 * fs.statSync(file.path).size, `${server.received()} bytes`);
  assert.equal(server.requests.get('PUT /blocks'), undefined);
});

test('what has arrived before an interruption is not sent again', async () => {
  await using server = await startMemoryServer();
  await using device = createDevice(server.url);
  const file = await fileOf(device, 'long', randomBytes(24 * 1024 * 1024));
  const stop = new AbortController();
  let puts = 0;
  server.intercept = () => {
    if (++puts === 12) stop.abort(new Error('killed'));
    return false;
  };
  const request = { workspaceId: device.workspaceId, files: [file] };
  await assert.rejects(device.uploader.uploadMany(request, stop.signal), { message: 'killed' });
  await server.cut();
  const before = server.chunks.size;
  assert.ok(before > 0 && before < file.chunks.length, `${before} of ${file.chunks.length}`);
  server.reset();
  const again: string[] = [];
  server.intercept = ({ url = '' }) => {
    const id = /blocks\/(\w+)/.exec(url)?.[1];
    if (id !== undefined && server.chunks.has(id)) again.push(id);
    return false;
  };
  assert.deepEqual(await device.uploader.uploadMany(request, never), ['sent']);
  assert.deepEqual(again, []);
  assert.ok((server.requests.get('PUT /blocks') ?? 0) <= file.chunks.length - before);
});

test('H13 a file that changed since it was scanned is told so, and nothing of a mix is stored', async () => {
  await using server = await startMemoryServer();
  await using device = createDevice(server.url);
  const small = await fileOf(device, 'small', Buffer.from('before'));
  const long = await fileOf(device, 'long', randomBytes(8 * 1024 * 1024));
  const good = await fileOf(device, 'good', Buffer.from('stays'));
  fs.writeFileSync(small.path, 'after!');
  const fd = fs.openSync(long.path, 'r+');
  fs.writeSync(fd, 'edited', 3_000_000);
  fs.closeSync(fd);
  const request = { workspaceId: device.workspaceId, files: [small, long, good] };
  assert.deepEqual(await device.uploader.uploadMany(request, never), ['changed', 'changed', 'sent']);
  const named = new Set([...small.chunks, ...long.chunks, ...good.chunks].map(({ id }) => id as string));
  for (const id of server.chunks.keys()) assert.ok(named.has(id));
});

test('H12 a file that has vanished does not keep the others back', async () => {
  await using server = await startMemoryServer();
  await using device = createDevice(server.url);
  const gone = await fileOf(device, 'gone', Buffer.from('gone'));
  const good = await fileOf(device, 'good', Buffer.from('stays'));
  fs.rmSync(gone.path);
  const request = { workspaceId: device.workspaceId, files: [gone, good] };
  assert.deepEqual(await device.uploader.uploadMany(request, never), ['changed', 'sent']);
  assert.ok(server.chunks.has(good.chunks[0]!.id));
});

test('a small edit of a long file is sent as a difference against the signature of the old chunk', async () => {
  await using server = await startMemoryServer();
  await using device = createDevice(server.url);
  const file = await fileOf(device, 'long', randomBytes(12 * 1024 * 1024));
  await device.uploader.uploadMany({ workspaceId: device.workspaceId, files: [file] }, never);
  const [whole] = await device.hashing.scan([{ path: file.path, signatures: true }], never);
  assert.ok(whole?.outcome === 'scanned');
  for (const { id, blocks } of whole.signatures) device.signatures.set(id, blocks);
  for (const [edit, apply] of [
    ['in place', (bytes: Buffer) => (bytes.write('a small edit', 5_000_000), bytes)],
    ['at the head', (bytes: Buffer) => Buffer.concat([Buffer.from('x'), bytes])],
  ] as const) {
    const base = (await scanned(device, 'long')).chunks;
    for (const result of await device.hashing.scan([{ path: file.path, signatures: true }], never))
      if (result.outcome === 'scanned')
        for (const { id, blocks } of result.signatures) device.signatures.set(id, blocks);
    fs.writeFileSync(file.path, apply(fs.readFileSync(file.path)));
    const { chunks } = await scanned(device, 'long', base);
    server.reset();
    const edited = { ...file, chunks, base };
    assert.deepEqual(await device.uploader.uploadMany({ workspaceId: device.workspaceId, files: [edited] }, never), [
      'sent',
    ]);
    for (const { id } of chunks) assert.ok(server.chunks.has(id), edit);
    assert.ok(server.received() < 16_000, `${edit}: ${server.received()} bytes`);
    assert.equal(requestsOf(server), 1);
  }
});

test('a difference that the server cannot apply is followed by the whole chunk', async () => {
  await using server = await startMemoryServer();
  await using device = createDevice(server.url);
  const file = await fileOf(device, 'long', randomBytes(3 * 1024 * 1024));
  const [whole] = await device.hashing.scan([{ path: file.path, signatures: true }], never);
  assert.ok(whole?.outcome === 'scanned');
  for (const { id, blocks } of whole.signatures) device.signatures.set(id, blocks);
  fs.appendFileSync(file.path, 'more');
  const { chunks } = await scanned(device, 'long');
  // The server never got the base.
  const edited = { ...file, chunks, base: file.chunks };
  assert.deepEqual(await device.uploader.uploadMany({ workspaceId: device.workspaceId, files: [edited] }, never), [
    'sent',
  ]);
  const known = new Set(file.chunks.map(({ id }) => id));
  for (const { id } of chunks) if (!known.has(id)) assert.ok(server.chunks.has(id));
});

test('S7 chunks that somebody else has are proved, not sent', async () => {
  await using server = await startMemoryServer();
  await using device = createDevice(server.url);
  const bytes = randomBytes(5 * 1024 * 1024);
  const file = await fileOf(device, 'long', bytes);
  let offset = 0;
  for (const { id, size } of file.chunks) server.foreign.set(id, bytes.subarray(offset, (offset += size)));
  assert.deepEqual(await device.uploader.uploadMany({ workspaceId: device.workspaceId, files: [file] }, never), [
    'sent',
  ]);
  for (const { id } of file.chunks) assert.ok(server.chunks.has(id));
  assert.ok(server.received() < 10_000);
});

test('an expired address is asked for again; a busy server is asked again later', async () => {
  await using server = await startMemoryServer();
  await using device = createDevice(server.url);
  const file = await fileOf(device, 'long', randomBytes(3 * 1024 * 1024));
  const seen = new Set<string>();
  server.intercept = (request, response) => {
    const path = request.url ?? '';
    if (!path.includes('/blocks/') || seen.has(path)) return false;
    seen.add(path);
    return problem(response, seen.size === 1 ? 'signature_expired' : 'unavailable', { 'retry-after': '7' });
  };
  assert.deepEqual(await device.uploader.uploadMany({ workspaceId: device.workspaceId, files: [file] }, never), [
    'sent',
  ]);
  for (const { id } of file.chunks) assert.ok(server.chunks.has(id));
  if (file.chunks.length > 1) assert.ok(device.clock.waits.some((ms) => ms >= 7000));
});

test('a full quota ends the upload with its code', async () => {
  await using server = await startMemoryServer();
  await using device = createDevice(server.url);
  const file = await fileOf(device, 'long', randomBytes(3 * 1024 * 1024));
  server.intercept = (request, response) => request.method === 'PUT' && problem(response, 'quota_exceeded');
  await assert.rejects(
    device.uploader.uploadMany({ workspaceId: device.workspaceId, files: [file] }, never),
    (error) => error instanceof CodedError && error.code === 'quota_exceeded',
  );
});

test('a server that is away is tried for a while; then the fault is handed on', async () => {
  await using device = createDevice(new URL('http://127.0.0.1:9'));
  const file = await fileOf(device, 'a', Buffer.from('hello'));
  await assert.rejects(
    device.uploader.uploadMany({ workspaceId: device.workspaceId, files: [file] }, never),
    OfflineError,
  );
  assert.equal(device.clock.waits.length, 4);
});

test('a stream reads, cuts and sends in one pass, and gives the chunk list of a scan', async () => {
  await using server = await startMemoryServer();
  await using device = createDevice(server.url);
  const file = await fileOf(device, 'long', randomBytes(40 * 1024 * 1024));
  const { workspaceId } = device;
  const { scan, uploadId } = await device.uploader.uploadStream({ workspaceId, ...file }, never);
  assert.ok(scan.outcome === 'scanned');
  assert.deepEqual(scan.chunks, file.chunks);
  assert.deepEqual(scan.before, scan.after);
  for (const { id } of file.chunks) assert.ok(server.chunks.has(id));
  assert.ok(server.announced.every((window) => window.uploadId === uploadId));
  server.reset();
  await device.uploader.uploadStream({ workspaceId, ...file, base: file.chunks }, never);
  assert.equal(requestsOf(server), 0);
});

test('a stream whose server fails ends with the failure and leaves nothing waiting', async () => {
  await using server = await startMemoryServer();
  await using device = createDevice(server.url);
  const file = await fileOf(device, 'long', randomBytes(40 * 1024 * 1024));
  server.intercept = (request, response) => request.method === 'PUT' && problem(response, 'quota_exceeded');
  await assert.rejects(
    device.uploader.uploadStream({ workspaceId: device.workspaceId, ...file }, never),
    (error) => error instanceof CodedError && error.code === 'quota_exceeded',
  );
});

test('a stream that need not be sent is read to its end when the server fails', async () => {
  await using server = await startMemoryServer();
  await using device = createDevice(server.url);
  const file = await fileOf(device, 'long', randomBytes(40 * 1024 * 1024));
  let puts = 0;
  server.intercept = (request, response) =>
    request.method === 'PUT' && ++puts > 8 && problem(response, 'quota_exceeded');
  const { workspaceId } = device;
  const isWanted = (): boolean => true;
  const { scan, isSent } = await device.uploader.uploadStream({ workspaceId, ...file, isWanted }, never);
  assert.equal(isSent, false);
  assert.ok(scan.outcome === 'scanned');
  assert.deepEqual(scan.chunks, file.chunks);
  assert.ok(server.chunks.size >= 8 && server.chunks.size < file.chunks.length);
});

test('a stream that is no longer wanted is only read on', async () => {
  await using server = await startMemoryServer();
  await using device = createDevice(server.url);
  const file = await fileOf(device, 'long', randomBytes(40 * 1024 * 1024));
  const { workspaceId } = device;
  const isWanted = (): boolean => server.chunks.size === 0;
  const { scan, isSent } = await device.uploader.uploadStream({ workspaceId, ...file, isWanted }, never);
  assert.equal(isSent, false);
  assert.ok(scan.outcome === 'scanned');
  assert.deepEqual(scan.chunks, file.chunks);
  assert.ok(server.chunks.size > 0 && server.chunks.size < file.chunks.length);
});
