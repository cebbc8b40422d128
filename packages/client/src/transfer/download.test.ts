import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { test } from 'node:test';
import type { ChunkAt, WantedChunk } from '../ports/hashing.ts';
import { AnswerInvalidError, OfflineError } from '../ports/server-api.ts';
import { CodedError } from '@satchel/protocol/errors.ts';
import type { UploadId } from '@satchel/protocol/ids.ts';
import { createPrefetch } from './prefetch.ts';
import { createDevice, freshId } from './testing/device.ts';
import { chunkIdOf, startMemoryServer, type MemoryServer } from './testing/memory-server.ts';

const never = new AbortController().signal;
type Device = ReturnType<typeof createDevice>;

/** Puts content on the server in chunks of the given size. */
function stored(server: MemoryServer, bytes: Buffer, chunkBytes: number): readonly ChunkAt[] {
  const chunks: ChunkAt[] = [];
  for (let offset = 0; offset < bytes.length; offset += chunkBytes) {
    const part = bytes.subarray(offset, offset + chunkBytes);
    server.chunks.set(chunkIdOf(part), part);
    chunks.push({ id: chunkIdOf(part), size: part.length, offset });
  }
  return chunks;
}

const into = (path: string, chunks: readonly ChunkAt[]): WantedChunk[] =>
  chunks.map(({ id, size, offset }) => ({ id, size, targets: [{ path, offset }] }));

async function fetched(device: Device, wanted: readonly WantedChunk[], signal = never): Promise<number[]> {
  const done: number[] = [];
  const { workspaceId } = device;
  await device.downloader.fetchChunks({ workspaceId, wanted, done: (indices) => done.push(...indices) }, signal);
  return done.sort((a, b) => a - b);
}

const upTo = (length: number): number[] => Array.from({ length }, (_, index) => index);

test('a long file arrives whole, each chunk reported once', async () => {
  await using server = await startMemoryServer();
  await using device = createDevice(server.url);
  const bytes = randomBytes(30 * 1024 * 1024 + 77);
  const chunks = stored(server, bytes, 1_000_003);
  const path = device.path('long');
  assert.deepEqual(await fetched(device, into(path, chunks)), upTo(chunks.length));
  assert.ok(fs.readFileSync(path).equals(bytes));
});

test('many small files arrive in few requests, with mode and time', async () => {
  await using server = await startMemoryServer();
  await using device = createDevice(server.url);
  const chunks = stored(server, randomBytes(1500 * 700), 700);
  const wanted = chunks.map(({ id, size }, index) => ({
    id,
    size,
    targets: [
      {
        path: device.path(`f${index}`),
        offset: 0,
        finish: { executable: index % 2 === 0, mtimeMs: 1_500_000_000_123 },
      },
    ],
  }));
  await fetched(device, wanted);
  for (const [index, { id }] of chunks.entries()) {
    const path = device.path(`f${index}`);
    assert.equal(chunkIdOf(fs.readFileSync(path)), id);
    const stat = fs.statSync(path);
    assert.equal(Math.round(stat.mtimeMs), 1_500_000_000_123);
    assert.equal((stat.mode & 0o100) !== 0, index % 2 === 0);
  }
  assert.ok((server.requests.get('POST /chunks/fetch') ?? 0) <= 4);
});

test('a chunk wanted in two places is fetched once for both', async () => {
  await using server = await startMemoryServer();
  await using device = createDevice(server.url);
  const [chunk] = stored(server, randomBytes(300_000), 300_000);
  const path = device.path('twice');
  const targets = [
    { path, offset: 0 },
    { path, offset: 300_000 },
  ];
  await fetched(device, [{ id: chunk!.id, size: chunk!.size, targets }]);
  const bytes = fs.readFileSync(path);
  assert.ok(bytes.subarray(0, 300_000).equals(bytes.subarray(300_000)));
});

test('H93 bytes that are not what their name says are refused, again and again, and the rest arrives', async () => {
  await using server = await startMemoryServer();
  await using device = createDevice(server.url);
  const chunks = stored(server, randomBytes(4 * 1024 * 1024), 256 * 1024);
  const bad = chunks[5]!.id;
  server.corrupt = (id, bytes) => {
    if (id !== bad) return bytes;
    const wrong = Buffer.from(bytes);
    wrong[1000]! ^= 1;
    return wrong;
  };
  const done: number[] = [];
  const request = {
    workspaceId: device.workspaceId,
    wanted: into(device.path('file'), chunks),
    done: (indices: readonly number[]) => done.push(...indices),
  };
  await assert.rejects(
    device.downloader.fetchChunks(request, never),
    (error) => error instanceof CodedError && error.code === 'chunk_damaged',
  );
  assert.ok(!done.includes(5));
  assert.ok(done.includes(6), 'what follows in the same answer');
});

test('H93 bytes damaged on their way once are asked for again', async () => {
  await using server = await startMemoryServer();
  await using device = createDevice(server.url);
  const bytes = randomBytes(4 * 1024 * 1024);
  const chunks = stored(server, bytes, 256 * 1024);
  const path = device.path('file');
  let damaged = 0;
  server.corrupt = (_, whole) => (damaged++ === 3 ? Buffer.from(whole).fill(0) : whole);
  assert.deepEqual(await fetched(device, into(path, chunks)), upTo(chunks.length));
  assert.ok(fs.readFileSync(path).equals(bytes));
});

