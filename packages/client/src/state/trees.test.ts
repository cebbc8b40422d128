import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContentHash, ObjectId, VersionId, WorkspaceId } from '@satchel/protocol/ids.ts';
import { ClientDatabase } from './database.ts';
import { pathOf } from './paths.ts';
import type { LocalRow, RemoteRow } from './rows.ts';
import { TreeStore } from './trees.ts';

const id = (name: string) => name.padStart(26, '0') as ObjectId;
const workspaceId = 'w'.repeat(26) as WorkspaceId;
const ROOT = id('root');
const file = (hash: string) =>
  ({ kind: 'file', hash: hash.repeat(64) as ContentHash, size: 3, executable: false, mtimeMs: 5 }) as const;
const stat = { dev: 1, ino: 2, size: 3, mtimeNs: '1700000000123456789', ctimeNs: '1700000000123456789', mode: 0o644 };

const local = (name: string, parentId = ROOT, content: LocalRow['content'] = file('a')): LocalRow => {
  const place = { objectId: id(name), workspaceId, parentId, name };
  return { ...place, content, presence: 'present', stat, seenMs: 9 };
};
const remote = (name: string, change: Partial<RemoteRow> = {}): RemoteRow => {
  const place = { objectId: id(name), workspaceId, parentId: ROOT, name };
  return { ...place, content: file('a'), placeVersion: 1, seq: 1, ...change };
};

function store() {
  const changed: string[] = [];
  const db = new ClientDatabase(':memory:');
  return { db, changed, trees: new TreeStore(db, (each) => changed.push(each)) };
}

test('C1 a node comes back from the database as it was put, nanoseconds included', () => {
  const { db, trees } = store();
  trees.putLocal(local('f'));
  trees.putRemote(remote('f', { content: { kind: 'symlink', target: 'x' } }));
  const fresh = new TreeStore(db, () => undefined);
  assert.deepEqual(fresh.local.get(id('f')), local('f'));
  assert.deepEqual(fresh.remote.get(id('f'))?.content, { kind: 'symlink', target: 'x' });
});

test('C1 H4 whatever changes of a node that is known comes back from the database', () => {
  const changes: readonly Partial<LocalRow>[] = [
    ...(['dev', 'ino', 'mode'] as const).map((field) => ({ stat: { ...stat, [field]: 77 } })),
    ...(['mtimeNs', 'ctimeNs', 'birthNs'] as const).map((field) => ({ stat: { ...stat, [field]: '77' } })),
    { seenMs: 77 },
    { presence: 'unknown' },
    { movedFrom: id('g') },
    { diskName: 'F' },
    { name: 'g' },
    { parentId: id('p') },
    { workspaceId: 'v'.repeat(26) as WorkspaceId },
    { content: file('b') },
    { content: { ...file('a'), mtimeMs: 77 } },
    { content: { ...file('a'), executable: true } },
    { content: { ...file('a'), size: 77 }, stat: { ...stat, size: 77 } },
  ];
  for (const change of changes) {
    const { db, trees } = store();
    trees.putLocal(local('f'));
    const changed = { ...local('f'), ...change };
    trees.putLocal(changed);
    assert.deepEqual(new TreeStore(db, () => undefined).local.get(id('f')), changed);
  }
});

test('C1 every change of a node is told', () => {
  const { trees, changed } = store();
  trees.putLocal(local('f'));
  trees.removeLocal(id('f'));
  trees.removeLocal(id('f'));
  assert.deepEqual(changed, [id('f'), id('f')]);
});

test('C1 what a transaction that came to nothing had put is not remembered', () => {
  const { db, trees } = store();
  const failing = () =>
    db.transaction(() => {
      trees.putLocal(local('f'));
      throw new Error('no');
    });
  assert.throws(failing, /no/);
  assert.equal(trees.local.get(id('f')), undefined);
});

test('C1 who stands at a place is known anew after each change of the tree, and after one that came to nothing', () => {
  const { db, trees } = store();
  const at = { parentId: ROOT, name: 'f' };
  const there = () => trees.local.childNamed(at)?.objectId;
  assert.equal(there(), undefined);
  trees.putLocal(local('f'));
  assert.equal(there(), id('f'));
  trees.putLocal({ ...local('f'), name: 'elsewhere' });
  assert.equal(there(), undefined);
  trees.putLocal({ ...local('g'), name: 'f' });
  assert.equal(there(), id('g'));
  trees.removeLocal(id('g'));
  assert.equal(there(), undefined);
  const failing = () => {
    trees.putLocal(local('f'));
    assert.equal(there(), id('f'));
    throw new Error('no');
  };
  assert.throws(() => db.transaction(failing), /no/);
  assert.equal(there(), undefined);
});

test('H31 a tombstone does not occupy its name', () => {
  const { trees } = store();
  trees.putRemote(remote('f', { deleted: true }));
  assert.equal(trees.remote.childNamed({ parentId: ROOT, name: 'f' }), undefined);
  trees.putRemote({ ...remote('g'), name: 'f' });
  assert.equal(trees.remote.childNamed({ parentId: ROOT, name: 'f' })?.objectId, id('g'));
});

test('H22 renumbering takes the children along', () => {
  const { trees } = store();
  trees.putLocal(local('d', ROOT, { kind: 'folder' }));
  trees.putLocal(local('f', id('d')));
  trees.renumberLocal(id('d'), id('e'));
  assert.equal(trees.local.get(id('d')), undefined);
  assert.equal(trees.local.get(id('f'))?.parentId, id('e'));
  assert.equal(pathOf(trees.local, id('f'), ROOT), 'd/f');
});

