import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { BlockKey } from '../../ports/block-store.ts';
import { blockStoreContract } from '../../ports/block-store.contract.ts';
import { systemClock } from '../system/clock.ts';
import { openDiskBlockStore } from './block-store.ts';
import { floorKeepingBlockStore, spaceAt, type DiskSpace } from './free-floor.ts';

async function openFloored(folder: string, space: () => Promise<DiskSpace>, clock = systemClock) {
  return floorKeepingBlockStore(await openDiskBlockStore(folder), space, clock);
}

blockStoreContract('disk with a floor', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'satchel-floor-'));
  const open = () => openFloored(folder, () => spaceAt(folder));
  return {
    store: await open(),
    reopen: open,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
});

test('B6 H60 blocks do not take the last of the disk; all but storing goes on, and storing when there is room again', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'satchel-floor-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const [a, b] = ['chunks/00/a', 'chunks/00/b'] as BlockKey[] as [BlockKey, BlockKey];
  let freeBytes = 20_500;
  const clock = { ...systemClock, monotonic: () => 0 };
  const store = await openFloored(folder, async () => ({ freeBytes, totalBytes: 1_000_000 }), clock);
  const bytes = [new Uint8Array(300)];
  const first = store.put(a, bytes);
  await assert.rejects(store.put(b, bytes), { code: 'storage_full' }, 'what is on its way counts');
  await first;
  freeBytes -= 300;
  await assert.rejects(store.put(b, bytes), { code: 'storage_full' });
  assert.equal((await store.get(a))?.length, 300);
  await store.delete(a);
  freeBytes += 300;
  await store.put(b, bytes);
  assert.equal(await store.size(b), 300);
});

test('the space of a disk is told in bytes', async () => {
  const { freeBytes, totalBytes } = await spaceAt(tmpdir());
  assert.ok(freeBytes > 0 && freeBytes <= totalBytes && totalBytes > 1024 * 1024);
});
