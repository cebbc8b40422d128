import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Operation } from '@satchel/protocol/commit.ts';
import { CodedError } from '@satchel/protocol/errors.ts';
import type { ObjectId, UserId, VersionId } from '@satchel/protocol/ids.ts';
import type { ObjectRecord } from '@satchel/protocol/objects.ts';
import {
  chunkOf,
  commitAll,
  deleteOf,
  doneBy,
  doneObject,
  hear,
  id,
  listAll,
  mkdirOf,
  moveOf,
  openMeta,
  outcomeOf,
  putOf,
  settled,
  store,
  storedOf,
  turnsDuring,
  type Actor,
  type MetaUnderTest,
} from '../meta-under-test.ts';

/** A file at the top of the actor's drive. */
async function fileNamed({ meta }: MetaUnderTest, actor: Actor, name: string, text: string) {
  const chunk = chunkOf(text);
  await store(meta, actor, actor.workspaceId, [chunk]);
  return doneBy(meta, actor, putOf({ place: { parentId: actor.rootId, name }, chunks: [chunk] }));
}

async function expectSound({ meta }: MetaUnderTest): Promise<void> {
  assert.deepEqual((await meta.doctor()).findings, []);
}

test('S1 a put is refused while a chunk is missing, names it, and changes nothing', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const ann = await world.person('ann');
  const [here, missing] = [chunkOf('here'), chunkOf('missing')];
  await store(meta, ann, ann.workspaceId, [here]);
  const operation = putOf({ place: { parentId: ann.rootId, name: 'f' }, chunks: [here, missing] });
  const { results, head } = await commitAll(meta, ann, ann.workspaceId, [operation]);
  assert.equal(head, 0);
  const [result] = results;
  assert.ok(result?.outcome === 'refused' && result.code === 'chunk_missing');
  assert.deepEqual(result.missing, [missing.id]);
  assert.deepEqual((await listAll(meta, ann, ann.workspaceId)).objects, []);
  await store(meta, ann, ann.workspaceId, [missing]);
  assert.equal(await outcomeOf(meta, ann, operation), 'done', 'the same operation is tried anew');
  await expectSound(world);
});

test('S11 while the long list of one file is looked up, those who read have their turn', async () => {
  await using world = await openMeta({ quotaBytes: 1e12 });
  const { meta } = world;
  const ann = await world.person('ann');
  const chunks = Array.from({ length: 50_000 }, (_, index) => chunkOf(`c${index}`));
  const operation = putOf({ place: { parentId: ann.rootId, name: 'f' }, chunks });
  const turns = await turnsDuring(async () => assert.equal(await outcomeOf(meta, ann, operation), 'chunk_missing'));
  assert.ok(turns > 12, `${turns} turns`);
});

test('S7 a chunk that another account has stored cannot be named in a commit', async () => {
  await using world = await openMeta();
  const [ann, bob] = [await world.person('ann'), await world.person('bob')];
  const chunk = chunkOf('secret');
  await store(world.meta, ann, ann.workspaceId, [chunk]);
  const operation = putOf({ place: { parentId: bob.rootId, name: 'f' }, chunks: [chunk] });
  assert.equal(await outcomeOf(world.meta, bob, operation), 'chunk_missing');
});

test('S6 nothing that is said of the content is believed: sizes, hash, list', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const ann = await world.person('ann');
  const [a, b] = [chunkOf('aaa'), chunkOf('bbbb')];
  await store(meta, ann, ann.workspaceId, [a, b]);
  const good = () => putOf({ place: { parentId: ann.rootId, name: 'f' }, chunks: [a, b] });
  const lied = good();
  lied.content.size++;
  assert.equal(await outcomeOf(meta, ann, lied), 'length_mismatch');
  const hash = good();
  hash.content.contentHash = putOf({ chunks: [b, a] }).content.contentHash;
  assert.equal(await outcomeOf(meta, ann, hash), 'hash_mismatch');
  for (const chunks of [[{ ...a, size: 4 }], [a, { ...b, size: 3 }]])
    assert.equal(
      await outcomeOf(meta, ann, putOf({ place: { parentId: ann.rootId, name: 'f' }, chunks })),
      'manifest_invalid',
    );
  assert.equal(await outcomeOf(meta, ann, good()), 'done');
  await expectSound(world);
});