test('a chunk that the server says is damaged fails with that code', async () => {
  await using server = await startMemoryServer();
  await using device = createDevice(server.url);
  const chunks = stored(server, randomBytes(100_000), 10_000);
  server.corrupt = (id, bytes) => (id === chunks[2]!.id ? 'refused' : bytes);
  await assert.rejects(
    fetched(device, into(device.path('file'), chunks)),
    (error) => error instanceof CodedError && error.code === 'chunk_damaged',
  );
});

test('a stream that is cut keeps what has arrived, and only the rest is asked for', async () => {
  await using server = await startMemoryServer();
  await using device = createDevice(server.url);
  const bytes = randomBytes(12 * 1024 * 1024);
  const chunks = stored(server, bytes, 512 * 1024);
  const path = device.path('file');
  let requests = 0;
  server.intercept = (request, response) => {
    if (++requests > 3) return false;
    let writes = 0;
    const write = response.write.bind(response) as (piece: Uint8Array) => boolean;
    response.write = ((piece: Uint8Array) => {
      if (++writes === 12) request.socket.destroy();
      return writes >= 12 || write(piece);
    }) as typeof response.write;
    return false;
  };
  assert.deepEqual(await fetched(device, into(path, chunks)), upTo(chunks.length));
  assert.ok(fs.readFileSync(path).equals(bytes));
  assert.ok(server.sent() < 2 * bytes.length);
});

test('a server that always cuts is given up after some tries without progress', async () => {
  await using server = await startMemoryServer();
  await using device = createDevice(server.url);
  const chunks = stored(server, randomBytes(100_000), 100_000);
  server.intercept = (request) => (request.destroy(), true);
  await assert.rejects(fetched(device, into(device.path('file'), chunks)), OfflineError);
  assert.equal(server.requests.get('POST /chunks/fetch'), 5);
});

test('an answer that is no run of frames, or brings too little, is refused', async () => {
  await using server = await startMemoryServer();
  await using device = createDevice(server.url);
  const chunks = stored(server, randomBytes(100_000), 100_000);
  for (const body of ['<html>Sign in to the airport</html>', '']) {
    server.intercept = (_, response) => (response.writeHead(200).end(body), true);
    await assert.rejects(fetched(device, into(device.path('file'), chunks)), AnswerInvalidError);
  }
});

test('chunks that lie on this disk are copied, verified; those that changed are fetched', async () => {
  await using server = await startMemoryServer();
  await using device = createDevice(server.url);
  const bytes = randomBytes(4 * 1024 * 1024);
  const chunks = stored(server, bytes, 256 * 1024);
  const old = device.path('old');
  fs.writeFileSync(old, bytes);
  const fd = fs.openSync(old, 'r+');
  fs.writeSync(fd, 'edited meanwhile', 1_000_000);
  fs.closeSync(fd);
  const offsets = new Map(chunks.map(({ id, offset }) => [id, offset]));
  const path = device.path('new');
  const done: number[] = [];
  await device.downloader.fetchChunks(
    {
      workspaceId: device.workspaceId,
      wanted: into(path, chunks),
      done: (indices) => done.push(...indices),
      localSource: (id) => ({ path: old, offset: offsets.get(id) ?? 0 }),
    },
    never,
  );
  assert.ok(fs.readFileSync(path).equals(bytes));
  assert.equal(new Set(done).size, chunks.length);
  assert.ok(server.sent() < 300_000, `${server.sent()} bytes`);
});

test('a target that cannot be written fails with the fault of the disk', async () => {
  await using server = await startMemoryServer();
  await using device = createDevice(server.url);
  const chunks = stored(server, randomBytes(200_000), 100_000);
  await assert.rejects(fetched(device, into(device.path('no/such/folder'), chunks)), { code: 'ENOENT' });
});

test('H101 aborting ends a download at once, with the reason', async () => {
  await using server = await startMemoryServer();
  await using device = createDevice(server.url);
  const chunks = stored(server, randomBytes(100_000), 100_000);
  const stop = new AbortController();
  server.intercept = () => {
    stop.abort(new Error('paused'));
    return true;
  };
  await assert.rejects(fetched(device, into(device.path('file'), chunks), stop.signal), { message: 'paused' });
});

test('prefetch brings what has arrived of an upload, and only what is new the next time', async () => {
  await using server = await startMemoryServer();
  await using device = createDevice(server.url);
  const bytes = randomBytes(3 * 1024 * 1024);
  const chunks = stored(server, bytes, 512 * 1024);
  for (const { id } of chunks.slice(2)) server.chunks.delete(id);
  const uploadId = freshId<UploadId>();
  server.announced.push({
    uploadId,
    objectId: device.objectId(),
    firstChunk: 0,
    offset: 0,
    chunks: chunks.map(({ id, size }) => ({ id, size })),
  });
  const { api, downloader, workspaceId } = device;
  const stagingPath = device.path('staged');
  const prefetch = createPrefetch({ api, downloader }, { workspaceId, uploadId, stagingPath });
  assert.equal(await prefetch.advance(never), 1024 * 1024);
  stored(server, bytes, 512 * 1024);
  assert.equal(await prefetch.advance(never), 2 * 1024 * 1024);
  assert.equal(await prefetch.advance(never), 0);
  assert.equal(prefetch.arrived.size, chunks.length);
  assert.ok(fs.readFileSync(stagingPath).equals(bytes));
});
