/** What a device makes of folders that become shared, stop being so, or are unknown to a restored server. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContentHash, ObjectId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { ListAnswer, ObjectRecord } from '@satchel/protocol/objects.ts';
import { objectId, openWorld, type World } from '../daemon/assembled.fixture.ts';
import { TREE_ROOT } from '../daemon/assembly.ts';

const never = new AbortController().signal;
const shared = objectId('s') as string as WorkspaceId;
const stat = { dev: 1, ino: 2, size: 3, mtimeNs: '1', ctimeNs: '1', mode: 0o755 };
const FOLDER = { kind: 'folder' } as const;
const FILE = { kind: 'file', hash: 'a'.repeat(64) as ContentHash, size: 3, executable: false, mtimeMs: 5 } as const;

const record = (kind: 'folder' | 'mount', seq: number, name = 'm'): ObjectRecord => ({
  objectId: objectId(name),
  parentId: objectId('r'),
  name,
  kind,
  seq,
  placeVersion: 1,
  changedAt: 0,
  ...(kind === 'mount' ? { mounts: shared } : {}),
});

/** A mount `m` with `f`, in sync, and `new`, which only this disk has. */
function withShare(world: World): void {
  const { trees, workspaces } = world.parts;
  const mount = { objectId: objectId('m'), workspaceId: world.workspace.workspaceId, parentId: TREE_ROOT, name: 'm' };
  trees.putRemote({ ...mount, content: { kind: 'mount' }, mounts: shared, placeVersion: 1, seq: 1 });
  trees.putSynced({ ...mount, content: { kind: 'mount' }, placeVersion: 1 });
  trees.putLocal({ ...mount, content: FOLDER, presence: 'present', stat, seenMs: 1 });
  const file = { objectId: objectId('f'), workspaceId: shared, parentId: mount.objectId, name: 'f', content: FILE };
  trees.putRemote({ ...file, placeVersion: 1, seq: 1 });
  trees.putSynced({ ...file, placeVersion: 1 });
  trees.putLocal({ ...file, presence: 'present', stat, seenMs: 1 });
  trees.putLocal({ ...file, objectId: objectId('new'), name: 'new', presence: 'present', stat, seenMs: 1 });
  const [own, cursor] = [world.workspace, 'epoch1.1'];
  workspaces.put({ ...own, cursor, head: 1 });
  workspaces.put({ ...own, workspaceId: shared, rootId: objectId('sr'), mountId: mount.objectId, cursor, head: 1 });
}

/** The personal drive as it is listed, complete. */
async function listed(world: World, objects: readonly ObjectRecord[], epoch: string): Promise<void> {
  const { workspaceId, rootId } = world.workspace;
  world.meddling.answer = (): ListAnswer => ({
    workspaceId,
    rootId,
    cursor: `${epoch}.9`,
    head: 9,
    objects: [...objects],
    hasMore: false,
  });
  await world.parts.following.relist(workspaceId, never);
}

/** Where a file lies on this disk, by name. */
const inMount = ({ parts: { trees } }: World, name: string) =>
  trees.local.childNamed({ parentId: objectId('m'), name });

test('H98 with the mount goes what was in it, also where the list of workspaces has not been asked for', async () => {
  await using world = openWorld();
  withShare(world);
  await listed(world, [], 'epoch1');
  const { trees, workspaces } = world.parts;
  assert.deepEqual([trees.remote.get(objectId('m'))?.deleted, trees.remote.get(objectId('f'))?.deleted], [true, true]);
  assert.equal(workspaces.get(shared), undefined);
  assert.deepEqual(world.remarks, ['workspace_lost']);
});

test('H98 removed and made a member again without this device: the share is listed anew at its new place', async () => {
  await using world = openWorld();
  withShare(world);
  await listed(world, [record('mount', 5, 'again')], 'epoch1');
  const { following, workspaces } = world.parts;
  const own = world.workspace;
  const entry = { kind: 'shared', rootId: objectId('sr'), role: 'editor', epoch: 'epoch1', head: 0 };
  const answers: Record<string, unknown> = {
    workspaces: {
      workspaces: [
        { ...own, kind: 'personal', head: 9 },
        { ...entry, workspaceId: shared },
      ],
    },
    objects: { workspaceId: shared, rootId: objectId('sr'), cursor: 'epoch1.0', head: 0, objects: [], hasMore: false },
  };
  world.meddling.answer = (name) => answers[name];
  await following.refresh(never);
  assert.deepEqual([workspaces.get(shared)?.mountId, workspaces.get(shared)?.cursor], [objectId('again'), 'epoch1.0']);
});

