/** Which files are read when. */
import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { createIgnoreRules } from '@satchel/core/ignore-rules.ts';
import { indexedFile, openWorld } from '../daemon/assembled.fixture.ts';
import { createHastyClock } from '../transfer/testing/device.ts';
import { ReadQueue } from './read-queue.ts';

const never = new AbortController().signal;

test('H32 a file in the place of another one is read when all new names are known: one may be where that went', async () => {
  await using world = openWorld();
  const row = await indexedFile(world, 'old', 'bytes');
  renameSync(world.path('old'), world.path('moved'));
  writeFileSync(world.path('old'), 'others');
  writeFileSync(world.path('new'), 'too');
  const { trees, tree, chunks, pathProblems: problems, applier } = world.parts;
  const { disk, transaction } = applier.deps;
  const read: string[] = [];
  const queue = new ReadQueue({
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
        read.push(...files.map(({ path }) => path));
        return files.map(() => ({ outcome: 'unreadable', code: 'ENOENT', message: '' }));
      },
    } as never,
    readAndSend: () => undefined,
    isReserved: () => false,
    lookAt: () => undefined,
    finished: () => undefined,
  });
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
