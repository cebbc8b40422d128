import assert from 'node:assert/strict';
import { test } from 'node:test';
import { statement, type Database, type ShardId } from '../ports/database.ts';
import {
  chunkOf,
  commitAll,
  deleteOf,
  doneBy,
  doneObject,
  listAll,
  mkdirOf,
  moveOf,
  openMeta,
  outcomeOf,
  putOf,
  store,
} from './meta-under-test.ts';
import { purge } from './purge.ts';

const DAY = 24 * 3_600_000;

const setRetention = statement<{ days: number }>()((q, arg) =>
  q.updateTable('plans').set({ retention_days: arg('days') }),
);

test('S12 old versions and deleted files stay for the retention and go after it, references and all', async () => {
  await using world = await openMeta();
  const { meta, clock } = world;
  const ann = await world.person('ann');
  await store(meta, ann, ann.workspaceId, ['one', 'two', 'gone'].map(chunkOf));
  const put = (name: string, text: string) => putOf({ place: { parentId: ann.rootId, name }, chunks: [chunkOf(text)] });
  const first = await doneBy(meta, ann, put('f', 'one'));
  const gone = await doneBy(meta, ann, put('g', 'gone'));
  const edited = await doneBy(meta, ann, putOf({ base: first, chunks: [chunkOf('two')] }));
  await doneBy(meta, ann, deleteOf(gone));
  const { cursor } = await listAll(meta, ann, ann.workspaceId);
  const old = { workspace_id: ann.workspaceId, file_id: first.objectId, version_id: first.version!.versionId };
  clock.pass(30 * DAY);
  assert.deepEqual(await meta.purge(), { versions: 0, objects: 0, operations: 0, uploads: 0 });
  assert.equal((await meta.metadata(ann, old)).object?.version?.versionId, first.version?.versionId);
  clock.pass(1);
  assert.deepEqual(await meta.purge(), { versions: 2, objects: 1, operations: 4, uploads: 0 });
  assert.deepEqual(await meta.purge(), { versions: 0, objects: 0, operations: 0, uploads: 0 });
  await assert.rejects(meta.metadata(ann, old), { code: 'not_found' });
  assert.equal(await outcomeOf(meta, ann, deleteOf(gone)), 'not_found');
  assert.deepEqual((await listAll(meta, ann, ann.workspaceId)).objects, [edited]);
  clock.pass(3 * DAY);
  const collected = await meta.ledger.forgetUnreferenced(clock.now() - 2 * DAY, 100);
  assert.deepEqual(collected.map((chunk) => chunk.id).sort(), [chunkOf('one').id, chunkOf('gone').id].sort());
  assert.equal(
    (await meta.list(ann, { workspace_id: ann.workspaceId, cursor })).objects.length,
    0,
    'a cursor at the floor is good',
  );
  assert.deepEqual((await meta.doctor()).findings, []);
});

test('H91 a cursor from before a forgotten deletion has expired; one of a first listing on its way has not', async () => {
  await using world = await openMeta();
  const { meta, clock } = world;
  const ann = await world.person('ann');
  const { results } = await commitAll(
    meta,
    ann,
    ann.workspaceId,
    ['a', 'b', 'c'].map((name) => mkdirOf(ann.rootId, name)),
  );
  const { cursor } = await listAll(meta, ann, ann.workspaceId);
  await doneBy(meta, ann, deleteOf(doneObject(results[1])));
  clock.pass(31 * DAY);
  await meta.purge();
  await assert.rejects(meta.list(ann, { workspace_id: ann.workspaceId, cursor }), { code: 'cursor_expired' });
  const page = await meta.list(ann, { workspace_id: ann.workspaceId, limit: 1 });
  assert.equal(page.hasMore, true);
  const rest = await meta.list(ann, { workspace_id: ann.workspaceId, cursor: page.cursor });
  assert.deepEqual(
    [...page.objects, ...rest.objects].map((object) => object.name),
    ['a', 'c'],
  );
});