test('S10 a restored server that knows the folder from before it was shared: all in it is merged, nothing deleted', async () => {
  await using world = openWorld();
  withShare(world);
  await listed(world, [record('folder', 1)], 'epoch2');
  const { trees, workspaces } = world.parts;
  const { workspaceId } = world.workspace;
  assert.equal(workspaces.get(shared), undefined);
  for (const name of ['f', 'new']) {
    const row = inMount(world, name);
    assert.deepEqual([row?.objectId, row?.workspaceId], [objectId(name), workspaceId], 'the ids that the server has');
    assert.equal(trees.remote.get(objectId(name)), undefined);
    assert.equal(trees.synced.get(objectId(name)), undefined);
  }
  assert.deepEqual(world.remarks, ['server_restored']);
});

test('S10 a restored server that knows nothing of the mount: what was in it is the user’s own, under fresh ids', async () => {
  await using world = openWorld();
  withShare(world);
  await listed(world, [], 'epoch2');
  const { trees } = world.parts;
  for (const id of ['m', 'f']) assert.equal(trees.remote.get(objectId(id)), undefined);
  for (const name of ['f', 'new']) {
    const row = inMount(world, name);
    assert.notEqual(row?.objectId, objectId(name), 'others may have it in a share that lives on');
    assert.equal(row?.workspaceId, world.workspace.workspaceId);
    assert.equal(trees.synced.get(row?.objectId as ObjectId), undefined);
  }
});

test('H88 a folder that was shared before the answer came that it was made: what is in it belongs to the share', async () => {
  await using world = openWorld();
  const { trees, workspaces } = world.parts;
  const { workspaceId } = world.workspace;
  const folder = { objectId: objectId('m'), workspaceId, parentId: TREE_ROOT, name: 'm', content: FOLDER };
  trees.putLocal({ ...folder, presence: 'present', stat, seenMs: 1 });
  const inside = { ...folder, objectId: objectId('in'), parentId: folder.objectId, name: 'in' };
  trees.putLocal({ ...inside, presence: 'present', stat, seenMs: 1 });
  workspaces.put({ ...world.workspace, cursor: 'epoch1.1', head: 1 });
  await listed(world, [record('mount', 3)], 'epoch1');
  assert.equal(inMount(world, 'in')?.workspaceId, shared);
});

test('H54 a role that changed has everything in the share planned again, also what only this disk has', async () => {
  await using world = openWorld();
  withShare(world);
  const { following, engine, objectProblems } = world.parts;
  objectProblems.addLasting(objectId('new'), 'read_only', 'for a person');
  const own = { ...world.workspace, kind: 'personal', head: 1 };
  const share = {
    workspaceId: shared,
    kind: 'shared',
    rootId: objectId('sr'),
    role: 'editor',
    epoch: 'epoch1',
    head: 1,
  };
  world.meddling.answer = () => ({ workspaces: [own, share] });
  await following.refresh(never);
  assert.deepEqual([objectProblems.all(), engine.isOutstanding(objectId('new'))], [[], true]);
});

test('S4 H88 a first answer that comes after the folder was shared takes nothing out of the share', async () => {
  await using world = openWorld();
  withShare(world);
  const { following, trees } = world.parts;
  following.takeAnswered(world.workspace.workspaceId, [record('folder', 12, 'f')]);
  assert.deepEqual([trees.remote.get(objectId('f'))?.workspaceId, trees.remote.get(objectId('f'))?.seq], [shared, 1]);
});

test('H37 H88 what was made before its folder was shared, and moved into that, is another object there once that is answered', async () => {
  await using world = openWorld();
  withShare(world);
  const { following, trees } = world.parts;
  const made = { objectId: objectId('x'), workspaceId: shared, parentId: objectId('m'), name: 'x', content: FOLDER };
  trees.putLocal({ ...made, presence: 'present', stat, seenMs: 1 });
  const { workspaceId } = world.workspace;
  trees.putSynced({ ...made, workspaceId, parentId: TREE_ROOT, placeVersion: 1 });
  following.takeAnswered(workspaceId, [record('folder', 2, 'x')]);
  const row = inMount(world, 'x');
  assert.notEqual(row?.objectId, objectId('x'));
  assert.deepEqual([row?.workspaceId, row?.movedFrom], [shared, objectId('x')]);
  assert.equal(trees.remote.get(objectId('x'))?.parentId, TREE_ROOT, 'it goes when the other one is there (P15)');
});
