/** What the indexer sees while this device changes names. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { test } from 'node:test';
import { indexing, objectId, openWorld, scanned, type World } from '../daemon/assembled.fixture.ts';
import { TREE_ROOT } from '../daemon/assembly.ts';
import { makeFolder } from './arriving.ts';
import { Making } from './making.ts';
import { rearrange } from './rearranging.ts';

/** Everything is scanned after each rename, before the applier hears that it is done. */
function openScannedWorld(): World {
  const scanning: { world?: World } = {};
  const world = openWorld((disk) => ({
    ...disk,
    async rename(from, to) {
      const outcome = await disk.rename(from, to);
      const { world: now } = scanning;
      if (now !== undefined) await indexing(now, (signal) => now.parts.indexer.scanAll(signal));
      return outcome;
    },
  }));
  scanning.world = world;
  return world;
}

test('C4 a folder that this device renames is not taken for one that the user moved', async () => {
  await using world = openScannedWorld();
  mkdirSync(world.path('a'));
  await scanned(world);
  const { trees, tree, applier, indexer } = world.parts;
  const row = trees.local.childNamed({ parentId: TREE_ROOT, name: 'a' });
  assert.ok(row);
  const { objectId: id, workspaceId } = row;
  const to = { parentId: TREE_ROOT, name: 'b' };
  assert.equal(await rearrange(applier, { kind: 'moveLocal', objectId: id, workspaceId, from: row, to }), 'done');
  assert.equal(tree.pathOf(id), 'b');
  assert.equal(indexer.isUnsettled(id), false);
});

test('C4 a folder that this device makes is not taken for one that the user made', async () => {
  await using world = openScannedWorld();
  const { trees, tree, applier } = world.parts;
  const of = { objectId: objectId('d'), workspaceId: world.workspace.workspaceId };
  const place = { parentId: TREE_ROOT, name: 'd' };
  const remote = { ...of, ...place, content: { kind: 'folder' }, placeVersion: 1 } as const;
  const step = { ...of, kind: 'makeFolder', place, remote } as const;
  using making = new Making(applier, [step]);
  assert.equal(await makeFolder(applier, making, step), 'done');
  assert.equal(tree.pathOf(objectId('d')), 'd');
  assert.equal(trees.local.count(), 1);
});