test('S12 what has come back from the dead, or was deleted again later, is not purged by its first death', async () => {
  await using world = await openMeta();
  const { meta, clock } = world;
  const ann = await world.person('ann');
  const folder = await doneBy(meta, ann, mkdirOf(ann.rootId, 'd'));
  await store(meta, ann, ann.workspaceId, [chunkOf('x'), chunkOf('y')]);
  const file = await doneBy(meta, ann, putOf({ place: { parentId: ann.rootId, name: 'f' }, chunks: [chunkOf('x')] }));
  await commitAll(meta, ann, ann.workspaceId, [deleteOf(folder), deleteOf(file)]);
  clock.pass(20 * DAY);
  const place = { parentId: ann.rootId, name: 'f' };
  const revived = await doneBy(meta, ann, putOf({ base: file, place, chunks: [chunkOf('y')] }));
  const back = await doneBy(meta, ann, mkdirOf(ann.rootId, 'd', folder.objectId));
  await doneBy(meta, ann, deleteOf(back));
  clock.pass(11 * DAY);
  assert.deepEqual(await meta.purge(), { versions: 0, objects: 0, operations: 4, uploads: 0 });
  assert.deepEqual((await listAll(meta, ann, ann.workspaceId)).objects, [revived]);
  clock.pass(20 * DAY);
  const { versions, objects } = await meta.purge();
  assert.deepEqual([versions, objects], [1, 1], 'the old version and the folder, each when its own time was over');
  assert.deepEqual((await meta.doctor()).findings, []);
});

test('S4 an operation whose object and event are purged is done anew when it is repeated; nothing of others is told', async () => {
  await using world = await openMeta();
  const { meta, clock, database } = world;
  const [ann, ben] = [await world.person('ann'), await world.person('ben')];
  const shard = 0 as ShardId;
  await database.transact(shard, async (tx) => tx.run(setRetention, { days: 1 }));
  const [gone, lent] = [mkdirOf(ann.rootId, 'gone'), mkdirOf(ann.rootId, 'lent')];
  const outer = await doneBy(meta, ann, mkdirOf(ann.rootId, 'outer'));
  await commitAll(meta, ann, ann.workspaceId, [gone, lent]);
  clock.pass(31 * DAY);
  const again = [gone, lent].map(({ objectId, place }) => ({ ...mkdirOf(place.parentId, place.name, objectId) }));
  const { results } = await commitAll(meta, ann, ann.workspaceId, again);
  await meta.purge();
  const moved = await doneBy(meta, ann, moveOf(doneObject(results[1]), outer.objectId, 'lent'));
  await meta.share(ann, { objectId: outer.objectId, email: ben.email, role: 'editor' });
  await doneBy(meta, ann, deleteOf(doneObject(results[0])));
  clock.pass(2 * DAY);
  await meta.purge();
  const repeated = await commitAll(meta, ann, ann.workspaceId, again);
  assert.deepEqual(
    repeated.results.map((result) => (result.outcome === 'refused' ? result.code : result.object.name)),
    ['gone', 'object_exists'],
  );
  assert.equal(moved.name, 'lent');
  assert.deepEqual(await commitAll(meta, ann, ann.workspaceId, again), repeated, 'and has an answer again');
});

test('S11 purge works in bounded batches to the end', async () => {
  await using world = await openMeta();
  const { meta, clock } = world;
  const ann = await world.person('ann');
  const { results } = await commitAll(
    meta,
    ann,
    ann.workspaceId,
    Array.from({ length: 1000 }, (_, index) => mkdirOf(ann.rootId, `f${index}`)),
  );
  await commitAll(
    meta,
    ann,
    ann.workspaceId,
    results.map((result) => deleteOf(doneObject(result))),
  );
  clock.pass(31 * DAY);
  let most = 0;
  const watched: Database = {
    ...world.database,
    transact: async (shard, work) =>
      world.database.transact(shard, async (tx) => {
        const counted: typeof tx.run = async (query, args) => {
          const changed = await tx.run(query, args);
          most = Math.max(most, changed);
          return changed;
        };
        return work({ all: async (q, a) => tx.all(q, a), first: async (q, a) => tx.first(q, a), run: counted });
      }),
  };
  assert.deepEqual(await purge({ database: watched, clock }), {
    versions: 0,
    objects: 1000,
    operations: 2000,
    uploads: 0,
  });
  assert.ok(most <= 1000, `${most} rows by one statement`);
  assert.deepEqual((await meta.doctor()).findings, []);
});
