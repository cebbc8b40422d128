import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ObjectId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { Disk, DiskStat } from '../ports/disk.ts';
import { ClientDatabase } from '../state/database.ts';
import { TreeStore } from '../state/trees.ts';
import { LocalTree } from './local-tree.ts';

const id = (name: string) => name.padStart(26, '0') as ObjectId;
const own = 'w'.repeat(26) as WorkspaceId;
const shared = 's'.repeat(26) as WorkspaceId;
const root = { objectId: id('root'), workspaceId: own };
const statOf = (ino: number): DiskStat => ({
  type: 'folder',
  dev: 1,
  ino,
  size: 0,
  mtimeNs: '1',
  ctimeNs: '1',
  mode: 0o755,
  links: 1,
});

/** The mount `m` with a folder `f` in it is renamed to `mine` on the disk. */
function renamed(deleted: boolean, seenAs: Partial<DiskStat> = {}) {
  const trees = new TreeStore(new ClientDatabase(':memory:'), () => undefined);
  const mount = { objectId: id('m'), workspaceId: own, parentId: root.objectId, name: 'm', placeVersion: 1 };
  trees.putSynced({ ...mount, content: { kind: 'mount' } });
  trees.putRemote({ ...mount, content: { kind: 'mount' }, mounts: shared, seq: 1, deleted });
  const seen = { content: { kind: 'folder' }, presence: 'present', seenMs: 1 } as const;
  trees.putLocal({ ...mount, ...seen, stat: statOf(7) });
  const inside = { objectId: id('f'), workspaceId: shared, parentId: id('m'), name: 'f' };
  trees.putLocal({ ...inside, ...seen, stat: statOf(8) });
  let made = 0;
  const tree = new LocalTree({
    trees,
    root,
    disk: { stat: (path) => (path === 'mine/f' ? statOf(8) : undefined) } as Partial<Disk> as Disk,
    newId: () => id(`new${made++}`),
    now: () => 1,
    unsettled: () => undefined,
    settled: () => undefined,
    isSent: () => false,
  });
  const row = tree.observe(root, 'mine', { ...statOf(7), ...seenAs }, { kind: 'folder' });
  return { row, inside: trees.local.childNamed({ parentId: row.objectId, name: 'f' }) };
}

test('H98 a folder whose share is gone becomes the user’s own when they move it, with what is left in it', () => {
  const { row, inside } = renamed(true);
  assert.notEqual(row.objectId, id('m'));
  assert.deepEqual([inside?.workspaceId, inside?.movedFrom], [own, id('f')]);
});

test('C2 a mount that is there keeps its id when it is moved', () => {
  const { row, inside } = renamed(false);
  assert.equal(row.objectId, id('m'));
  assert.deepEqual([inside?.objectId, inside?.workspaceId], [id('f'), shared]);
});

test('C2 without birth times a folder is known by what it holds: its time changes with every name in it', () => {
  const { row, inside } = renamed(false, { mtimeNs: '5', ctimeNs: '5' });
  assert.equal(row.objectId, id('m'));
  assert.deepEqual([inside?.objectId, inside?.workspaceId], [id('f'), shared]);
});

test('C2 with them another one that was given its number is another one', () => {
  assert.notEqual(renamed(false, { mtimeNs: '5', birthNs: '5' }).row.objectId, id('m'));
});
