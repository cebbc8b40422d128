import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addTo, digestText, EMPTY_DIGEST, objectFingerprint } from '@satchel/core/digest.ts';
import type { ObjectId } from '@satchel/protocol/ids.ts';
import type { ObjectRecord } from '@satchel/protocol/objects.ts';
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
  putOf,
  store,
} from './meta-under-test.ts';
import { sha256Hex } from './records.ts';

/** The digest as a client computes it of what it was told. */
function digestOf(objects: Iterable<ObjectRecord>): string {
  let digest = EMPTY_DIGEST;
  for (const { objectId, parentId, name, kind, version, target, deleted } of objects) {
    if (deleted) continue;
    const fields = { objectId, parentId, name, kind };
    const content = {
      contentHash: version?.contentHash,
      executable: version?.executable ?? false,
      symlinkTarget: target,
    };
    digest = addTo(digest, objectFingerprint({ ...fields, ...content }, sha256Hex));
  }
  return digestText(digest);
}

test('H90 S3 fifty committers at once and one poller: no seq is ever skipped, and the digest agrees', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const ann = await world.person('ann');
  let running = true;
  const writers = Promise.all(
    Array.from({ length: 50 }, async (_, writer) => {
      for (let round = 0; round < 10; round++) {
        const folder = await doneBy(meta, ann, mkdirOf(ann.rootId, `w${writer} r${round}`));
        if (round % 2 === 0) await doneBy(meta, ann, moveOf(folder, ann.rootId, `w${writer} r${round} moved`));
        if (round % 3 === 0)
          await commitAll(meta, ann, ann.workspaceId, [deleteOf({ ...folder, placeVersion: round % 2 === 0 ? 2 : 1 })]);
      }
    }),
  ).then(() => (running = false));
  const seen = new Map<ObjectId, ObjectRecord>();
  let cursor: string | undefined;
  let caughtUp = false;
  while (!caughtUp) {
    caughtUp = !running;
    for (;;) {
      const page = await meta.list(ann, { workspace_id: ann.workspaceId, limit: 7, ...(cursor ? { cursor } : {}) });
      for (const object of page.objects) {
        const before = seen.get(object.objectId);
        assert.ok(before === undefined || before.seq < object.seq, 'each change is told once, in order');
        seen.set(object.objectId, object);
      }
      cursor = page.cursor;
      if (page.hasMore) continue;
      assert.equal(page.digest, digestOf(seen.values()), 'S9 the digest is that of what was told so far');
      break;
    }
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  await writers;
  const truth = await listAll(meta, ann, ann.workspaceId);
  assert.equal([...seen.values()].filter((object) => !object.deleted).length, truth.objects.length);
  assert.equal(truth.digest, digestOf(truth.objects));
  assert.equal(truth.objects.length, 50 * 6);
  assert.deepEqual((await meta.doctor()).findings, []);
});

test('a first listing shows what lives, and what dies while it goes on', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const ann = await world.person('ann');
  const { results } = await commitAll(
    meta,
    ann,
    ann.workspaceId,
    Array.from({ length: 10 }, (_, index) => mkdirOf(ann.rootId, `f${index}`)),
  );
  const folders = results.map(doneObject);
  await commitAll(meta, ann, ann.workspaceId, [deleteOf(folders[0]!)]);
  const first = await meta.list(ann, { workspace_id: ann.workspaceId, limit: 4 });
  assert.deepEqual(
    first.objects.map((object) => object.name),
    ['f1', 'f2', 'f3', 'f4'],
  );
  assert.equal(first.digest, undefined);
  await commitAll(meta, ann, ann.workspaceId, [deleteOf(folders[1]!), deleteOf(folders[9]!)]);
  const rest = await meta.list(ann, { workspace_id: ann.workspaceId, limit: 100, cursor: first.cursor });
  assert.deepEqual(
    rest.objects.map((object) => [object.name, object.deleted ?? false]),
    [...['f5', 'f6', 'f7', 'f8'].map((name) => [name, false]), ['f1', true], ['f9', true]],
  );
  assert.equal(rest.hasMore, false);
  const live = [...first.objects, ...rest.objects].filter((object) => object.name !== 'f1' && !object.deleted);
  assert.equal(rest.digest, digestOf(live));
});

test('following a cursor tells each change once, tombstones included, and nothing when nothing changed', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const ann = await world.person('ann');
  const folder = await doneBy(meta, ann, mkdirOf(ann.rootId, 'a'));
  const { cursor } = await listAll(meta, ann, ann.workspaceId);
  const still = await meta.list(ann, { workspace_id: ann.workspaceId, cursor });
  assert.deepEqual([still.objects, still.cursor, still.hasMore], [[], cursor, false]);
  await doneBy(meta, ann, moveOf(folder, ann.rootId, 'b'));
  await commitAll(meta, ann, ann.workspaceId, [deleteOf({ ...folder, placeVersion: 2 })]);
  const news = await meta.list(ann, { workspace_id: ann.workspaceId, cursor });
  assert.deepEqual(
    news.objects.map((object) => [object.name, object.deleted, object.seq]),
    [['b', true, 3]],
  );
});

test('S10 a cursor of another epoch or of the future has expired', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const ann = await world.person('ann');
  await doneBy(meta, ann, mkdirOf(ann.rootId, 'a'));
  const { cursor } = await listAll(meta, ann, ann.workspaceId);
  const [epoch = ''] = cursor.split('.');
  const query = { workspace_id: ann.workspaceId };
  for (const bad of [`${epoch}.2`, `${epoch}zz.1`, `${epoch.slice(1)}.1`, 'x.1'])
    await assert.rejects(meta.list(ann, { ...query, cursor: bad }), { code: 'cursor_expired' }, bad);
  assert.equal(await meta.renewEpochs(), 1);
  await assert.rejects(meta.list(ann, { ...query, cursor }), { code: 'cursor_expired' });
  assert.equal((await listAll(meta, ann, ann.workspaceId)).objects.length, 1);
});

test('S10 the answer of a commit tells the epoch that cursors have', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const ann = await world.person('ann');
  const epochs: (string | undefined)[] = [];
  for (const name of ['a', 'b']) {
    const { epoch } = await commitAll(meta, ann, ann.workspaceId, [mkdirOf(ann.rootId, name)]);
    const { workspaces } = await meta.workspaces(ann);
    assert.equal(epoch, workspaces[0]?.epoch);
    epochs.push(epoch);
    await meta.renewEpochs();
  }
  assert.notEqual(epochs[0], epochs[1]);
});

test('records carry what a client needs of each kind', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const ann = await world.person('ann');
  const many = Array.from({ length: 9 }, (_, index) => chunkOf(`c${index}`));
  await store(meta, ann, ann.workspaceId, many);
  const put = (name: string, count: number) =>
    putOf({ place: { parentId: ann.rootId, name }, chunks: many.slice(0, count) });
  await commitAll(meta, ann, ann.workspaceId, [put('none', 0), put('one', 1), put('eight', 8), put('nine', 9)]);
  const { objects } = await listAll(meta, ann, ann.workspaceId);
  assert.deepEqual(
    objects.map((object) => object.version?.chunks?.length),
    [0, 1, 8, undefined],
  );
  assert.deepEqual(objects[2]?.version?.chunks, many.slice(0, 8));
  for (const object of objects) {
    assert.equal(object.deviceId, ann.deviceId);
    assert.equal(object.changedAt, world.clock.now());
  }
});
