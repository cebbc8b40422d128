import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DeviceId } from '@satchel/protocol/ids.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import type { ObjectRecord } from '@satchel/protocol/objects.ts';
import { createMemoryCache } from '../../adapters/memory/cache.ts';
import { systemRandom } from '../../adapters/system/random.ts';
import { statement } from '../../ports/database.ts';
import { createMeta } from '../meta.ts';
import { DIRECTORY } from '../shards.ts';
import {
  commitAll,
  deleteOf,
  doneBy,
  doneObject,
  id,
  listAll,
  mkdirOf,
  openMeta,
  outcomeOf,
  type Actor,
  type MetaUnderTest,
} from '../meta-under-test.ts';

const auditActions = statement<Record<never, never>>()((q) =>
  q.selectFrom('audit_log').select(['action', 'device_id', 'details']).orderBy('audit_id'),
);

async function folders({ meta }: MetaUnderTest, actor: Actor, count: number): Promise<readonly ObjectRecord[]> {
  const operations = Array.from({ length: count }, (_, index) => mkdirOf(actor.rootId, `folder ${index}`));
  const { results } = await commitAll(meta, actor, actor.workspaceId, operations);
  return results.map(doneObject);
}

/** How each of the deletions ended. */
async function deleteAll(world: MetaUnderTest, actor: Actor, objects: readonly ObjectRecord[]) {
  const { results } = await commitAll(world.meta, actor, actor.workspaceId, objects.map(deleteOf));
  return results.map((result) => (result.outcome === 'done' ? 'done' : result.code));
}

test('H69 a mass deletion in one request is held whole; the rest of the request is done and nothing is lost', async () => {
  await using world = await openMeta({ guardDeletes: 1000 });
  const ann = await world.person('ann');
  const all = await folders(world, ann, 600);
  const wish = mkdirOf(ann.rootId, 'new');
  const operations = [...all.slice(0, 61).map(deleteOf), wish];
  const { results } = await commitAll(world.meta, ann, ann.workspaceId, operations);
  assert.equal(doneObject(results.at(-1)).name, 'new');
  for (const [index, result] of results.slice(0, -1).entries()) {
    assert.ok(result.outcome === 'refused' && result.code === 'held', JSON.stringify(result));
    assert.deepEqual(result.object, all[index]);
  }
  const listed = await listAll(world.meta, ann, ann.workspaceId);
  assert.equal(listed.objects.filter(({ deleted }) => deleted !== true).length, 601);
  assert.deepEqual((await world.meta.doctor()).findings, []);
});

test('H69 up to a tenth of the workspace goes through, piece by piece, and again after five minutes', async () => {
  await using world = await openMeta({ guardDeletes: 1000 });
  const ann = await world.person('ann');
  const all = await folders(world, ann, 600);
  for (const object of all.slice(0, 60)) assert.equal(await outcomeOf(world.meta, ann, deleteOf(object)), 'done');
  const next = all[60];
  assert.ok(next);
  const held = deleteOf(next);
  assert.equal(await outcomeOf(world.meta, ann, held), 'held');
  const bob = { ...ann, deviceId: id<DeviceId>() };
  assert.equal(await outcomeOf(world.meta, bob, deleteOf(all[61] ?? next)), 'done', 'another device is no suspect');
  await doneBy(world.meta, ann, mkdirOf(ann.rootId, 'everything else goes on'));
  const repeated = deleteOf(all[0] ?? next);
  assert.equal(await outcomeOf(world.meta, ann, repeated), 'done', 'what is dead already is not held');
  world.clock.pass(5 * 60_000 + 1);
  assert.equal(await outcomeOf(world.meta, ann, held), 'done', 'the same operation is tried anew');
});

test('H69 fifty deletions are never held, more than the limit always are', async () => {
  await using world = await openMeta({ guardDeletes: 100 });
  const ann = await world.person('ann');
  const few = await folders(world, ann, 50);
  assert.deepEqual(new Set(await deleteAll(world, ann, few)), new Set(['done']));
  world.clock.pass(5 * 60_000 + 1);
  for (let index = 0; index < 3; index++) {
    const parent = await doneBy(world.meta, ann, mkdirOf(ann.rootId, `part ${index}`));
    await folders(world, { ...ann, rootId: parent.objectId }, 900);
  }
  const many = (await listAll(world.meta, ann, ann.workspaceId)).objects.slice(-101);
  assert.deepEqual(new Set(await deleteAll(world, ann, many)), new Set(['held']));
  assert.deepEqual(new Set(await deleteAll(world, ann, many.slice(1))), new Set(['done']));
});