test('C1 after a start everything on which the trees differ is found, and nothing else', () => {
  const { trees } = store();
  const agreed = (name: string, hash = 'a') => {
    trees.putLocal(local(name, ROOT, file(hash)));
    trees.putRemote(remote(name, { content: file(hash) }));
    trees.putSynced({ objectId: id(name), workspaceId, parentId: ROOT, name, content: file(hash), placeVersion: 1 });
  };
  for (const name of ['same', 'edited', 'moved', 'gone', 'deleted']) agreed(name);
  trees.putLocal(local('edited', ROOT, file('b')));
  trees.putRemote(remote('moved', { name: 'elsewhere', placeVersion: 2 }));
  trees.removeLocal(id('gone'));
  trees.putRemote(remote('deleted', { deleted: true }));
  trees.putLocal(local('new'));
  trees.putRemote(remote('theirs'));
  const expected = ['deleted', 'edited', 'gone', 'moved', 'new', 'theirs'].map(id);
  assert.deepEqual([...trees.differing()].sort(), expected.sort());
});

test('C1 what changes of a remote node is stored, at its place or with it', () => {
  const { db, trees } = store();
  trees.putRemote(remote('f'));
  const versionId = id('v') as string as VersionId;
  const edited = remote('f', { content: { ...file('b'), executable: true }, versionId, seq: 2 });
  const mounted = remote('f', { content: { kind: 'mount' }, mounts: 'm'.repeat(26) as WorkspaceId, seq: 5 });
  for (const node of [edited, { ...edited, deleted: true, seq: 3 }, { ...edited, name: 'g', seq: 4 }, mounted]) {
    trees.putRemote(node);
    assert.deepEqual(new TreeStore(db, () => undefined).remote.get(id('f')), node);
  }
});

test('C1 what is changed while the nodes of a folder are looked at is known as it is then', () => {
  const { trees } = store();
  for (const name of ['a', 'b', 'c']) trees.putLocal(local(name));
  trees.rest();
  for (const { name } of trees.local.children(ROOT)) {
    if (name !== 'a') continue;
    trees.removeLocal(id('b'));
    trees.putLocal(local('c', ROOT, file('b')));
  }
  assert.equal(trees.local.get(id('b')), undefined);
  assert.deepEqual(trees.local.get(id('c'))?.content, file('b'));
});

test('C1 after a start a single difference among many that are alike is found', () => {
  const changes: readonly (readonly [readonly string[], (trees: TreeStore) => void])[] = [
    [[], () => undefined],
    [[], (trees) => trees.putLocal({ ...local('a'), seenMs: 77 })],
    [['a'], (trees) => trees.putLocal(local('a', ROOT, file('b')))],
    [['a'], (trees) => trees.putLocal({ ...local('a'), name: 'elsewhere' })],
    [['a'], (trees) => trees.putLocal(local('a', ROOT, { ...file('a'), executable: true }))],
    [['a'], (trees) => trees.putRemote(remote('a', { content: file('b') }))],
    [['a'], (trees) => trees.putRemote(remote('a', { name: 'elsewhere' }))],
    [['a'], (trees) => trees.putRemote(remote('a', { placeVersion: 2 }))],
    [['a'], (trees) => trees.putRemote(remote('a', { deleted: true }))],
    [['a'], (trees) => trees.removeLocal(id('a'))],
    [['a'], (trees) => trees.removeRemote(id('a'))],
    [['a'], (trees) => trees.removeSynced(id('a'))],
    [['new'], (trees) => trees.putLocal(local('new'))],
    [['theirs'], (trees) => trees.putRemote(remote('theirs'))],
    // As many nodes as before.
    [
      ['a', 'new', 'theirs'],
      (trees) => {
        trees.removeLocal(id('a'));
        trees.putLocal(local('new'));
        trees.removeRemote(id('a'));
        trees.putRemote(remote('theirs'));
      },
    ],
  ];
  for (const [expected, change] of changes) {
    const { trees } = store();
    for (const name of ['a', 'b', 'c']) {
      trees.putLocal(local(name));
      trees.putRemote(remote(name));
      trees.putSynced({ objectId: id(name), workspaceId, parentId: ROOT, name, content: file('a'), placeVersion: 1 });
    }
    change(trees);
    assert.deepEqual([...trees.differing()].sort(), expected.map(id).sort());
  }
});

test('S7 below a folder that becomes a mount all changes workspace, and seqs of the old one count no more', () => {
  const { trees } = store();
  trees.putRemote(remote('d', { content: { kind: 'folder' }, seq: 2 }));
  trees.putRemote(remote('f', { parentId: id('d'), seq: 40 }));
  trees.putLocal(local('d', ROOT, { kind: 'folder' }));
  trees.putLocal(local('f', id('d')));
  const changesBefore = trees.folderChanges;
  const shared = 's'.repeat(26) as WorkspaceId;
  trees.moveBelowToWorkspace(id('d'), shared);
  assert.equal(trees.remote.get(id('f'))?.workspaceId, shared);
  assert.equal(trees.local.get(id('f'))?.workspaceId, shared);
  assert.equal(trees.remote.get(id('f'))?.seq, 0);
  assert.equal(trees.remote.get(id('d'))?.seq, 2);
  assert.notEqual(trees.folderChanges, changesBefore);
});
