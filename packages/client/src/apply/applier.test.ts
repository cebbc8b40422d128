import assert from 'node:assert/strict';
import { test } from 'node:test';
import { objectId, openWorld } from '../daemon/assembled.fixture.ts';
import { TREE_ROOT } from '../daemon/assembly.ts';

test('C1 what arrived in a folder that is known to be gone is not recorded; what arrived in the root is', async () => {
  await using world = openWorld();
  const { trees, applier } = world.parts;
  const stat = { type: 'symlink', dev: 1, ino: 7, size: 1, mtimeNs: '1', ctimeNs: '1', mode: 0o777, links: 1 } as const;
  const content = { kind: 'symlink', target: 'x' } as const;
  const isRecorded = (parentId: typeof TREE_ROOT) => {
    const of = { objectId: objectId('l'), workspaceId: world.workspace.workspaceId };
    const place = { parentId, name: 'l' };
    const remote = { ...of, ...place, content, placeVersion: 1 };
    applier.recordArrival({ ...of, kind: 'makeSymlink', place, remote }, { place, stat, content });
    return [trees.local.get(of.objectId), trees.synced.get(of.objectId)].map((row) => row !== undefined);
  };
  assert.deepEqual(isRecorded(objectId('gone')), [false, false]);
  assert.deepEqual(isRecorded(TREE_ROOT), [true, true]);
});
