import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ObjectId, WorkspaceId } from '@satchel/protocol/ids.ts';
import { DeleteGuard } from './delete-guard.ts';

const id = (number: number) => String(number).padStart(26, '0') as ObjectId;

function guardOf(limit: number | 'off', size: number) {
  const clock = { now: 0 };
  const guard = new DeleteGuard({ limit: () => limit, treeSize: () => size, now: () => clock.now });
  return { guard, clock };
}

test('H69 up to a tenth of the tree, but at least fifty deletions, go through', () => {
  const { guard } = guardOf(1000, 100);
  for (let at = 0; at < 50; at++) guard.deleted(id(at));
  assert.equal(guard.allowed(), Infinity);
  guard.deleted(id(50));
  assert.equal(guard.allowed(), 0);
});

test('H69 more than the limit is held however large the tree', () => {
  const { guard } = guardOf(1000, 1_000_000);
  for (let at = 0; at <= 1000; at++) guard.deleted(id(at));
  assert.equal(guard.allowed(), 0);
});

test('H69 deletions that were sent count for five minutes', () => {
  const { guard, clock } = guardOf(1000, 100);
  guard.sent(Array.from({ length: 50 }, (_, at) => id(100 + at)));
  guard.deleted(id(1));
  assert.equal(guard.allowed(), 0);
  clock.now += 5 * 60_000 + 1;
  assert.equal(guard.allowed(), Infinity);
});

test('H69 a deletion counts once, whether it is on the server yet or not', () => {
  const { guard } = guardOf(1000, 100);
  const ids = Array.from({ length: 50 }, (_, at) => id(at));
  for (const each of ids) guard.deleted(each);
  guard.sent(ids.slice(0, 30));
  assert.equal(guard.allowed(), Infinity);
  guard.deleted(id(50));
  assert.equal(guard.allowed(), 0);
});

test('H69 accept lets what is held through, and only that', () => {
  const { guard } = guardOf(10, 1000);
  const ids = Array.from({ length: 60 }, (_, at) => id(at));
  for (const each of ids) guard.deleted(each);
  guard.hold(ids);
  assert.equal(guard.held(() => 'path')?.deletes, 60);
  assert.deepEqual(guard.accept(), ids);
  assert.equal(guard.allowed(), Infinity);
  assert.equal(guard.isHolding(), false);
  guard.sent(ids.slice(0, 30));
  for (let at = 100; at < 110; at++) guard.deleted(id(at));
  assert.equal(guard.allowed(), Infinity, 'what was accepted is not counted again, before it is sent or after');
  guard.deleted(id(110));
  assert.equal(guard.allowed(), 0);
});

test('H69 undo gives back what is held and forgets that it was wanted', () => {
  const { guard } = guardOf(10, 1000);
  const ids = Array.from({ length: 60 }, (_, at) => id(at));
  for (const each of ids) guard.deleted(each);
  guard.hold(ids);
  assert.deepEqual(guard.undo(), ids);
  assert.equal(guard.isHolding(), false);
  assert.equal(guard.allowed(), Infinity);
});

test('H69 undo brings back what was deleted since as well, and not what was accepted before', () => {
  const { guard } = guardOf(10, 1000);
  guard.deleted(id(1));
  guard.hold([id(1)]);
  guard.accept();
  guard.hold([id(2)]);
  guard.deleted(id(3));
  assert.deepEqual(guard.undo(), [id(2), id(3)]);
  assert.deepEqual(guard.undo(), [], 'nothing is held any more');
});

test('H69 what the server holds is held although nothing is counted here, and decided as a whole', () => {
  const { guard, clock } = guardOf('off', 1000);
  const workspaceId = id(500) as string as WorkspaceId;
  guard.hold([id(1), id(2)]);
  assert.equal(guard.held(() => 'path')?.deletes, 2);
  assert.equal(guard.mustTell(workspaceId, [id(1)]), false, 'not before the user has decided');
  assert.deepEqual(guard.accept(), [id(1), id(2)]);
  assert.equal(guard.mustTell(workspaceId, [id(3)]), false);
  assert.equal(guard.mustTell(workspaceId, [id(3), id(1)]), true);
  guard.told(workspaceId);
  assert.equal(guard.mustTell(workspaceId, [id(1)]), false);
  clock.now += 40 * 60_000;
  assert.equal(guard.mustTell(workspaceId, [id(1)]), true, 'what the server was told does not last');
});

test('H69 what the server holds after it was accepted waits for another decision', () => {
  const { guard } = guardOf(1000, 1000);
  guard.hold([id(1)]);
  guard.accept();
  guard.hold([id(1)]);
  assert.equal(guard.isHolding(), true);
  assert.equal(guard.mustTell(id(500) as string as WorkspaceId, [id(1)]), false);
});

test('H69 off means off', () => {
  const { guard } = guardOf('off', 10);
  for (let at = 0; at < 10_000; at++) guard.deleted(id(at));
  assert.equal(guard.allowed(), Infinity);
});
