import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEVICE_PLACES, type ObjectId, type OperationId } from '@satchel/protocol/ids.ts';
import {
  chunkOf,
  commitAll,
  deleteOf,
  doneBy,
  doneObject,
  id,
  mkdirOf,
  moveOf,
  openMeta,
  outcomeOf,
  putOf,
  store,
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

test('H49 names that could escape are refused, whoever sends them', async () => {
  await using world = await openMeta();
  const ann = await world.person('ann');
  for (const name of ['', '.', '..', 'a/b', 'a\0', 'e\u0301', '\ud800', '.satchel', 'x'.repeat(256)])
    assert.equal(await outcomeOf(world.meta, ann, mkdirOf(ann.rootId, name)), 'name_invalid', JSON.stringify(name));
  assert.equal(await outcomeOf(world.meta, ann, mkdirOf(ann.rootId, 'x'.repeat(255))), 'done');
});

test('H49 no object has the id of a root, or one that stands for a place on devices', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const ann = await world.person('ann');
  for (const objectId of [ann.rootId, DEVICE_PLACES.top, DEVICE_PLACES.limbo]) {
    const place = { parentId: ann.rootId, name: objectId };
    assert.equal(await outcomeOf(meta, ann, { ...mkdirOf(ann.rootId, objectId), objectId }), 'object_exists');
    assert.equal(await outcomeOf(meta, ann, { ...putOf({ place, chunks: [] }), objectId }), 'object_exists');
    const link = {
      op: 'symlink',
      operationId: id<OperationId>(),
      objectId,
      place,
      baseTarget: null,
      target: 'x',
    } as const;
    assert.equal(await outcomeOf(meta, ann, link), 'object_exists');
  }
  await expectSound(world);
});

test('H30 a folder cannot be moved into itself or below itself', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const ann = await world.person('ann');
  const x = await doneBy(meta, ann, mkdirOf(ann.rootId, 'x'));
  const y = await doneBy(meta, ann, mkdirOf(ann.rootId, 'y'));
  const z = await doneBy(meta, ann, mkdirOf(y.objectId, 'z'));
  await doneBy(meta, ann, moveOf(x, z.objectId, 'x'));
  assert.equal(await outcomeOf(meta, ann, moveOf(y, x.objectId, 'y')), 'would_cycle');
  assert.equal(await outcomeOf(meta, ann, moveOf(y, y.objectId, 'y')), 'would_cycle');
  await expectSound(world);
});

test('H30 two moves that would make a cycle together: one of them is refused', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const ann = await world.person('ann');
  const x = await doneBy(meta, ann, mkdirOf(ann.rootId, 'x'));
  const y = await doneBy(meta, ann, mkdirOf(ann.rootId, 'y'));
  const outcomes = await Promise.all([
    outcomeOf(meta, ann, moveOf(x, y.objectId, 'x')),
    outcomeOf(meta, ann, moveOf(y, x.objectId, 'y')),
  ]);
  assert.deepEqual(outcomes.sort(), ['done', 'would_cycle']);
  await expectSound(world);
});

test('H48 folders nest 256 deep and no deeper, by making and by moving', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const ann = await world.person('ann');
  let parentId = ann.rootId;
  const chain = Array.from({ length: 256 }, (_, level) => {
    const operation = mkdirOf(parentId, `l${level}`);
    parentId = operation.objectId;
    return operation;
  });
  const { results } = await commitAll(meta, ann, ann.workspaceId, chain);
  const folders = results.map(doneObject);
  assert.equal(await outcomeOf(meta, ann, mkdirOf(parentId, 'deeper')), 'name_invalid');
  const pair = mkdirOf(ann.rootId, 'pair');
  const made = await doneBy(meta, ann, pair);
  await doneBy(meta, ann, mkdirOf(pair.objectId, 'inner'));
  assert.equal(await outcomeOf(meta, ann, moveOf(made, folders[254]!.objectId, 'pair')), 'name_invalid');
  assert.equal(await outcomeOf(meta, ann, moveOf(made, folders[253]!.objectId, 'pair')), 'done');
  await expectSound(world);
});

test('H28 a folder is deleted only when it is empty; H35 a move may take the place of what the same commit deletes', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const ann = await world.person('ann');
  const folder = await doneBy(meta, ann, mkdirOf(ann.rootId, 'd'));
  await store(meta, ann, ann.workspaceId, [chunkOf('in'), chunkOf('out')]);
  const inner = await doneBy(
    meta,
    ann,
    putOf({ place: { parentId: folder.objectId, name: 'f' }, chunks: [chunkOf('in')] }),
  );
  const outer = await doneBy(
    meta,
    ann,
    putOf({ place: { parentId: ann.rootId, name: 'g' }, chunks: [chunkOf('out')] }),
  );
  assert.equal(await outcomeOf(meta, ann, deleteOf(folder)), 'folder_not_empty');
  const { results } = await commitAll(meta, ann, ann.workspaceId, [
    deleteOf(outer),
    moveOf(inner, ann.rootId, 'g'),
    deleteOf(folder),
  ]);
  assert.deepEqual(
    results.map((result) => result.outcome),
    ['done', 'done', 'done'],
  );
  await expectSound(world);
});

