import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createIgnoreRules } from '@satchel/core/ignore-rules.ts';
import type { ContentHash, ObjectId, WorkspaceId } from '@satchel/protocol/ids.ts';
import { leaveAlone } from '../indexer/left-alone.ts';
import { createChunkIndex } from '../state/chunk-index.ts';
import { ClientDatabase } from '../state/database.ts';
import { pathOf } from '../state/paths.ts';
import { touchBelow, TreeStore } from '../state/trees.ts';
import { createWorkspaceStore } from '../state/workspaces.ts';
import { RemoteTree } from './remote-tree.ts';
import { IgnoredPlaces } from './ignored-places.ts';

const id = (name: string) => name.padStart(26, '0') as ObjectId;
const workspaceId = 'w'.repeat(26) as WorkspaceId;
const file = { kind: 'file', hash: 'a'.repeat(64) as ContentHash, size: 3, executable: false, mtimeMs: 5 } as const;
const folder = { kind: 'folder' } as const;
const stat = { dev: 1, ino: 2, size: 3, mtimeNs: '1', ctimeNs: '1', mode: 0o644 };
const ROOT = id('root');

function device(rules: string) {
  const touched = new Set<ObjectId>();
  const trees = new TreeStore(new ClientDatabase(':memory:'), (each) => touched.add(each));
  const node = (name: string, at: string, content: typeof file | typeof folder = file) => {
    const cut = at.lastIndexOf('/');
    const parentId = cut < 0 ? ROOT : id(at.slice(0, cut));
    return { objectId: id(name), workspaceId, parentId, name: at.slice(cut + 1), content };
  };
  const remove = (gone: ObjectId) => {
    trees.removeLocal(gone);
    return [gone];
  };
  const pathHere = (each: ObjectId) => pathOf(trees.local, each, ROOT);
  const places = new IgnoredPlaces({
    trees,
    tree: { pathOf: pathHere, remove },
    rules: () => createIgnoreRules(rules),
    rootId: ROOT,
    transaction: (work) => work(),
  });
  return {
    trees,
    places,
    touched,
    here: (...of: Parameters<typeof node>) => trees.putLocal({ ...node(...of), presence: 'present', stat, seenMs: 9 }),
    there: (...of: Parameters<typeof node>) => trees.putRemote({ ...node(...of), placeVersion: 1, seq: 1 }),
    before: (...of: Parameters<typeof node>) => trees.putSynced({ ...node(...of), placeVersion: 1 }),
  };
}

const none = () => false;

test('H73 what is new on the server at an ignored place is not wanted here, nor what lies in an ignored folder', () => {
  const { places, there } = device('secret\ncache/');
  there('secret', 'secret');
  there('cache', 'cache', folder);
  there('f', 'cache/f');
  there('g', 'g');
  const isUnwanted = places.unwanted();
  assert.deepEqual(
    ['secret', 'cache', 'f', 'g'].map((name) => isUnwanted(id(name))),
    [true, true, true, false],
  );
});

test('H73 what another device moved to an ignored place goes from here; what lies at one here stays', () => {
  const { places, there, here, before } = device('secret');
  for (const put of [here, before]) put('moved', 'f');
  there('moved', 'secret');
  for (const put of [here, before, there]) put('stays', 'secret');
  const isUnwanted = places.unwanted();
  assert.deepEqual([isUnwanted(id('moved')), isUnwanted(id('stays'))], [true, false]);
});

test('H73 a folder that was renamed here takes what is in it out of what is ignored, before the server hears of it', () => {
  const { places, there, here, before } = device('/p/a');
  for (const put of [there, before]) put('p', 'p', folder);
  here('p', 'q', folder);
  for (const put of [here, before, there]) put('a', 'p/a');
  assert.equal(places.unwanted()(id('a')), false);
});

test('H73 what is left alone here, and was moved on the server to where nothing is ignored, is brought there', () => {
  const { places, there, here, before, trees, touched } = device('secret');
  for (const put of [here, before, there]) put('f', 'secret');
  leaveAlone(trees, trees.local.get(id('f'))!);
  places.part([id('f')], none);
  assert.notEqual(trees.local.get(id('f')), undefined, 'as long as it lies there on both sides');
  there('f', 'open');
  touched.clear();
  places.part([id('f')], none);
  assert.deepEqual([trees.local.get(id('f')), trees.synced.get(id('f'))], [undefined, undefined]);
  assert.ok(touched.has(id('f')));
});

test('H72 H73 what is left alone does not hold a folder that goes, nor what the server has deleted', () => {
  const { places, there, here, before, trees } = device('secret');
  for (const put of [here, before, there]) {
    put('d', 'd', folder);
    put('in', 'd/secret');
    put('deleted', 'secret');
  }
  for (const name of ['in', 'deleted']) leaveAlone(trees, trees.local.get(id(name))!);
  trees.putRemote({ ...trees.remote.get(id('deleted'))!, deleted: true, seq: 2 });
  places.part([id('in'), id('deleted')], (each) => each === id('d'));
  assert.deepEqual([trees.local.get(id('in')), trees.local.get(id('deleted'))], [undefined, undefined]);
});

test('H73 what went from a folder before that was left alone, and was moved elsewhere meanwhile, is brought there', () => {
  const { places, there, here, before, trees } = device('secret');
  for (const put of [here, before, there]) put('secret', 'secret', folder);
  leaveAlone(trees, trees.local.get(id('secret'))!);
  for (const name of ['moved', 'stays']) before(name, `secret/${name}`);
  there('moved', 'open');
  there('stays', 'secret/stays');
  places.part([id('moved'), id('stays')], none);
  assert.equal(trees.synced.get(id('moved')), undefined);
  assert.notEqual(trees.synced.get(id('stays')), undefined, 'it is looked at again with its folder');
});

test('H73 what lies in a folder that is renamed elsewhere may be ignored no more: it is looked at again', () => {
  using db = new ClientDatabase(':memory:');
  const touched = new Set<ObjectId>();
  const trees = new TreeStore(db, (each) => touched.add(each));
  const remote = new RemoteTree({
    trees,
    workspaces: createWorkspaceStore(db),
    chunks: createChunkIndex(db),
    newId: () => id('new'),
    folderMoved: (each) => touchBelow(trees, each),
    shareEnded: () => undefined,
  });
  const workspace = {
    workspaceId,
    rootId: ROOT,
    mountId: ROOT,
    role: 'owner',
    epoch: 'e',
    head: 0,
    digest: '0',
  } as const;
  const take = (of: string, parentId: ObjectId, name: string, seq: number) => {
    const record = { objectId: id(of), parentId, name, kind: 'folder', seq, placeVersion: seq, changedAt: 0 } as const;
    remote.take(workspace, record, 0n);
  };
  take('d', ROOT, 'secret', 1);
  take('in', id('d'), 'in', 2);
  touched.clear();
  take('d', ROOT, 'open', 3);
  assert.ok(touched.has(id('in')));
});
