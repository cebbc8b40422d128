import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ObjectId, WorkspaceId } from '@satchel/protocol/ids.ts';
import { objectId } from '../daemon/assembled.fixture.ts';
import { TREE_ROOT } from '../daemon/assembly.ts';
import { createChunkIndex } from '../state/chunk-index.ts';
import { ClientDatabase } from '../state/database.ts';
import { touchBelow, TreeStore } from '../state/trees.ts';
import { createWorkspaceStore } from '../state/workspaces.ts';
import { Exclusions } from './exclusions.ts';
import { RemoteTree } from './remote-tree.ts';

test('H74 what is excluded is known after a power cut: else what went from the disk would be deleted everywhere', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'satchel-exclusions-'));
  t.after(() => rmSync(folder, { recursive: true }));
  using db = new ClientDatabase(join(folder, 'state.db'));
  new Exclusions({ db, trees: new TreeStore(db, () => undefined), rootId: TREE_ROOT }).add(objectId('d'), 'd');
  // What is not flushed is in the log beside the database.
  copyFileSync(join(folder, 'state.db'), join(folder, 'left.db'));
  using left = new ClientDatabase(join(folder, 'left.db'));
  assert.equal(
    new Exclusions({ db: left, trees: new TreeStore(left, () => undefined), rootId: TREE_ROOT }).has(objectId('d')),
    true,
  );
});

test('H74 what lies in a folder that is moved out of an excluded one is looked at again', () => {
  using db = new ClientDatabase(':memory:');
  const changed: ObjectId[] = [];
  const trees = new TreeStore(db, (id) => changed.push(id));
  const exclusions = new Exclusions({ db, trees, rootId: TREE_ROOT });
  const [workspaces, chunks] = [createWorkspaceStore(db), createChunkIndex(db)];
  const remote = new RemoteTree({
    trees,
    workspaces,
    chunks,
    newId: () => objectId('new'),
    folderMoved: (id) => exclusions.areAny() && touchBelow(trees, id),
    shareEnded: () => undefined,
  });
  const workspaceId = objectId('w') as string as WorkspaceId;
  const at = { workspaceId, rootId: TREE_ROOT, mountId: TREE_ROOT } as const;
  const workspace = { ...at, role: 'owner', epoch: 'e', head: 0, digest: '0' } as const;
  const take = (name: string, parentId: ObjectId, seq: number): void => {
    const record = {
      objectId: objectId(name),
      parentId,
      name,
      kind: 'folder',
      seq,
      placeVersion: seq,
      changedAt: 0,
    } as const;
    remote.take(workspace, record, 0n);
  };
  take('d', TREE_ROOT, 1);
  take('e', objectId('d'), 2);
  take('f', objectId('e'), 3);
  exclusions.add(objectId('d'), 'd');
  changed.length = 0;
  take('e', TREE_ROOT, 4);
  assert.deepEqual([exclusions.has(objectId('f')), changed.includes(objectId('f'))], [false, true]);
});
