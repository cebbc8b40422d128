import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { test } from 'node:test';
import type { WorkspaceId } from '@satchel/protocol/ids.ts';
import { createDevice, freshId } from '../transfer/testing/device.ts';
import { problem, startMemoryServer, type MemoryServer } from '../transfer/testing/memory-server.ts';
import { EarlyUploads } from './early-uploads.ts';

const never = new AbortController().signal;
const SIZE_BYTES = 20 * 1024 * 1024;

async function scene(maySend = true) {
  const stack = new AsyncDisposableStack();
  const server: MemoryServer = stack.use(await startMemoryServer());
  const device = stack.use(createDevice(server.url));
  const path = device.path('long');
  fs.writeFileSync(path, randomBytes(SIZE_BYTES));
  let sentBytes = 0;
  const early = new EarlyUploads({
    uploader: device.uploader,
    maySend: () => maySend,
    progress: (bytes) => (sentBytes += bytes),
  });
  const { workspaceId } = device;
  const file = { path, sizeBytes: SIZE_BYTES, objectId: device.objectId(), workspaceId };
  const [plain] = await device.hashing.scan([{ path }], never);
  assert.ok(plain?.outcome === 'scanned');
  return {
    server,
    early,
    file,
    plain,
    workspaceId,
    sentBytes: () => sentBytes,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

test('a new file is on the server when its chunk list is known, and that is told once', async () => {
  await using at = await scene();
  const reading = at.early.readAndSend(at.file, never);
  assert.deepEqual(at.early.running(), { uploads: 1, bytesUp: SIZE_BYTES });
  const result = await reading;
  assert.ok(result?.outcome === 'scanned');
  assert.deepEqual(result.chunks, at.plain.chunks);
  for (const { id } of result.chunks) assert.ok(at.server.chunks.has(id));
  assert.equal(at.sentBytes(), SIZE_BYTES);
  assert.deepEqual(at.early.running(), { uploads: 0, bytesUp: 0 });
  assert.equal(at.early.take(freshId<WorkspaceId>(), result.hash), false, 'S7 each workspace has its own');
  assert.equal(at.early.take(at.workspaceId, result.hash), true);
  assert.equal(at.early.take(at.workspaceId, result.hash), false);
});

test('while nothing may be sent the file is left to a scan', async () => {
  await using at = await scene(false);
  assert.equal(at.early.readAndSend(at.file, never), undefined);
  assert.equal(at.server.requests.size, 0);
});

test('what the server did not take is not told to be there', async () => {
  await using at = await scene();
  at.server.intercept = (request, response) => request.method === 'PUT' && problem(response, 'quota_exceeded');
  const result = await at.early.readAndSend(at.file, never);
  assert.ok(result?.outcome === 'scanned');
  assert.deepEqual(result.chunks, at.plain.chunks);
  assert.equal(at.early.take(at.workspaceId, result.hash), false);
});
