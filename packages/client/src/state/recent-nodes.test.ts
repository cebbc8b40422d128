import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ObjectId } from '@satchel/protocol/ids.ts';
import { RecentNodes } from './recent-nodes.ts';

const id = (index: number) => `object-${index}` as ObjectId;

test('C1 what was written last is what is known, however much was written since', () => {
  const nodes = new RecentNodes<string>();
  nodes.set(id(0), 'old');
  for (let index = 1; index < 5000; index++) nodes.set(id(index), 'other');
  nodes.set(id(0), 'new');
  for (let index = 1; index < 3500; index++) nodes.set(id(index), 'another');
  assert.equal(nodes.get(id(0))?.node, 'new');
  nodes.set(id(0), undefined);
  assert.deepEqual(nodes.get(id(0)), { node: undefined }, 'known to be absent');
});

test('a bounded number is kept: those that were used last', () => {
  const nodes = new RecentNodes<number>();
  nodes.set(id(0), 0);
  for (let index = 1; index < 50_000; index++) {
    nodes.set(id(index), index);
    if (index % 1000 === 0) assert.equal(nodes.get(id(0))?.node, 0, 'what is asked for stays');
  }
  const kept = Array.from({ length: 50_000 }, (_, index) => index).filter(
    (index) => nodes.get(id(index)) !== undefined,
  );
  assert.ok(kept.length <= 8000, `${kept.length} are kept`);
  assert.ok(kept.includes(49_999));
});

test('nothing is known after it was cleared', () => {
  const nodes = new RecentNodes<number>();
  for (let index = 0; index < 5000; index++) nodes.set(id(index), index);
  nodes.clear();
  for (let index = 0; index < 5000; index++) assert.equal(nodes.get(id(index)), undefined);
});
