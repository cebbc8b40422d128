import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BlockKey } from '../../ports/block-store.ts';
import type { UploadId } from '@satchel/protocol/ids.ts';
import {
  chunkOf,
  commitAll,
  deleteOf,
  doneBy,
  doneObject,
  hear,
  id,
  mkdirOf,
  openMeta,
  outcomeOf,
  putOf,
  settled,
  store,
  storedOf,
  turnsDuring,
} from '../meta-under-test.ts';

const GRACE = 48 * 3_600_000;

test('S7 standing: linked here, stored elsewhere, unknown; a chunk of the same user is linked at once', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const [ann, bob] = [await world.person('ann'), await world.person('bob')];
  const [mine, theirs, nobodys] = [chunkOf('mine'), chunkOf('theirs'), chunkOf('nobodys')];
  await store(meta, ann, ann.workspaceId, [mine]);
  await store(meta, bob, bob.workspaceId, [theirs]);
  assert.deepEqual(await meta.ledger.stand(ann, ann.workspaceId, [mine, theirs, nobodys]), [
    'linked',
    'elsewhere',
    'unknown',
  ]);
  const located = await meta.ledger.locate(ann, ann.workspaceId, [mine.id, theirs.id, nobodys.id]);
  assert.deepEqual([...located.keys()], [mine.id]);
  assert.deepEqual([...(await meta.ledger.locateAny([theirs.id, nobodys.id])).keys()], [theirs.id]);
  await meta.ledger.linkProved(ann, ann.workspaceId, [theirs.id, nobodys.id]);
  assert.deepEqual(await meta.ledger.stand(ann, ann.workspaceId, [theirs, nobodys]), ['linked', 'unknown']);
  assert.deepEqual((await meta.doctor()).findings, []);
});

test('S8 strangers and viewers are turned away', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const [ann, bob] = [await world.person('ann'), await world.person('bob')];
  const { ledger } = meta;
  const chunk = chunkOf('x');
  const refused = { code: 'not_found' };
  await assert.rejects(ledger.stand(bob, ann.workspaceId, [chunk]), refused);
  await assert.rejects(ledger.recordStored(bob, ann.workspaceId, [storedOf(chunk)]), refused);
  await assert.rejects(ledger.linkProved(bob, ann.workspaceId, [chunk.id]), refused);
  await assert.rejects(ledger.locate(bob, ann.workspaceId, [chunk.id]), refused);
  await assert.rejects(ledger.expectRoom(bob, ann.workspaceId, 1), refused);
});

test('a chunk that is recorded twice keeps its first location', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const [ann, bob] = [await world.person('ann'), await world.person('bob')];
  const first = storedOf(chunkOf('x'));
  const second = { ...first, location: { ...first.location, key: 'packs/00/second' as BlockKey } };
  await meta.ledger.recordStored(ann, ann.workspaceId, [first, first]);
  await meta.ledger.recordStored(bob, bob.workspaceId, [second]);
  assert.deepEqual(await meta.ledger.scan(undefined, 10), [{ ...first, isDamaged: false }]);
  assert.equal(await meta.ledger.usesKey(first.location.key), true);
  assert.equal(await meta.ledger.usesKey(second.location.key), false);
  assert.equal(await meta.ledger.relocate(first.id, second.location, second.location), false);
  assert.equal(await meta.ledger.relocate(first.id, first.location, second.location), true);
  assert.deepEqual(await meta.ledger.scan(undefined, 10), [{ ...second, isDamaged: false }]);
  assert.deepEqual(await meta.ledger.scan(first.id, 10), []);
});

test('H93 what is found whole after all is not damaged any more, but for what lies elsewhere by then', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const ann = await world.person('ann');
  const chunk = storedOf(chunkOf('x'));
  const elsewhere = { ...chunk.location, key: 'packs/00/second' as BlockKey };
  const isDamaged = async () => (await meta.ledger.scan(undefined, 10))[0]?.isDamaged;
  await meta.ledger.recordStored(ann, ann.workspaceId, [chunk]);
  await meta.ledger.recordDamaged(chunk.id, 'the disk was not there for a moment');
  assert.equal(await isDamaged(), true);
  await meta.ledger.recordSound(chunk.id, elsewhere);
  assert.equal(await isDamaged(), true);
  await meta.ledger.recordSound(chunk.id, chunk.location);
  assert.equal(await isDamaged(), false);
  assert.deepEqual(await meta.ledger.stand(ann, ann.workspaceId, [chunk]), ['linked']);
});

