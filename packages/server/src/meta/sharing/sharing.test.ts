import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestText, EMPTY_DIGEST } from '@satchel/core/digest.ts';
import type { WorkspaceId } from '@satchel/protocol/ids.ts';
import {
  chunkOf,
  commitAll,
  deleteOf,
  doneBy,
  doneObject,
  hear,
  listAll,
  mkdirOf,
  moveOf,
  openMeta,
  outcomeOf,
  putOf,
  settled,
  store,
  turnsDuring,
  type Actor,
  type MetaUnderTest,
} from '../meta-under-test.ts';

/** ann's drive: d/inner/f (two versions), d/gone (dead), top. */
async function drive(world: MetaUnderTest) {
  const { meta } = world;
  const [ann, bob] = [await world.person('ann'), await world.person('bob')];
  await store(meta, ann, ann.workspaceId, ['one', 'two', 'gone', 'top'].map(chunkOf));
  const folder = await doneBy(meta, ann, mkdirOf(ann.rootId, 'd'));
  const inner = await doneBy(meta, ann, mkdirOf(folder.objectId, 'inner'));
  const put = (parentId: typeof ann.rootId, name: string, text: string) =>
    putOf({ place: { parentId, name }, chunks: [chunkOf(text)] });
  const first = await doneBy(meta, ann, put(inner.objectId, 'f', 'one'));
  const file = await doneBy(meta, ann, putOf({ base: first, chunks: [chunkOf('two')] }));
  const gone = await doneBy(meta, ann, put(folder.objectId, 'gone', 'gone'));
  await doneBy(meta, ann, deleteOf(gone));
  const top = await doneBy(meta, ann, put(ann.rootId, 'top', 'top'));
  return { ann, bob, folder, inner, first, file, gone, top };
}

async function sharedId({ meta }: MetaUnderTest, actor: Actor): Promise<WorkspaceId> {
  const { workspaces } = await meta.workspaces(actor);
  const shared = workspaces.find((workspace) => workspace.kind === 'shared');
  assert.ok(shared);
  return shared.workspaceId;
}

test('a shared folder becomes a mount; what lies below keeps its ids and history and changes workspace', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const { ann, bob, folder, inner, first, file, gone, top } = await drive(world);
  const { cursor } = await listAll(meta, ann, ann.workspaceId);
  const used = (await meta.account(ann)).usedBytes;
  const share = await meta.share(ann, { objectId: folder.objectId, email: bob.email, role: 'editor' });
  assert.deepEqual(
    share.members.map(({ email, role }) => [email, role]),
    [
      [ann.email, 'owner'],
      [bob.email, 'editor'],
    ],
  );
  const { workspaceId } = share;
  assert.equal(share.mountId, folder.objectId);
  assert.equal((await meta.account(ann)).usedBytes, used);

  const news = await meta.list(ann, { workspace_id: ann.workspaceId, cursor });
  assert.deepEqual(
    news.objects.map((object) => [object.objectId, object.kind, object.mounts, object.name, object.placeVersion]),
    [[folder.objectId, 'mount', workspaceId, 'd', 1]],
  );
  const mine = await listAll(meta, ann, ann.workspaceId);
  assert.deepEqual(mine.objects.map((object) => object.objectId).sort(), [folder.objectId, top.objectId].sort());

  const { workspaces } = await meta.workspaces(bob);
  const shared = workspaces.find((workspace) => workspace.workspaceId === workspaceId);
  assert.equal(shared?.role, 'editor');
  const theirs = await listAll(meta, bob, workspaceId);
  assert.deepEqual(
    theirs.objects.map((object) => [object.objectId, object.parentId, object.seq, object.version?.versionId]),
    [
      [inner.objectId, shared?.rootId, 1, undefined],
      [file.objectId, inner.objectId, 3, file.version?.versionId],
    ],
  );
  const [mount] = (await listAll(meta, bob, bob.workspaceId)).objects;
  assert.deepEqual([mount?.kind, mount?.mounts, mount?.name, mount?.parentId], ['mount', workspaceId, 'd', bob.rootId]);

  const ask = { workspace_id: workspaceId, file_id: file.objectId, version_id: first.version!.versionId };
  assert.deepEqual((await meta.metadata(bob, ask)).chunkList, { chunks: [chunkOf('one')] });
  assert.deepEqual([...(await meta.ledger.locate(bob, workspaceId, [chunkOf('two').id])).keys()], [chunkOf('two').id]);
  assert.deepEqual(
    [...(await meta.ledger.locate(bob, workspaceId, [chunkOf('top').id])).keys()],
    [],
    'S7 and nothing else',
  );
  const dead = await meta.metadata(bob, { workspace_id: workspaceId, file_id: gone.objectId });
  assert.equal(dead.object?.deleted, true, 'the dead come along');
  assert.deepEqual((await meta.doctor()).findings, []);
});

