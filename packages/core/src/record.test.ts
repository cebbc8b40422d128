import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ObjectId } from '@satchel/protocol/ids.ts';
import { planScene, sceneTrees, type Scene } from './plan-scene.ts';
import { agreedOn, releasedWith, syncedAfterCommit, syncedAfterDisk } from './record.ts';
import { sideOf, type DiskStep, type ServerStep, type StateStep } from './step.ts';
import type { RemoteNode, SyncedNode } from './tree.ts';

const f = 'f' as ObjectId;

/** Runs the only step of a scene on paper: what Synced says after it; `answer` is what the server then has. */
function syncedAfter(scene: Scene, answer?: Partial<RemoteNode>): SyncedNode | undefined {
  const step = planScene(scene).steps[0];
  const trees = sceneTrees(scene);
  assert.ok(step);
  if (sideOf(step) === 'disk') return syncedAfterDisk(step as DiskStep, trees.synced.get(f));
  const now = { ...trees.remote.get(f), ...trees.local.get(f), ...answer } as RemoteNode;
  return syncedAfterCommit(step as ServerStep, now, trees.synced.get(f));
}

test('C1 a put agrees on the content that was sent, also when the disk has newer by then', () => {
  const scene = { synced: { f: '/a=1' }, local: { f: '/a=2' }, remote: { f: '/a=1' } };
  const after = syncedAfter(scene, { placeVersion: 1 });
  assert.equal(after?.content.kind === 'file' && after.content.hash, '2');
});

test('C1 a put with no place leaves the place as it was agreed', () => {
  const scene = { synced: { f: '/a=1' }, local: { f: '/a=2' }, remote: { f: '/a=1' } };
  const after = syncedAfter(scene, { name: 'moved meanwhile', placeVersion: 7 });
  assert.deepEqual([after?.name, after?.placeVersion], ['a', 1]);
});

test('C1 a move leaves the content as it was agreed', () => {
  const scene = { synced: { f: '/a=1' }, local: { f: '/b=1' }, remote: { f: '/a=2' }, candidates: ['f'] };
  const trees = sceneTrees(scene);
  const move = planScene(scene).steps.find((step) => step.kind === 'move') as ServerStep;
  const answer = { ...trees.remote.get(f)!, name: 'b', placeVersion: 2 };
  const after = syncedAfterCommit(move, answer, trees.synced.get(f));
  assert.deepEqual([after?.name, after?.content], ['b', trees.synced.get(f)?.content]);
});

test('P10 a rename out of the way on the server is not agreed upon: the disk follows it later', () => {
  const scene = { local: { d: '/a/' }, remote: { f: '/a=1' } };
  const trees = sceneTrees(scene);
  const move = planScene(scene).steps.find((step) => step.kind === 'move') as ServerStep;
  assert.equal(syncedAfterCommit(move, trees.remote.get(f)!, undefined), undefined);
  const before = { ...agreedOn(trees.remote.get(f)!), name: 'elsewhere' };
  assert.equal(syncedAfterCommit(move, trees.remote.get(f)!, before)?.name, 'elsewhere');
});

test('C1 a rename on disk agrees on the place when it is Remote’s, and only then', () => {
  const followed = syncedAfter({ synced: { f: '/a=1' }, local: { f: '/a=1' }, remote: { f: '/b=1' } });
  assert.deepEqual([followed?.name, followed?.placeVersion], ['b', 2]);
  const yielded = syncedAfter({ synced: { f: '/a=1' }, local: { f: '/b=1' }, remote: { f: '/a=1', n: '/b=2' } });
  assert.equal(yielded?.name, 'a');
});

test('C1 a download agrees on what was planned, not on what Remote has become since', () => {
  const scene = { synced: { f: '/a=1' }, local: { f: '/a=1' }, remote: { f: '/b=2' } };
  const trees = sceneTrees(scene);
  const download = planScene(scene).steps.find((step) => step.kind === 'download') as DiskStep;
  const after = syncedAfterDisk(download, trees.synced.get(f));
  assert.deepEqual([after?.name, after?.versionId], ['a', 'v2']);
});

test('P3 setExecutable agrees on the bit only', () => {
  const after = syncedAfter({ synced: { f: '/a=1' }, local: { f: '/a=2' }, remote: { f: '/a=1*' } });
  assert.deepEqual(after?.content, { kind: 'file', hash: '1', size: 1, executable: true, mtimeMs: 0 });
});

test('C1 deletions and copies drop the node', () => {
  assert.equal(syncedAfter({ synced: { f: '/a=1' }, remote: { f: '/a=1' } }), undefined);
  assert.equal(syncedAfter({ synced: { f: '/a=1' }, local: { f: '/a=1' } }), undefined);
  assert.equal(syncedAfter({ synced: { f: '/a=1' }, local: { f: '/a=2' }, remote: { f: '/a=3' } }), undefined);
});

test('C1 agreedOn leaves nothing of a version where there is none', () => {
  const trees = sceneTrees({ remote: { f: '/a/' } });
  assert.equal('versionId' in agreedOn(trees.remote.get(f)!), false);
});

test('P9 a release covers what the same side lacks, and stops at what it still has', () => {
  const before = { d: '/d/', e: 'd/e/', g: 'e/g=1', kept: 'd/kept/', h: 'kept/h=1', other: '/other=1' };
  const scene = { synced: before, local: { kept: '/kept/' }, remote: { ...before, d: '/moved/' } };
  const release = planScene(scene).steps.find((step) => step.kind === 'release') as StateStep & { kind: 'release' };
  assert.deepEqual([...releasedWith(sceneTrees(scene), release)].toSorted(), ['d', 'e', 'g']);
});

test('P9 a release ends although Synced, being of different moments, has a circle', () => {
  const scene = { synced: { d: 'e/d/', e: 'd/e/' }, remote: { d: '/d2/', e: 'd/e/' } };
  const step = { kind: 'release', objectId: 'd', workspaceId: 'w', absentOn: 'local' } as never;
  assert.deepEqual([...releasedWith(sceneTrees(scene), step)], ['d', 'e']);
});