test('H93 damage is told once, to the members of workspaces whose versions lose something by it', async () => {
  for (const shards of [1, 3]) {
    await using world = await openMeta({ shards });
    const { meta, bus } = world;
    const [ann, bob] = [await world.person('ann'), await world.person('bob')];
    const [used, unused, whole] = [chunkOf('used'), chunkOf('unused'), chunkOf('whole')];
    await store(meta, ann, ann.workspaceId, [used, unused, whole]);
    await doneBy(meta, ann, putOf({ place: { parentId: ann.rootId, name: 'f' }, chunks: [used, whole] }));
    await store(meta, bob, bob.workspaceId, [used]);
    const [annHears, bobHears] = [
      await hear(bus, { workspace: ann.workspaceId }),
      await hear(bus, { workspace: bob.workspaceId }),
    ];
    for (const { id: damaged } of [used, used, unused]) await meta.ledger.recordDamaged(damaged, 'a bit flipped');
    await settled();
    assert.deepEqual(annHears, [{ workspace: ann.workspaceId, damaged: true }]);
    assert.deepEqual(bobHears, []);
    assert.deepEqual(await meta.damaged(ann, ann.workspaceId, undefined), { chunks: [used] });
    assert.deepEqual(await meta.damaged(ann, ann.workspaceId, used.id), { chunks: [] });
    assert.deepEqual(await meta.damaged(bob, bob.workspaceId, undefined), { chunks: [] });
    await assert.rejects(meta.damaged(bob, ann.workspaceId, undefined), { code: 'not_found' });
    assert.deepEqual(await meta.ledger.stand(ann, ann.workspaceId, [used, unused]), ['damaged', 'unknown']);
    assert.deepEqual(await meta.ledger.stand(bob, bob.workspaceId, [used]), ['unknown']);
    await store(meta, ann, ann.workspaceId, [used]);
    assert.deepEqual(await meta.damaged(ann, ann.workspaceId, undefined), { chunks: [] });
  }
});

test('H93 an answer about damage is bounded, and tells where to go on', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const ann = await world.person('ann');
  const chunks = Array.from({ length: 300 }, (_, index) => chunkOf(`chunk ${index}`));
  await store(meta, ann, ann.workspaceId, chunks);
  await doneBy(meta, ann, putOf({ place: { parentId: ann.rootId, name: 'f' }, chunks }));
  for (const chunk of chunks) await meta.ledger.recordDamaged(chunk.id, 'a bit flipped');
  const first = await meta.damaged(ann, ann.workspaceId, undefined);
  assert.equal(first.chunks.length, 256);
  const second = await meta.damaged(ann, ann.workspaceId, first.next);
  assert.equal(second.next, undefined);
  const ids = [...first.chunks, ...second.chunks].map((chunk) => chunk.id);
  assert.deepEqual(ids, chunks.map((chunk) => chunk.id).sort());
});

test('S5 H94 collection takes what nothing refers to, and only after the grace', async () => {
  await using world = await openMeta();
  const { meta, clock } = world;
  const ann = await world.person('ann');
  const [used, unused] = [chunkOf('used'), chunkOf('unused')];
  await store(meta, ann, ann.workspaceId, [used, unused]);
  const file = await doneBy(meta, ann, putOf({ place: { parentId: ann.rootId, name: 'f' }, chunks: [used] }));
  const collect = async () => (await meta.ledger.forgetUnreferenced(clock.now() - GRACE, 100)).map((chunk) => chunk.id);
  clock.pass(GRACE);
  assert.deepEqual(await collect(), [], 'not at the very end of the grace');
  clock.pass(1);
  assert.deepEqual(await collect(), [unused.id]);
  assert.deepEqual(await meta.ledger.stand(ann, ann.workspaceId, [unused, used]), ['unknown', 'linked']);
  await doneBy(meta, ann, deleteOf(file));
  clock.pass(10 * GRACE);
  assert.deepEqual(await collect(), [], 'a deleted file keeps its chunks for the retention');
  assert.deepEqual((await meta.doctor()).findings, []);
});

test('S5 many links that are unused keep nobody from the chunks behind them, though their own live on elsewhere', async () => {
  await using world = await openMeta();
  const { meta, clock } = world;
  const [ann, bob] = [await world.person('ann'), await world.person('bob')];
  const shared = Array.from({ length: 6 }, (_, index) => chunkOf(`shared ${index}`));
  const own = Array.from({ length: 3 }, (_, index) => chunkOf(`own ${index}`));
  await store(meta, bob, bob.workspaceId, shared);
  for (const [index, chunk] of shared.entries())
    await doneBy(meta, bob, putOf({ place: { parentId: bob.rootId, name: `f${index}` }, chunks: [chunk] }));
  await store(meta, ann, ann.workspaceId, shared);
  clock.pass(1000);
  await store(meta, ann, ann.workspaceId, own);
  clock.pass(GRACE + 1);
  const forgotten: string[] = [];
  for (;;) {
    const chunks = await meta.ledger.forgetUnreferenced(clock.now() - GRACE, 2);
    if (chunks.length === 0) break;
    forgotten.push(...chunks.map((chunk) => chunk.id));
  }
  assert.deepEqual(forgotten.sort(), own.map((chunk) => chunk.id).sort());
  assert.deepEqual((await meta.doctor()).findings, []);
});

