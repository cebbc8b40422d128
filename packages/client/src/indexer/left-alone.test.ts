import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContentHash, ObjectId, WorkspaceId } from '@satchel/protocol/ids.ts';
import { ClientDatabase } from '../state/database.ts';
import type { LocalRow } from '../state/rows.ts';
import { touchBelow, TreeStore } from '../state/trees.ts';
import { forgetLeftAlone, isLeftAlone, leaveAlone, liesInLeftAlone } from './left-alone.ts';

const id = (name: string) => name.padStart(26, '0') as ObjectId;
const workspaceId = 'w'.repeat(26) as WorkspaceId;
const file = { kind: 'file', hash: 'a'.repeat(64) as ContentHash, size: 3, executable: false, mtimeMs: 5 } as const;
const stat = { dev: 1, ino: 2, size: 3, mtimeNs: '1', ctimeNs: '1', mode: 0o644 };

const node = (name: string, parent: string, content: LocalRow['content']) => {
  return { objectId: id(name), workspaceId, parentId: id(parent), name, content };
};

/** root/d/f on both sides, and root/d/new on the server only. */
function synced() {
  const changed = new Set<ObjectId>();
  const trees = new TreeStore(new ClientDatabase(':memory:'), (each) => changed.add(each));
  for (const one of [node('d', 'root', { kind: 'folder' }), node('f', 'd', file)]) {
    trees.putLocal({ ...one, presence: 'present', stat, seenMs: 9 });
    trees.putRemote({ ...one, placeVersion: 1, seq: 1 });
    trees.putSynced({ ...one, placeVersion: 1 });
  }
  trees.putRemote({ ...node('new', 'd', file), placeVersion: 1, seq: 2 });
  return { trees, changed, row: (name: string) => trees.local.get(id(name)) as LocalRow };
}

test('H73 a folder that becomes ignored is left alone with all in it, and with what others put there', () => {
  const { trees, row } = synced();
  assert.equal(isLeftAlone(row('d')), false);
  leaveAlone(trees, row('d'));
  for (const name of ['d', 'f']) assert.ok(isLeftAlone(row(name)), name);
  for (const name of ['d', 'f', 'new']) assert.ok(liesInLeftAlone(trees, id(name)), name);
  assert.deepEqual(trees.localByInode(stat.ino), [], 'nothing is taken for it by its inode');
});

test('H73 what has gone while it was left alone is no deletion: nothing says any more that it was here', () => {
  const { trees, changed, row } = synced();
  leaveAlone(trees, row('d'));
  // As `LocalTree.remove` tells: contents before their folders.
  const gone = ['f', 'd'].map(id);
  for (const each of gone) trees.removeLocal(each);
  changed.clear();
  forgetLeftAlone(trees, id('d'), gone);
  for (const each of gone) {
    assert.equal(trees.synced.get(each), undefined);
    assert.notEqual(trees.remote.get(each), undefined);
  }
  assert.deepEqual([...changed].sort(), ['d', 'f', 'new'].map(id).sort(), 'also what was never here is planned');
});

test('H73 when it is looked after again, what waits below it is planned again', () => {
  const { trees, changed } = synced();
  changed.clear();
  touchBelow(trees, id('d'));
  assert.deepEqual([...changed].sort(), ['d', 'f', 'new'].map(id).sort());
});