test('S4 a stale put, move or delete is refused with the present state', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const ann = await world.person('ann');
  const first = await fileNamed(world, ann, 'f', 'one');
  await store(meta, ann, ann.workspaceId, [chunkOf('two'), chunkOf('three')]);
  const second = await doneBy(meta, ann, putOf({ base: first, chunks: [chunkOf('two')] }));
  assert.notEqual(second.version?.versionId, first.version?.versionId);
  const { results } = await commitAll(meta, ann, ann.workspaceId, [
    putOf({ base: first, chunks: [chunkOf('three')] }),
    deleteOf(first),
    moveOf({ ...second, placeVersion: 7 }, ann.rootId, 'g'),
    deleteOf({ ...second, placeVersion: 7 }),
  ]);
  for (const result of results) {
    assert.ok(result.outcome === 'refused' && result.code === 'stale', JSON.stringify(result));
    assert.deepEqual(result.object, second);
  }
  await expectSound(world);
});

test('S4 H88 a repeated operation gets the first answer again, also within a batch, at once, and after more changes', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const ann = await world.person('ann');
  const chunk = chunkOf('text');
  await store(meta, ann, ann.workspaceId, [chunk, chunkOf('later')]);
  const put = putOf({ place: { parentId: ann.rootId, name: 'f' }, chunks: [chunk] });
  const twice = await commitAll(meta, ann, ann.workspaceId, [put, put]);
  const first = doneObject(twice.results[0]);
  assert.deepEqual(twice.results[1], twice.results[0]);
  const answers = await Promise.all(
    Array.from({ length: 5 }, async () => commitAll(meta, ann, ann.workspaceId, [put])),
  );
  for (const answer of answers) assert.deepEqual(answer.results[0], twice.results[0]);
  const edited = await doneBy(meta, ann, putOf({ base: first, chunks: [chunkOf('later')] }));
  const moved = await doneBy(meta, ann, moveOf(edited, ann.rootId, 'g'));
  await doneBy(meta, ann, deleteOf(moved));
  const again = await commitAll(meta, ann, ann.workspaceId, [put]);
  assert.deepEqual(again.results[0], twice.results[0]);
  assert.equal(again.head, 4);
  await expectSound(world);
});

test('S4 H88 each kind of operation is remembered when its reply was lost and others have changed the object since', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const ann = await world.person('ann');
  await store(meta, ann, ann.workspaceId, ['one', 'two', 'three'].map(chunkOf));
  const sent: Operation[] = [];
  const answers: ObjectRecord[] = [];
  const send = async (operation: Operation): Promise<ObjectRecord> => {
    sent.push(operation);
    const object = await doneBy(meta, ann, operation);
    answers.push(object);
    return object;
  };
  const folder = await send(mkdirOf(ann.rootId, 'd'));
  const place = { parentId: folder.objectId, name: 'f' };
  const first = await send(putOf({ place, chunks: [chunkOf('one')] }));
  const second = await send(putOf({ base: first, chunks: [chunkOf('two')] }));
  const moved = await send(moveOf(second, ann.rootId, 'g'));
  await send(deleteOf(moved));
  const revived = await send(putOf({ base: second, place, chunks: [chunkOf('three')] }));
  await send(moveOf(revived, ann.rootId, 'h'));
  const link = { op: 'symlink', objectId: id<ObjectId>() } as const;
  await send({ ...link, operationId: id(), place: { parentId: ann.rootId, name: 'l' }, baseTarget: null, target: 'a' });
  await send({ ...link, operationId: id(), baseTarget: 'a', target: 'b' });
  await send(moveOf(folder, ann.rootId, 'e'));
  const { results, head } = await commitAll(meta, ann, ann.workspaceId, sent);
  assert.deepEqual(results.map(doneObject), answers);
  assert.equal(head, sent.length, 'nothing was done twice');
  await expectSound(world);
});