test('members edit by their roles, and the owner pays', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const { ann, bob, folder, file } = await drive(world);
  const { workspaceId } = await meta.share(ann, { objectId: folder.objectId, email: bob.email, role: 'viewer' });
  const edit = putOf({ base: file, chunks: [chunkOf('longer text')] });
  await assert.rejects(commitAll(meta, bob, workspaceId, [edit]), { code: 'read_only' });
  await assert.rejects(store(meta, bob, workspaceId, [chunkOf('longer text')]), { code: 'read_only' });
  await meta.setMember(ann, workspaceId, { email: bob.email, role: 'editor' });
  await store(meta, bob, workspaceId, [chunkOf('longer text')]);
  const before = (await meta.account(ann)).usedBytes;
  assert.equal(await outcomeOf(meta, bob, edit, workspaceId), 'done');
  assert.equal((await meta.account(ann)).usedBytes - before, 'longer text'.length - 'two'.length);
  assert.equal((await meta.account(bob)).usedBytes, 0);
  assert.deepEqual((await meta.doctor()).findings, []);
});

test('what cannot be shared: files, folders with a mount inside, folders inside a share, the folders of others', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const { ann, bob, folder, inner, top } = await drive(world);
  const share = async (actor: Actor, objectId: typeof folder.objectId, email: string) =>
    meta.share(actor, { objectId, email, role: 'editor' });
  await assert.rejects(share(ann, top.objectId, bob.email), { code: 'kind_mismatch' });
  await assert.rejects(share(ann, folder.objectId, 'nobody@example.org'), { code: 'not_found' });
  await assert.rejects(share(ann, folder.objectId, ann.email), { code: 'request_invalid' });
  await assert.rejects(share(bob, folder.objectId, ann.email), { code: 'not_found' });
  const outer = await doneBy(meta, ann, mkdirOf(ann.rootId, 'outer'));
  await share(ann, folder.objectId, bob.email);
  const mount = (await listAll(meta, ann, ann.workspaceId)).objects.find((object) => object.kind === 'mount');
  await doneBy(meta, ann, moveOf(mount!, outer.objectId, 'renamed'));
  await assert.rejects(share(ann, outer.objectId, bob.email), { code: 'forbidden' });
  await assert.rejects(share(ann, inner.objectId, bob.email), { code: 'forbidden' });
  assert.deepEqual((await meta.doctor()).findings, []);
});

test('a mount may be moved and renamed by each member, holds nothing itself, and is not deleted but left', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const { ann, bob, folder } = await drive(world);
  await doneBy(meta, bob, mkdirOf(bob.rootId, 'd'));
  const { workspaceId } = await meta.share(ann, { objectId: folder.objectId, email: bob.email, role: 'editor' });
  const mount = (await listAll(meta, bob, bob.workspaceId)).objects.find((object) => object.kind === 'mount')!;
  assert.equal(mount.name, 'd (2)', 'a free name');
  assert.equal(await outcomeOf(meta, bob, deleteOf(mount)), 'forbidden');
  assert.equal(await outcomeOf(meta, bob, mkdirOf(mount.objectId, 'x')), 'parent_missing');
  const moved = await doneBy(meta, bob, moveOf(mount, bob.rootId, 'from ann'));
  assert.equal(moved.mounts, workspaceId);
  await meta.removeMember(bob, workspaceId, bob.email);
  const { objects } = await listAll(meta, bob, bob.workspaceId);
  assert.deepEqual(
    objects.map((object) => object.name),
    ['d'],
  );
  await assert.rejects(listAll(meta, bob, workspaceId), { code: 'not_found' });
  assert.deepEqual((await meta.shares(bob)).shares, []);
  assert.deepEqual((await meta.doctor()).findings, []);
});

test('H98 the owner removes a member: the mount dies, the cache forgets the role, both sides are told', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const { ann, bob, folder } = await drive(world);
  const { workspaceId } = await meta.share(ann, { objectId: folder.objectId, email: bob.email, role: 'editor' });
  await listAll(meta, bob, workspaceId);
  const { cursor } = await listAll(meta, bob, bob.workspaceId);
  const [user, personal] = [
    await hear(world.bus, { user: bob.userId }),
    await hear(world.bus, { workspace: bob.workspaceId }),
  ];
  await assert.rejects(meta.removeMember(bob, workspaceId, ann.email), { code: 'forbidden' });
  await meta.removeMember(ann, workspaceId, bob.email);
  await settled();
  assert.deepEqual(user, [{ workspaces: true }]);
  assert.deepEqual(personal, [{ workspace: bob.workspaceId, seq: 2 }]);
  await assert.rejects(listAll(meta, bob, workspaceId), { code: 'not_found' });
  const news = await meta.list(bob, { workspace_id: bob.workspaceId, cursor });
  assert.deepEqual(
    news.objects.map((object) => [object.kind, object.deleted]),
    [['mount', true]],
  );
  assert.equal(news.digest, digestText(EMPTY_DIGEST));
  await assert.rejects(meta.removeMember(ann, workspaceId, bob.email), { code: 'not_found' });
  await assert.rejects(
    meta.removeMember(ann, workspaceId, ann.email),
    { code: 'forbidden' },
    'an owner does not leave',
  );
});

