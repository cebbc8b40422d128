import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { openWorld, scanned } from './assembled.fixture.ts';
import { TREE_ROOT } from './assembly.ts';
import { DriveCounts } from './drive-counts.ts';

test('H103 status counts files and not folders, and conflicted copies, as they are now', async () => {
  await using world = openWorld();
  const { parts } = world;
  const { trees } = parts;
  const counts = new DriveCounts(world.db, () => 0);
  mkdirSync(world.path('folder'));
  for (const name of ['a', 'a (conflicted copy from laptop, 2026-01-02)'])
    writeFileSync(world.path(`folder/${name}`), name);
  await scanned(world);
  const rows = [...trees.local.children(TREE_ROOT)].flatMap((row) => [row, ...trees.local.children(row.objectId)]);
  assert.equal(rows.length, 3);
  assert.deepEqual(counts.now(false), { files: 0, conflicts: 1 });
  for (const row of rows) trees.putSynced({ ...row, placeVersion: 1 });
  assert.deepEqual(counts.now(true), { files: 0, conflicts: 1 }, 'while much changes it is not counted each time');
  assert.deepEqual(counts.now(false), { files: 2, conflicts: 1 });
});