test('S4 a deletion that is repeated, or meets a deleted object, is done', async () => {
  await using world = await openMeta();
  const ann = await world.person('ann');
  const file = await fileNamed(world, ann, 'f', 'one');
  const deletion = deleteOf(file);
  const gone = await doneBy(world.meta, ann, deletion);
  assert.equal(gone.deleted, true);
  assert.deepEqual(await doneBy(world.meta, ann, deletion), gone);
  assert.deepEqual(await doneBy(world.meta, ann, deleteOf(file)), gone);
});

test('H18 a put of the present content makes no version, whatever it is based on', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const ann = await world.person('ann');
  const file = await fileNamed(world, ann, 'f', 'one');
  assert.deepEqual(await doneBy(meta, ann, putOf({ base: file, chunks: [chunkOf('one')] })), file);
  const blind = { ...putOf({ base: file, chunks: [chunkOf('one')] }), baseVersionId: id<VersionId>() };
  assert.deepEqual(await doneBy(meta, ann, blind), file);
  const executable = await doneBy(meta, ann, putOf({ base: file, chunks: [chunkOf('one')], executable: true }));
  assert.equal(executable.version?.executable, true);
  assert.equal(executable.seq, 2);
  await expectSound(world);
});

test('an operation that is refused changes nothing, and the next is tried', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const ann = await world.person('ann');
  const folder = mkdirOf(ann.rootId, 'a');
  const { results, head } = await commitAll(meta, ann, ann.workspaceId, [
    folder,
    mkdirOf(ann.rootId, 'a'),
    mkdirOf(folder.objectId, 'b'),
    mkdirOf(id<ObjectId>(), 'c'),
    mkdirOf(ann.rootId, 'd'),
  ]);
  assert.deepEqual(
    results.map((result) => (result.outcome === 'done' ? result.object.seq : result.code)),
    [1, 'name_taken', 2, 'parent_missing', 3],
  );
  assert.equal(head, 3);
  const taken = results[1];
  assert.ok(taken?.outcome === 'refused' && taken.taken?.objectId === folder.objectId);
});

test('S8 H61 quota exceeded in the middle of a batch: that file is refused, deletions and small files go on', async () => {
  await using world = await openMeta({ quotaBytes: 10 });
  const { meta } = world;
  const ann = await world.person('ann');
  const [six, seven, four] = [chunkOf('666666'), chunkOf('7777777'), chunkOf('4444')];
  await store(meta, ann, ann.workspaceId, [six, seven, four]);
  const put = (name: string, chunk: typeof six) => putOf({ place: { parentId: ann.rootId, name }, chunks: [chunk] });
  const { results } = await commitAll(meta, ann, ann.workspaceId, [
    put('a', six),
    put('b', seven),
    put('c', four),
    mkdirOf(ann.rootId, 'd'),
  ]);
  assert.deepEqual(
    results.map((result) => (result.outcome === 'done' ? 'done' : result.code)),
    ['done', 'quota_exceeded', 'done', 'done'],
  );
  assert.equal((await meta.account(ann)).usedBytes, 10);
  const a = doneObject(results[0]);
  const after = await commitAll(meta, ann, ann.workspaceId, [deleteOf(a), put('b', seven), put('b', six)]);
  assert.deepEqual(
    after.results.map((result) => (result.outcome === 'done' ? 'done' : result.code)),
    ['done', 'quota_exceeded', 'done'],
  );
  await assert.rejects(meta.ledger.expectRoom(ann, ann.workspaceId, 1), { code: 'quota_exceeded' });
  await expectSound(world);
});

test('S8 strangers and unknown workspaces look the same', async () => {
  await using world = await openMeta();
  const [ann, bob] = [await world.person('ann'), await world.person('bob')];
  const refused = (error: unknown) => error instanceof CodedError && error.code === 'not_found';
  await assert.rejects(commitAll(world.meta, bob, ann.workspaceId, [mkdirOf(ann.rootId, 'x')]), refused);
  await assert.rejects(commitAll(world.meta, bob, id(), [mkdirOf(ann.rootId, 'x')]), refused);
  const [mine, foreign] = await Promise.allSettled([
    commitAll(world.meta, ann, ann.workspaceId, [mkdirOf(ann.rootId, 'x')]),
    commitAll(world.meta, { ...ann, userId: id<UserId>() }, ann.workspaceId, [mkdirOf(ann.rootId, 'y')]),
  ]);
  assert.deepEqual([mine.status, foreign.status], ['fulfilled', 'rejected'], 'also when both share a transaction');
});