test('S11 asking of many chunks, in however many workspaces of one user, lets others have their turn', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const [ann, bob] = [await world.person('ann'), await world.person('bob')];
  const names = Array.from({ length: 70 }, (_, index) => `d${index}`);
  const { results } = await commitAll(
    meta,
    ann,
    ann.workspaceId,
    names.map((name) => mkdirOf(ann.rootId, name)),
  );
  for (const result of results)
    await meta.share(ann, { objectId: doneObject(result).objectId, email: bob.email, role: 'viewer' });
  const shared = (await meta.workspaces(ann)).workspaces.filter(({ kind }) => kind === 'shared');
  const held = shared.map(({ workspaceId }, index) => ({ workspaceId, chunk: chunkOf(`in ${index}`) }));
  for (const { workspaceId, chunk } of held) await store(meta, ann, workspaceId, [chunk]);
  const standings = await meta.ledger.stand(
    ann,
    ann.workspaceId,
    held.map(({ chunk }) => chunk),
  );
  assert.deepEqual(
    ['linked', 'elsewhere'].map((standing) => standings.filter((each) => each === standing).length),
    [64, 6],
    'beyond so many a proof is asked for',
  );
  const many = Array.from({ length: 4000 }, (_, index) => chunkOf(`unknown ${index}`));
  const turns = await turnsDuring(() => meta.ledger.stand(ann, ann.workspaceId, many));
  assert.ok(turns >= 15, `${turns} turns`);
});

test('S5 a chunk that is offered again outlives the upload that relies on it', async () => {
  await using world = await openMeta();
  const { meta, clock } = world;
  const ann = await world.person('ann');
  const chunk = chunkOf('x');
  await store(meta, ann, ann.workspaceId, [chunk]);
  clock.pass(GRACE + 1);
  assert.deepEqual(await meta.ledger.stand(ann, ann.workspaceId, [chunk]), ['linked']);
  assert.deepEqual(await meta.ledger.forgetUnreferenced(clock.now() - GRACE, 100), []);
  assert.equal(
    await outcomeOf(meta, ann, putOf({ place: { parentId: ann.rootId, name: 'f' }, chunks: [chunk] })),
    'done',
  );
});

test('prefetch: other devices are told what has arrived, in order and only what is new, until the commit', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const ann = await world.person('ann');
  const other = { ...ann, deviceId: id<typeof ann.deviceId>() };
  const chunks = Array.from({ length: 4 }, (_, index) => chunkOf(`chunk ${index}`));
  await store(meta, ann, ann.workspaceId, [chunks[2]!]);
  const put = putOf({ place: { parentId: ann.rootId, name: 'f' }, chunks });
  const uploadId = id<UploadId>();
  const announcement = { workspaceId: ann.workspaceId, uploadId, objectId: put.objectId };
  await meta.ledger.announceUpload(ann, { ...announcement, firstChunk: 0, offset: 0, chunks: chunks.slice(0, 3) });
  await meta.ledger.announceUpload(ann, { ...announcement, firstChunk: 3, offset: 21, chunks: chunks.slice(3) });
  const pending = async (after = 0) => {
    const { uploads } = await meta.pendingUploads(other, { workspace_id: ann.workspaceId, upload_id: uploadId, after });
    return uploads[0];
  };
  const first = await pending();
  assert.deepEqual(first?.arrived, [{ ...chunks[2], offset: 14 }]);
  await store(meta, ann, ann.workspaceId, [chunks[3]!]);
  await store(meta, ann, ann.workspaceId, [chunks[0]!]);
  assert.deepEqual((await pending(first?.position))?.arrived, [
    { ...chunks[3], offset: 21 },
    { ...chunks[0], offset: 0 },
  ]);
  assert.equal(
    (await meta.pendingUploads(ann, { workspace_id: ann.workspaceId })).uploads.length,
    0,
    'not to the sender',
  );
  assert.equal((await meta.pendingUploads(other, { workspace_id: ann.workspaceId })).uploads.length, 1);
  await store(meta, ann, ann.workspaceId, [chunks[1]!]);
  await doneBy(meta, ann, put);
  assert.equal(await pending(), undefined);
});

test('prefetch: pings come at once and then at most every 50 ms, and the last arrival is told of', async () => {
  await using world = await openMeta();
  const { meta, clock } = world;
  const ann = await world.person('ann');
  const chunks = Array.from({ length: 6 }, (_, index) => chunkOf(`chunk ${index}`));
  const uploadId = id<UploadId>();
  const heard = await hear(world.bus, { workspace: ann.workspaceId });
  await meta.ledger.announceUpload(ann, {
    workspaceId: ann.workspaceId,
    uploadId,
    objectId: id(),
    firstChunk: 0,
    offset: 0,
    chunks,
  });
  const arrive = async (index: number) => {
    await store(meta, ann, ann.workspaceId, [chunks[index]!]);
    await settled();
    return heard.length;
  };
  const pass = async (ms: number) => {
    clock.pass(ms);
    await settled();
    return heard.length;
  };
  assert.equal(await arrive(0), 1);
  assert.equal(await arrive(1), 1);
  assert.equal(await arrive(2), 1);
  assert.equal(await pass(49), 1);
  assert.equal(await pass(1), 2);
  assert.equal(await pass(50), 2);
  assert.equal(await arrive(3), 3);
  assert.deepEqual(heard.at(-1), { workspace: ann.workspaceId, upload: uploadId });
});
