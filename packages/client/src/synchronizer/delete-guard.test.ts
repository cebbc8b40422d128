import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ObjectId } from '@satchel/protocol/ids.ts';
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
  guard.sent(50);
  guard.deleted(id(1));
  assert.equal(guard.allowed(), 0);
  clock.now += 5 * 60_000 + 1;
  assert.equal(guard.allowed(), Infinity);
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
  guard.deleted(id(100));
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

test('H69 off means off', () => {
  const { guard } = guardOf('off', 10);
  for (let at = 0; at < 10_000; at++) guard.deleted(id(at));
  assert.equal(guard.allowed(), Infinity);
});
