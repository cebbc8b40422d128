import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UploadId, WorkspaceId } from '@satchel/protocol/ids.ts';
import { statement, type ShardId } from '../ports/database.ts';
import {
  chunkOf,
  commitAll,
  deleteOf,
  doneBy,
  doneObject,
  id,
  listAll,
  mkdirOf,
  openMeta,
  outcomeOf,
  putOf,
  store,
  storedOf,
  type MetaUnderTest,
} from './meta-under-test.ts';
import { DIRECTORY } from './shards.ts';
import { WORKSPACES } from './workspace-statements.ts';

const OTHER = 1 as ShardId;
const DAY = 24 * 3_600_000;

const removeWorkspace = statement<{ workspaceId: WorkspaceId }>()((q, arg) =>
  q.deleteFrom('workspaces').where('workspace_id', '=', arg('workspaceId')),
);
const setShard = statement<{ workspaceId: WorkspaceId; shard: number }>()((q, arg) =>
  q
    .updateTable('workspace_shards')
    .set({ shard: arg('shard') })
    .where('workspace_id', '=', arg('workspaceId')),
);

/** Moves a workspace without objects to the second shard. */
async function moveAway({ database }: MetaUnderTest, workspaceId: WorkspaceId): Promise<void> {
  const row = await database.read(DIRECTORY, async (reader) => reader.first(WORKSPACES.find, { workspaceId }));
  await database.transact(OTHER, async (tx) => tx.run(WORKSPACES.insert, row!));
  await database.transact(DIRECTORY, async (tx) => {
    await tx.run(removeWorkspace, { workspaceId });
    await tx.run(setShard, { workspaceId, shard: OTHER });
  });
}

/** bob's workspace lies with the directory, ann's on the other shard, chunks on both. */
async function twoShards() {
  const world = await openMeta({ shards: 2, quotaBytes: 1000 });
  const [newAnn, bob] = [id<never>(), await world.person('bob')];
  const { workspaceId } = await world.meta.ensure({ userId: newAnn, email: 'ann@example.org', name: 'ann' });
  await moveAway(world, workspaceId);
  const caller = { userId: newAnn, deviceId: id<typeof bob.deviceId>() };
  const { workspaces } = await world.meta.workspaces(caller);
  const ann = { ...caller, email: 'ann@example.org', workspaceId, rootId: workspaces[0]!.rootId };
  const chunks = Array.from({ length: 12 }, (_, index) => chunkOf(`chunk ${index}`));
  return { world, meta: world.meta, ann, bob, chunks };
}

test('two shards: commits, listings, metadata, quota and prefetch reach what lies elsewhere', async () => {
  const { world, meta, ann, bob, chunks } = await twoShards();
  await using _ = world;
  assert.deepEqual(new Set(await meta.ledger.stand(ann, ann.workspaceId, chunks)), new Set(['unknown']));
  const uploadId = id<UploadId>();
  const put = putOf({ place: { parentId: ann.rootId, name: 'f' }, chunks });
  await meta.ledger.announceUpload(ann, {
    workspaceId: ann.workspaceId,
    uploadId,
    objectId: put.objectId,
    firstChunk: 0,
    offset: 0,
    chunks,
  });
  await store(meta, ann, ann.workspaceId, chunks);
  const other = { ...ann, deviceId: bob.deviceId };
  assert.equal((await meta.pendingUploads(other, { workspace_id: ann.workspaceId })).uploads[0]?.arrived.length, 12);
  assert.deepEqual(new Set(await meta.ledger.stand(bob, bob.workspaceId, chunks)), new Set(['elsewhere']));
  assert.equal(
    (
      await meta.ledger.locate(
        ann,
        ann.workspaceId,
        chunks.map((chunk) => chunk.id),
      )
    ).size,
    12,
  );
  assert.equal((await meta.ledger.scan(undefined, 100)).length, 12);
  const pages = [await meta.ledger.objects(undefined, 5)];
  for (let last = pages[0]; last !== undefined && last.length > 0; last = pages.at(-1))
    pages.push(await meta.ledger.objects(last.at(-1)?.key, 5));
  const keys = pages.flat().map(({ key }) => key);
  assert.deepEqual(keys, chunks.map((chunk) => storedOf(chunk).location.key).sort());
  const file = await doneBy(meta, ann, put);
  assert.deepEqual((await meta.metadata(ann, { workspace_id: ann.workspaceId, path: 'f' })).chunkList, { chunks });
  assert.equal((await listAll(meta, ann, ann.workspaceId)).objects.length, 1);
  assert.equal((await meta.account(ann)).usedBytes, file.version?.size);
  await store(meta, ann, ann.workspaceId, [chunkOf('x'.repeat(950))]);
  assert.equal(
    await outcomeOf(
      meta,
      ann,
      putOf({ place: { parentId: ann.rootId, name: 'g' }, chunks: [chunkOf('x'.repeat(950))] }),
    ),
    'quota_exceeded',
  );
  await assert.rejects(commitAll(meta, bob, ann.workspaceId, [mkdirOf(ann.rootId, 'x')]), { code: 'not_found' });
  assert.deepEqual((await meta.doctor()).findings, []);
});

test('two shards: sharing puts the workspace where its folder lay, the mount where its member is', async () => {
  const { world, meta, ann, bob, chunks } = await twoShards();
  await using _ = world;
  const folder = await doneBy(meta, ann, mkdirOf(ann.rootId, 'd'));
  await store(meta, ann, ann.workspaceId, chunks);
  await doneBy(meta, ann, putOf({ place: { parentId: folder.objectId, name: 'f' }, chunks }));
  const { workspaceId } = await meta.share(ann, { objectId: folder.objectId, email: bob.email, role: 'editor' });
  assert.equal((await listAll(meta, bob, workspaceId)).objects.length, 1);
  assert.equal((await listAll(meta, bob, bob.workspaceId)).objects[0]?.mounts, workspaceId);
  assert.deepEqual(new Set(await meta.ledger.stand(bob, bob.workspaceId, chunks)), new Set(['linked']), 'by the share');
  await meta.transferShare(ann, workspaceId, bob.email);
  await meta.removeMember(bob, workspaceId, ann.email);
  assert.deepEqual((await listAll(meta, ann, ann.workspaceId)).objects, []);
  assert.deepEqual((await meta.doctor()).findings, []);
});

test('two shards: purge and collection take everything that nothing refers to', async () => {
  const { world, meta, ann, chunks } = await twoShards();
  await using _ = world;
  await store(meta, ann, ann.workspaceId, chunks);
  const { results } = await commitAll(meta, ann, ann.workspaceId, [
    putOf({ place: { parentId: ann.rootId, name: 'f' }, chunks }),
  ]);
  await doneBy(meta, ann, deleteOf(doneObject(results[0])));
  world.clock.pass(31 * DAY);
  assert.equal((await meta.purge()).objects, 1);
  world.clock.pass(3 * DAY);
  assert.equal((await meta.ledger.forgetUnreferenced(world.clock.now() - 2 * DAY, 100)).length, 12);
  assert.equal(await meta.renewEpochs(), 2);
  assert.deepEqual((await meta.doctor()).findings, []);
});
