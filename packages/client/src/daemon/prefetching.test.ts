/** What is fetched of files that other devices are still uploading, and what is left of it. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { ChunkId, ContentHash, UploadId } from '@satchel/protocol/ids.ts';
import { sweepParts } from '../apply/recovery.ts';
import { LARGE_BYTES } from '../synchronizer/bundles.ts';
import { prefetchPathOf } from '../synchronizer/file-downloads.ts';
import type { Downloader } from '../transfer/download.ts';
import { createHastyClock } from '../transfer/testing/device.ts';
import { objectId, openWorld, type World } from './assembled.fixture.ts';
import { TREE_ROOT } from './assembly.ts';
import { Prefetching } from './prefetching.ts';

const never = new AbortController().signal;
const LONG = objectId('long');

/** A device that has begun to fetch a long file, of whose upload no more is heard. */
async function prefetched(world: World) {
  let now = 0;
  const uploadId = 'upload' as UploadId;
  const arrived = [{ id: 'chunk' as ChunkId, size: LARGE_BYTES, offset: 0 }];
  world.meddling.answer = () => ({ uploads: [{ uploadId, objectId: LONG, arrived, position: 1 }] });
  const path = world.path(prefetchPathOf(LONG, uploadId));
  const downloader: Downloader = {
    async fetchChunks({ done }) {
      writeFileSync(path, 'bytes');
      done?.([0]);
    },
  };
  const { api, disk, parts, workspace } = world;
  const clock = { now: () => now, monotonic: () => now, delay: () => Promise.resolve() };
  const prefetching = new Prefetching({ ...parts, api, disk, clock, downloader });
  await prefetching.heard(workspace.workspaceId, uploadId, never);
  /** As at each tick when all is in sync. */
  const sweep = () => {
    prefetching.dropUnwanted();
    sweepParts(parts.applier, { isTaken: (id) => prefetching.isFollowing(id) });
  };
  return { sweep, advance: (ms: number) => (now += ms), isThere: () => existsSync(path) };
}

test('H105 what was fetched of an upload that fell silent does not stay on the disk', async () => {
  await using world = openWorld();
  const { sweep, advance, isThere } = await prefetched(world);
  advance(30_000);
  sweep();
  assert.equal(isThere(), true, 'the upload may be slow');
  advance(31_000);
  sweep();
  assert.equal(isThere(), false);
});

test('H105 what was fetched of a file whose version has come in another way goes at once', async () => {
  await using world = openWorld();
  const { sweep, isThere } = await prefetched(world);
  const content = { kind: 'file', hash: 'new' as ContentHash, size: 1, executable: false, mtimeMs: 0 } as const;
  const { workspaceId } = world.workspace;
  const place = { parentId: TREE_ROOT, name: 'long' };
  world.parts.trees.putRemote({ objectId: LONG, workspaceId, ...place, content, placeVersion: 1, seq: 1 });
  sweep();
  assert.equal(isThere(), false);
});

test('S9 the server is asked once about an upload that it tells nothing of, as of this device’s own', async () => {
  await using world = openWorld();
  let asked = 0;
  world.meddling.answer = () => {
    asked++;
    return { uploads: [] };
  };
  const { api, disk, parts, workspace } = world;
  const downloader: Downloader = { fetchChunks: async () => assert.fail('nothing has arrived') };
  const prefetching = new Prefetching({ ...parts, api, disk, clock: createHastyClock(), downloader });
  for (let ping = 0; ping < 3; ping++) await prefetching.heard(workspace.workspaceId, 'mine' as UploadId, never);
  assert.equal(asked, 1);
});

test('S9 an upload of another device that is small so far is asked about again', async () => {
  await using world = openWorld();
  let asked = 0;
  const arrived = [{ id: 'chunk' as ChunkId, size: 1, offset: 0 }];
  world.meddling.answer = () => {
    asked++;
    return { uploads: [{ uploadId: 'theirs' as UploadId, objectId: LONG, arrived, position: 1 }] };
  };
  const { api, disk, parts, workspace } = world;
  const downloader: Downloader = { fetchChunks: async () => assert.fail('it is fetched after its commit') };
  const prefetching = new Prefetching({ ...parts, api, disk, clock: createHastyClock(), downloader });
  for (let ping = 0; ping < 3; ping++) await prefetching.heard(workspace.workspaceId, 'theirs' as UploadId, never);
  assert.equal(asked, 3);
});

test('S1 what is fetched of the next upload of a file does not mix with what is being taken', async () => {
  await using world = openWorld();
  const arrived = [{ id: 'chunk' as ChunkId, size: LARGE_BYTES, offset: 0 }];
  const [first, second] = ['upload1', 'upload2'] as [UploadId, UploadId];
  world.meddling.answer = (_, { query }: { query: { upload_id: UploadId } }) => ({
    uploads: [{ uploadId: query.upload_id, objectId: LONG, arrived, position: 1 }],
  });
  const { promise: goOn, resolve: release } = Promise.withResolvers<void>();
  const fetches: string[] = [];
  const downloader: Downloader = {
    async fetchChunks({ wanted, done }) {
      const path = wanted[0]?.targets[0]?.path ?? '';
      const bytes = `bytes of ${fetches.push(path)}`;
      await goOn;
      writeFileSync(path, bytes);
      done?.([0]);
    },
  };
  const { api, disk, parts, workspace } = world;
  const prefetching = new Prefetching({ ...parts, api, disk, clock: createHastyClock(), downloader });
  const begun = prefetching.heard(workspace.workspaceId, first, never);
  while (fetches.length < 1) await setImmediate();
  const taking = prefetching.take(LONG);
  const next = prefetching.heard(workspace.workspaceId, second, never);
  while (fetches.length < 2) await setImmediate();
  release();
  const [taken] = await Promise.all([taking, begun, next]);
  assert.deepEqual([taken?.chunks.size, readFileSync(world.path(taken?.path ?? ''), 'utf8')], [1, 'bytes of 1']);
});