test('H5 a file comes back with the time that it was put with', async () => {
  await using world = await openMeta();
  const ann = await world.person('ann');
  await store(world.meta, ann, ann.workspaceId, [chunkOf('one')]);
  const operation = putOf({ place: { parentId: ann.rootId, name: 'f' }, chunks: [chunkOf('one')] });
  const { version } = await doneBy(world.meta, ann, operation);
  assert.equal(version?.mtimeMs, operation.content.mtimeMs);
});

test('edits against the list of a version of the file make the new list', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const ann = await world.person('ann');
  const chunks = Array.from({ length: 20 }, (_, index) => chunkOf(`chunk ${index}`));
  await store(meta, ann, ann.workspaceId, [...chunks, chunkOf('new')]);
  const file = await doneBy(meta, ann, putOf({ place: { parentId: ann.rootId, name: 'f' }, chunks }));
  assert.equal(file.version?.chunks, undefined);
  const next = chunks.with(3, chunkOf('new'));
  const edit = putOf({ base: file, chunks: next });
  const edits = [{ at: 3, remove: 1, insert: [chunkOf('new')] }];
  const baseVersionId = file.version!.versionId;
  const unknown = { ...edit, content: { ...edit.content, list: { baseVersionId: id<VersionId>(), edits } } };
  assert.equal(await outcomeOf(meta, ann, unknown), 'manifest_invalid');
  const edited = await doneBy(meta, ann, { ...edit, content: { ...edit.content, list: { baseVersionId, edits } } });
  const whole = await meta.metadata(ann, { workspace_id: ann.workspaceId, file_id: file.objectId });
  assert.deepEqual(whole.chunkList, { chunks: next });
  const splice = await meta.metadata(ann, {
    workspace_id: ann.workspaceId,
    file_id: file.objectId,
    base_version_id: baseVersionId,
  });
  assert.deepEqual(splice.chunkList, { baseVersionId, edits });
  assert.deepEqual(splice.object, edited);
  const old = await meta.metadata(ann, {
    workspace_id: ann.workspaceId,
    file_id: file.objectId,
    version_id: baseVersionId,
  });
  assert.deepEqual(old.chunkList, { chunks });
  await expectSound(world);
});

test('H93 a damaged chunk is not taken in a commit until somebody has sent it again', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const ann = await world.person('ann');
  const chunk = chunkOf('fragile');
  await fileNamed(world, ann, 'f', 'fragile');
  await meta.ledger.recordDamaged(chunk.id, 'bit rot');
  const copy = putOf({ place: { parentId: ann.rootId, name: 'g' }, chunks: [chunk] });
  assert.equal(await outcomeOf(meta, ann, copy), 'chunk_missing');
  assert.deepEqual(await meta.ledger.stand(ann, ann.workspaceId, [chunk]), ['damaged']);
  assert.deepEqual(
    (await meta.doctor()).findings.map((finding) => finding.code),
    ['chunk_damaged'],
  );
  const fresh = storedOf(chunk);
  const location = { ...fresh.location, key: 'packs/00/new' as typeof fresh.location.key };
  await meta.ledger.recordStored(ann, ann.workspaceId, [{ ...fresh, location }]);
  assert.deepEqual((await meta.ledger.locate(ann, ann.workspaceId, [chunk.id])).get(chunk.id)?.location, location);
  assert.equal(await outcomeOf(meta, ann, copy), 'done');
  await expectSound(world);
});

test('after a commit the workspace topic hears the new head, and nothing after a refused one', async () => {
  await using world = await openMeta();
  const ann = await world.person('ann');
  const heard = await hear(world.bus, { workspace: ann.workspaceId });
  await doneBy(world.meta, ann, mkdirOf(ann.rootId, 'a'));
  await outcomeOf(world.meta, ann, mkdirOf(ann.rootId, 'a'));
  await settled();
  assert.deepEqual(heard, [{ workspace: ann.workspaceId, seq: 1 }]);
});
