import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { CodedError } from '@satchel/protocol/errors.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import type { BlockKey } from '../../ports/block-store.ts';
import { newPackKey } from '../block-names.ts';
import { systemRandom } from '../../adapters/system/random.ts';
import {
  chunkFrameOf,
  fetched,
  frameFor,
  idOf,
  keysIn,
  meddling,
  openTestBlocks,
  put,
  sendBatch,
  type TestBlocks,
} from '../blocks.fixture.ts';

const HOUR_MS = 3_600_000;
const never = new AbortController().signal;

async function assertReadable(setup: TestBlocks, chunks: readonly Uint8Array[]): Promise<void> {
  const frames = await fetched(
    await setup.restart(),
    setup.alice,
    chunks.map((bytes) => ({ id: idOf(bytes) })),
  );
  for (const [index, bytes] of chunks.entries())
    assert.ok(Buffer.from(bytes).equals(chunkFrameOf(frames[index]).payload));
}

test('S5 what nothing refers to is deleted, what shares its object stays', async () => {
  await using setup = await openTestBlocks();
  const kept = randomBytes(1000);
  const dropped = randomBytes(1000);
  const large = randomBytes(200_000);
  await sendBatch(setup, setup.alice, [frameFor(kept), frameFor(dropped)]);
  await put(setup, setup.alice, large);
  setup.ledger.referenced.add(idOf(kept));
  const report = await setup.blocks.upkeep.collect();
  assert.deepEqual(report, { forgottenChunks: 2, deletedObjects: 1, orphans: 0 });
  assert.deepEqual(await keysIn(setup.store, 'chunks/'), []);
  await assertReadable(setup, [kept]);
});

test('S5 H94 only what had no use for the whole grace may be forgotten', async () => {
  await using setup = await openTestBlocks();
  const asked: number[] = [];
  setup.ledger.forgetUnreferenced = async (olderThan) => {
    asked.push(olderThan);
    return [];
  };
  await setup.blocks.upkeep.collect();
  assert.equal(asked.length, 1);
  assert.ok(asked[0]! <= setup.clock.now() - LIMITS.collectionGraceMs, `${asked[0]} is within the grace`);
});

test('S5 an object that was never recorded is removed, but only after the grace and two sights of it', async () => {
  await using setup = await openTestBlocks();
  const { clock, store, blocks } = setup;
  const key = newPackKey(clock, systemRandom);
  await store.put(key, [randomBytes(10)]);
  await store.put('chunks/ab/strange' as BlockKey, [randomBytes(10)]);
  const bytes = randomBytes(200_000);
  setup.ledger.referenced.add(await put(setup, setup.alice, bytes));
  assert.equal((await blocks.upkeep.collect()).orphans, 0);
  // A wall clock that jumps ahead must not make a fresh object old at once.
  clock.skewMs = LIMITS.collectionGraceMs + HOUR_MS;
  assert.equal((await blocks.upkeep.collect()).orphans, 0);
  assert.ok(await store.size(key));
  clock.skewMs += HOUR_MS;
  assert.equal((await blocks.upkeep.collect()).orphans, 1);
  assert.equal(await store.size(key), undefined);
  assert.ok(await store.size('chunks/ab/strange' as BlockKey), 'a name that is not ours is left alone');
  await assertReadable(setup, [bytes]);
});