test('H20 H25 dead files, folders and symlinks come back under their ids, where they are put', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const ann = await world.person('ann');
  const folder = await doneBy(meta, ann, mkdirOf(ann.rootId, 'd'));
  const file = await fileNamed(world, ann, 'f', 'one');
  const link = await doneBy(meta, ann, {
    op: 'symlink',
    operationId: id(),
    objectId: id(),
    place: { parentId: ann.rootId, name: 'l' },
    baseTarget: null,
    target: 'f',
  });
  await commitAll(meta, ann, ann.workspaceId, [deleteOf(folder), deleteOf(file), deleteOf(link)]);
  await store(meta, ann, ann.workspaceId, [chunkOf('two')]);
  assert.equal(await outcomeOf(meta, ann, putOf({ base: file, chunks: [chunkOf('two')] })), 'stale', 'without a place');
  assert.equal(await outcomeOf(meta, ann, mkdirOf(ann.rootId, 'd', file.objectId)), 'kind_mismatch');
  const back = await doneBy(meta, ann, mkdirOf(ann.rootId, 'd2', folder.objectId));
  assert.equal(back.placeVersion, folder.placeVersion + 1);
  const place = { parentId: folder.objectId, name: 'f2' };
  const revived = await doneBy(meta, ann, putOf({ base: file, place, chunks: [chunkOf('two')] }));
  assert.equal(revived.objectId, file.objectId);
  assert.equal(revived.deleted, undefined);
  assert.equal(await outcomeOf(meta, ann, deleteOf(file)), 'stale', 'a deletion from before the return');
  const again = await doneBy(meta, ann, {
    op: 'symlink',
    operationId: id(),
    objectId: link.objectId,
    place: { parentId: ann.rootId, name: 'l' },
    baseTarget: 'f',
    target: 'd2/f2',
  });
  assert.equal(again.target, 'd2/f2');
  await expectSound(world);
});

test('ids are global: one that is used in another workspace or stands elsewhere is refused', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const [ann, bob] = [await world.person('ann'), await world.person('bob')];
  const folder = await doneBy(meta, ann, mkdirOf(ann.rootId, 'd'));
  const { results } = await commitAll(meta, bob, bob.workspaceId, [mkdirOf(bob.rootId, 'd', folder.objectId)]);
  const [refusal] = results;
  assert.ok(refusal?.outcome === 'refused' && refusal.code === 'object_exists');
  assert.equal(refusal.object, undefined, 'nothing is told of a foreign object');
  assert.equal(await outcomeOf(meta, ann, mkdirOf(ann.rootId, 'e', folder.objectId)), 'object_exists');
  assert.equal(await outcomeOf(meta, ann, mkdirOf(ann.rootId, 'd', folder.objectId)), 'done');
  for (const operation of [moveOf(folder, bob.rootId, 'x'), deleteOf(folder)])
    assert.equal(await outcomeOf(meta, bob, operation), 'not_found');
});

test('H49 the text of a symlink is refused when it cannot be kept as it is', async () => {
  await using world = await openMeta();
  const ann = await world.person('ann');
  const place = { parentId: ann.rootId, name: 'link' };
  for (const target of ['a\0b', '\ud800', 'é'.repeat(2048)]) {
    const wish = { op: 'symlink', operationId: id<OperationId>(), objectId: id<ObjectId>(), place, target } as const;
    assert.equal(await outcomeOf(world.meta, ann, { ...wish, baseTarget: null }), 'request_invalid', target);
  }
});

test('a symlink gets a new target only from who knew the old one', async () => {
  await using world = await openMeta();
  const ann = await world.person('ann');
  const wish = { op: 'symlink', objectId: id<ObjectId>(), target: 'a' } as const;
  const place = { parentId: ann.rootId, name: 'l' };
  const link = await doneBy(world.meta, ann, { ...wish, operationId: id(), place, baseTarget: null });
  assert.equal(await outcomeOf(world.meta, ann, { ...wish, operationId: id(), baseTarget: 'x', target: 'b' }), 'stale');
  const changed = await doneBy(world.meta, ann, { ...wish, operationId: id(), baseTarget: 'a', target: 'b' });
  assert.deepEqual([changed.objectId, changed.target, changed.seq], [link.objectId, 'b', 2]);
  assert.equal(
    await outcomeOf(world.meta, ann, { ...wish, operationId: id(), baseTarget: 'b', target: 'é'.repeat(2048) }),
    'request_invalid',
  );
});