test('sharing again adds members; a role is changed by sharing too; only the owner may', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const { ann, bob, folder } = await drive(world);
  const eve = await world.person('eve');
  const request = { objectId: folder.objectId, email: bob.email, role: 'viewer' } as const;
  const { workspaceId } = await meta.share(ann, request);
  assert.equal((await meta.share(ann, { ...request, role: 'editor' })).members[1]?.role, 'editor');
  assert.equal((await meta.share(ann, { ...request, email: eve.email })).members.length, 3);
  await assert.rejects(meta.setMember(bob, workspaceId, { email: eve.email, role: 'editor' }), { code: 'forbidden' });
  await assert.rejects(meta.setMember(ann, workspaceId, { email: ann.email, role: 'editor' }), { code: 'forbidden' });
  await assert.rejects(meta.setMember(ann, ann.workspaceId, { email: bob.email, role: 'editor' }), {
    code: 'forbidden',
  });
  assert.equal(await sharedId(world, eve), workspaceId);
  assert.deepEqual((await meta.doctor()).findings, []);
});

test('S8 a share goes to a new owner only where there is room, with its bytes', async () => {
  await using world = await openMeta({ quotaBytes: 10 });
  const { meta } = world;
  const { ann, bob, folder } = await drive(world);
  await store(meta, bob, bob.workspaceId, [chunkOf('12345678')]);
  const { results } = await commitAll(meta, bob, bob.workspaceId, [
    putOf({ place: { parentId: bob.rootId, name: 'big' }, chunks: [chunkOf('12345678')] }),
  ]);
  const { workspaceId } = await meta.share(ann, { objectId: folder.objectId, email: bob.email, role: 'viewer' });
  await assert.rejects(meta.transferShare(ann, workspaceId, bob.email), { code: 'quota_exceeded' });
  await doneBy(meta, bob, deleteOf(doneObject(results[0])));
  await assert.rejects(meta.transferShare(bob, workspaceId, bob.email), { code: 'forbidden' });
  const share = await meta.transferShare(ann, workspaceId, bob.email);
  assert.deepEqual(
    share.members.map(({ email, role }) => [email, role]),
    [
      [ann.email, 'editor'],
      [bob.email, 'owner'],
    ],
  );
  assert.equal((await meta.account(bob)).usedBytes, 'two'.length);
  assert.equal((await meta.account(ann)).usedBytes, 'top'.length);
  await meta.removeMember(bob, workspaceId, ann.email);
  assert.equal((await meta.account(bob)).workspaceId, bob.workspaceId, 'the personal drive stays the personal drive');
  assert.deepEqual((await meta.doctor()).findings, []);
});

test('S4 an operation from before the sharing still gets its first answer', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const { ann, bob, folder } = await drive(world);
  await store(meta, ann, ann.workspaceId, [chunkOf('late')]);
  const put = putOf({ place: { parentId: folder.objectId, name: 'late' }, chunks: [chunkOf('late')] });
  const first = await doneBy(meta, ann, put);
  await meta.share(ann, { objectId: folder.objectId, email: bob.email, role: 'editor' });
  assert.deepEqual(await doneBy(meta, ann, put), first);
  assert.equal(await outcomeOf(meta, ann, deleteOf(first)), 'not_found', 'a new one has to go to the new workspace');
});

test('S11 while a folder of many files is shared, those who read have their turn', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const { ann, bob, folder } = await drive(world);
  const names = Array.from({ length: 1000 }, (_, index) => `f${index}`);
  await store(meta, ann, ann.workspaceId, names.map(chunkOf));
  const puts = names.map((name) => putOf({ place: { parentId: folder.objectId, name }, chunks: [chunkOf(name)] }));
  await commitAll(meta, ann, ann.workspaceId, puts);
  const turns = await turnsDuring(() =>
    meta.share(ann, { objectId: folder.objectId, email: bob.email, role: 'viewer' }),
  );
  assert.ok(turns > 25, `${turns} turns`);
  assert.deepEqual((await meta.doctor()).findings, []);
});