test('H94 collecting again and again while deleted contents are uploaded anew loses nothing that is acknowledged', async () => {
  await using setup = await openTestBlocks({ recentBytes: 0 });
  const contents = Array.from({ length: 20 }, (_, index) => randomBytes(index % 2 === 0 ? 1000 : 140_000));
  const seen = { collections: 0, uploads: 0 };
  const isEnough = (): boolean => seen.collections >= 8 && seen.uploads >= 60;
  const collecting = (async () => {
    for (; !isEnough(); seen.collections++) {
      await setup.blocks.upkeep.collect();
      await new Promise(setImmediate);
    }
  })();

  async function uploadOnce(bytes: Buffer): Promise<boolean> {
    if (bytes.length < 2000) await sendBatch(setup, setup.alice, [frameFor(bytes)]);
    else await put(setup, setup.alice, bytes);
    // The commit would refuse a chunk that was collected in between, and the client would send it again.
    if (!setup.ledger.chunks.has(idOf(bytes))) return false;
    setup.ledger.referenced.add(idOf(bytes));
    const [frame] = await fetched(setup.blocks, setup.alice, [{ id: idOf(bytes) }]);
    assert.ok(bytes.equals(chunkFrameOf(frame).payload));
    setup.ledger.referenced.delete(idOf(bytes));
    return true;
  }
  while (!isEnough())
    await Promise.all(
      contents.map(async (bytes) => {
        if (await uploadOnce(bytes)) seen.uploads++;
      }),
    );
  await collecting;
  assert.equal(setup.ledger.damaged.size, 0);
  for (const bytes of contents) {
    await put(setup, setup.alice, bytes);
    setup.ledger.referenced.add(idOf(bytes));
  }
  await setup.blocks.upkeep.collect();
  await assertReadable(setup, contents);
});

test('H93 a scrub finds what is damaged, reports it, and finds nothing after it was healed', async () => {
  await using setup = await openTestBlocks();
  const chunks = Array.from({ length: 30 }, (_, index) => randomBytes(index % 3 === 0 ? 200_000 : 500));
  for (const bytes of chunks) await put(setup, setup.alice, bytes);
  const clean = await setup.blocks.upkeep.scrub();
  assert.deepEqual([clean.checkedChunks, clean.damaged.length, clean.complete], [30, 0, true]);
  for (const bytes of [chunks[0]!, chunks[10]!]) {
    const { key, offset } = setup.ledger.chunks.get(idOf(bytes))!.location;
    const path = join(setup.folder, 'data', 'objects', key);
    const stored = await readFile(path);
    stored[offset + 100] = (stored[offset + 100] ?? 0) ^ 1;
    await writeFile(path, stored);
  }
  const found = await setup.blocks.upkeep.scrub();
  assert.deepEqual(new Set(found.damaged.map(({ id }) => id)), new Set([idOf(chunks[0]!), idOf(chunks[10]!)]));
  assert.deepEqual(new Set(setup.ledger.damaged.keys()), new Set([idOf(chunks[0]!), idOf(chunks[10]!)]));
  assert.equal(setup.blocks.upkeep.lastReport(), found);
  await put(setup, setup.alice, chunks[0]!);
  await put(setup, setup.alice, chunks[10]!);
  assert.equal((await setup.blocks.upkeep.scrub()).damaged.length, 0);
});

test('a scrub keeps to its rate and goes on where it stopped', async () => {
  await using setup = await openTestBlocks({ scrubBytesPerSecond: 1_000_000 });
  for (let index = 0; index < 6; index++) await put(setup, setup.alice, randomBytes(100_000));
  const begun = performance.now();
  const first = await setup.blocks.upkeep.scrub({ budgetMs: 250 });
  assert.ok(first.checkedChunks >= 2 && first.checkedChunks <= 4, `${first.checkedChunks}`);
  const second = await setup.blocks.upkeep.scrub({ budgetMs: 250 });
  assert.ok(performance.now() - begun > 400);
  assert.ok(first.checkedChunks + second.checkedChunks <= 8);
});

test('tiny packs are joined and wasteful ones rewritten; every chunk stays readable meanwhile', async () => {
  await using setup = await openTestBlocks({ recentBytes: 0 });
  const chunks = Array.from({ length: 12 }, () => randomBytes(2000));
  for (const bytes of chunks) await sendBatch(setup, setup.alice, [frameFor(bytes)]);
  const garbage = Array.from({ length: 40 }, () => randomBytes(100_000));
  await sendBatch(
    setup,
    setup.alice,
    garbage.map((bytes) => frameFor(bytes)),
  );
  const live = [...chunks, garbage[3]!];
  for (const bytes of live) setup.ledger.referenced.add(idOf(bytes));
  await setup.blocks.upkeep.collect();
  assert.equal((await keysIn(setup.store, 'packs/')).length, 13);
  assert.equal(
    (await setup.blocks.upkeep.repack(never)).packsWritten,
    0,
    'packs that were just written are left alone',
  );
  setup.clock.skewMs = 2 * HOUR_MS;
  const reading = Array.from({ length: 20 }, () => assertReadable(setup, live));
  const report = await setup.blocks.upkeep.repack(never);
  await Promise.all(reading);
  assert.deepEqual(report, { packsRemoved: 13, packsWritten: 1, chunksMoved: 13 });
  assert.equal((await keysIn(setup.store, 'packs/')).length, 1);
  await assertReadable(setup, live);
  assert.equal(setup.ledger.damaged.size, 0);
});

