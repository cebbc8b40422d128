/** Which files are read when. */
import assert from 'node:assert/strict';
import { renameSync, truncateSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { createIgnoreRules } from '@satchel/core/ignore-rules.ts';
import { indexedFile, openWorld, type World } from '../daemon/assembled.fixture.ts';
import { createHastyClock } from '../transfer/testing/device.ts';
import { ReadQueue } from './read-queue.ts';

const never = new AbortController().signal;

/** A queue that reads nothing; tells of what it was asked to read. */
function queueOf(world: World, scan: (paths: readonly string[]) => Promise<void> = async () => undefined): ReadQueue {
  const { trees, tree, chunks, pathProblems: problems, applier } = world.parts;
  const { disk, transaction } = applier.deps;
  return new ReadQueue({
    disk,
    trees,
    tree,
    chunks,
    problems,
    rules: () => createIgnoreRules(),
    transaction,
    clock: createHastyClock(),
    hashing: {
      scan: async (files: readonly { readonly path: string }[]) => {
        await scan(files.map(({ path }) => path));
        return files.map(() => ({ outcome: 'unreadable', code: 'ENOENT', message: '' }));
      },
    } as never,
    readAndSend: () => undefined,
    isReserved: () => false,
    lookAt: () => undefined,
    finished: () => undefined,
  });
}

test('H32 a file in the place of another one is read when all new names are known: one may be where that went', async () => {
  await using world = openWorld();
  const row = await indexedFile(world, 'old', 'bytes');
  renameSync(world.path('old'), world.path('moved'));
  writeFileSync(world.path('old'), 'others');
  writeFileSync(world.path('new'), 'too');
  const { disk } = world;
  const read: string[] = [];
  const queue = queueOf(world, async (paths) => void read.push(...paths));
  queue.add('old', disk.stat('old')!, row, true);
  queue.add('new', disk.stat('new')!, undefined, true);
  queue.start(never);
  assert.deepEqual(read, [world.path('new')]);
  queue.postpone(queue.replacing(), Infinity);
  queue.start(never, queue.replacing());
  assert.deepEqual([read.length, queue.hasDueNow()], [1, false], 'it cannot be told where that went');
  queue.add('old', disk.stat('old')!, row, true);
  queue.start(never, queue.replacing());
  assert.deepEqual(read, [world.path('new'), world.path('old')]);
});

test('H58 a large file that waits for the end of another one does not keep the loop busy', async () => {
  await using world = openWorld();
  const { promise: end, resolve } = Promise.withResolvers<void>();
  const queue = queueOf(world, () => end);
  for (const name of ['one', 'other']) {
    writeFileSync(world.path(name), '');
    truncateSync(world.path(name), 17 * 1024 * 1024);
    queue.add(name, world.disk.stat(name)!, undefined, true);
  }
  const other = { ...world.disk.stat('other')!, ino: 1 };
  queue.start(never);
  assert.deepEqual([queue.isReading, queue.hasDueNow(), queue.nextAt()], [true, true, Infinity]);
  queue.add('other', other, await indexedFile(world, 'small', 'bytes'), true);
  assert.deepEqual([queue.nextAt(), queue.replacing().size], [Infinity, 0], 'nor does the proof of where one went');
  queue.add('small', world.disk.stat('small')!, undefined, true);
  assert.notEqual(queue.nextAt(), Infinity, 'a small one goes beside it');
  resolve();
});