test('H69 the deletions of a device are still known after a restart', async () => {
  await using world = await openMeta({ guardDeletes: 1000 });
  const ann = await world.person('ann');
  const all = await folders(world, ann, 60);
  assert.deepEqual(new Set(await deleteAll(world, ann, all.slice(0, 50))), new Set(['done']));
  const { database, bus, clock } = world;
  const settings = { defaultQuotaBytes: undefined, guardDeletes: 1000 };
  const cache = createMemoryCache({ entries: 100 });
  using restarted = createMeta({ database, bus, clock, cache, random: systemRandom, settings });
  assert.deepEqual(await deleteAll({ ...world, meta: restarted }, ann, all.slice(50, 51)), ['held']);
});

test('H69 a folder whose contents are held is held too, not called full', async () => {
  await using world = await openMeta({ guardDeletes: 1000 });
  const ann = await world.person('ann');
  const folder = await doneBy(world.meta, ann, mkdirOf(ann.rootId, 'folder'));
  const inside = await folders(world, { ...ann, rootId: folder.objectId }, 80);
  assert.deepEqual(new Set(await deleteAll(world, ann, [...inside, folder])), new Set(['held']));
});

test('H69 the user of the device lets its deletions through for an hour, and the audit log tells of it', async () => {
  await using world = await openMeta({ guardDeletes: 1000 });
  const [ann, eve] = [await world.person('ann'), await world.person('eve')];
  const all = await folders(world, ann, 300);
  assert.deepEqual(new Set(await deleteAll(world, ann, all.slice(0, 100))), new Set(['held']));
  await assert.rejects(world.meta.acceptDeletes(eve, ann.workspaceId), { code: 'not_found' });
  const other = { ...ann, deviceId: id<DeviceId>() };
  await world.meta.acceptDeletes(other, ann.workspaceId);
  assert.deepEqual(
    new Set(await deleteAll(world, ann, all.slice(0, 100))),
    new Set(['held']),
    'each device for itself',
  );
  // Entries of one moment come in any order.
  world.clock.pass(1);
  const { until } = await world.meta.acceptDeletes(ann, ann.workspaceId);
  assert.equal(until, world.clock.now() + LIMITS.heldAcceptanceMs);
  assert.deepEqual(new Set(await deleteAll(world, ann, all.slice(0, 100))), new Set(['done']));
  world.clock.pass(LIMITS.heldAcceptanceMs);
  assert.deepEqual(new Set(await deleteAll(world, ann, all.slice(100, 200))), new Set(['held']), 'it has expired');
  await world.meta.acceptDeletes(ann, ann.workspaceId);
  assert.deepEqual(new Set(await deleteAll(world, ann, all.slice(100, 200))), new Set(['done']), 'it can be renewed');
  const log = await world.database.read(DIRECTORY, async (reader) => reader.all(auditActions, {}));
  const accepted = log.filter(({ action }) => action === 'accept_held_deletes');
  assert.deepEqual(
    accepted.map((entry) => entry.device_id),
    [other.deviceId, ann.deviceId, ann.deviceId],
  );
  assert.equal(JSON.parse(accepted[0]?.details ?? '').workspaceId, ann.workspaceId);
});

test('H69 on several shards acceptance lies with its workspace', async () => {
  await using world = await openMeta({ guardDeletes: 10, shards: 3 });
  for (const name of ['ann', 'bob', 'cid', 'dan']) {
    const person = await world.person(name);
    const all = await folders(world, person, 20);
    assert.deepEqual(new Set(await deleteAll(world, person, all)), new Set(['held']));
    await world.meta.acceptDeletes(person, person.workspaceId);
    assert.deepEqual(new Set(await deleteAll(world, person, all)), new Set(['done']));
  }
});

test('H69 off: nothing is held', async () => {
  await using world = await openMeta();
  const ann = await world.person('ann');
  assert.deepEqual(new Set(await deleteAll(world, ann, await folders(world, ann, 900))), new Set(['done']));
});