test('H93 a pack of which the disk has lost some is left where it is, and all others are rewritten', async () => {
  const { wrap, faults } = meddling();
  await using setup = await openTestBlocks({ recentBytes: 0 }, wrap);
  for (let pack = 0; pack < 12; pack++) await sendBatch(setup, setup.alice, [frameFor(randomBytes(2000))]);
  const [lost] = await keysIn(setup.store, 'packs/');
  faults.get = async (key) => {
    if (key === lost) throw new CodedError('chunk_damaged', 'a bad sector');
  };
  setup.clock.skewMs = 2 * HOUR_MS;
  const report = await setup.blocks.upkeep.repack(never);
  assert.deepEqual(report, { packsRemoved: 11, packsWritten: 1, chunksMoved: 11 });
  assert.ok((await keysIn(setup.store, 'packs/')).includes(lost!));
});

test('a chunk that is moved between being located and being read is found at its new place', async () => {
  const { wrap, faults } = meddling();
  await using setup = await openTestBlocks({ recentBytes: 0 }, wrap);
  const chunks = Array.from({ length: 10 }, () => randomBytes(2000));
  for (const bytes of chunks) await sendBatch(setup, setup.alice, [frameFor(bytes)]);
  setup.clock.skewMs = 2 * HOUR_MS;
  let moved = 0;
  faults.get = async () => {
    faults.get = undefined;
    moved = (await setup.blocks.upkeep.repack(never)).chunksMoved;
  };
  const [frame] = await fetched(setup.blocks, setup.alice, [{ id: idOf(chunks[4]!) }]);
  assert.equal(moved, 10);
  assert.ok(chunks[4]!.equals(chunkFrameOf(frame).payload));
  assert.equal(setup.ledger.damaged.size, 0);
});

test('an inventory finds objects that are gone or cut off, and what lies there for nothing', async () => {
  await using setup = await openTestBlocks();
  const { blocks, clock, store } = setup;
  const larges = [randomBytes(200_000), randomBytes(200_000)];
  for (const bytes of larges) await put(setup, setup.alice, bytes);
  await sendBatch(setup, setup.alice, [frameFor(randomBytes(1000)), frameFor(randomBytes(1000))]);
  const sound = { objects: 3, findings: [], found: 0, orphans: 0, orphanBytes: 0 };
  assert.deepEqual(await blocks.upkeep.inventory(), sound);
  const orphan = newPackKey(clock, systemRandom);
  await store.put(orphan, [randomBytes(10)]);
  assert.deepEqual(await blocks.upkeep.inventory(), sound, 'it may be recorded yet');
  clock.skewMs = LIMITS.collectionGraceMs + HOUR_MS;
  const [first, second] = await keysIn(store, 'chunks/');
  assert.ok(first !== undefined && second !== undefined);
  await store.delete(first);
  const path = join(setup.folder, 'data', 'objects', second);
  await writeFile(path, (await readFile(path)).subarray(0, 100_000));
  const inventory = await blocks.upkeep.inventory();
  assert.deepEqual(
    new Map(inventory.findings.map(({ key, code }) => [key, code])),
    new Map([
      [first, 'object_missing'],
      [second, 'object_short'],
    ]),
  );
  assert.deepEqual([inventory.found, inventory.orphans, inventory.orphanBytes], [2, 1, 10]);
});
