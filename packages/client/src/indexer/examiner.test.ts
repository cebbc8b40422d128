import assert from 'node:assert/strict';
import { chmodSync, renameSync } from 'node:fs';
import { test } from 'node:test';
import { createIgnoreRules } from '@satchel/core/ignore-rules.ts';
import { indexedFile, openWorld, type World } from '../daemon/assembled.fixture.ts';
import { Examiner } from './examiner.ts';
import { isUnchanged } from './observation.ts';

/** Looks at one name at the top; what should be read then is not, as when the process ends right after. */
function examine(world: World, name: string): void {
  const { trees, tree, pathProblems: problems } = world.parts;
  const examiner = new Examiner({
    disk: world.disk,
    trees,
    tree,
    problems,
    rules: () => createIgnoreRules(),
    wantsReading: () => undefined,
    readsLater: () => false,
    wantsScan: () => undefined,
    isOwnDevice: () => true,
    isKept: () => false,
    isReserved: () => false,
    isProvedGone: () => true,
    lookAt: () => undefined,
  });
  examiner.examine({ folder: tree.folderAt('')!, folderPath: '', name });
}

test('H4 H53 a file that was moved has its bit as it is now, and is read after a restart that comes before its reading', async () => {
  await using world = openWorld();
  const { objectId, content } = await indexedFile(world, 'f', 'bytes');
  renameSync(world.path('f'), world.path('g'));
  chmodSync(world.path('g'), 0o755);
  examine(world, 'g');
  const row = world.parts.trees.local.get(objectId);
  assert.ok(row?.name === 'g' && content.kind === 'file');
  assert.deepEqual(row.content, { ...content, executable: true });
  assert.equal(isUnchanged(row, world.disk.stat('g')!), false);
});
