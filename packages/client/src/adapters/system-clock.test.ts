import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPooledRandom } from './system-clock.ts';

test('no random byte is given out twice, nor changed after it was', () => {
  const random = createPooledRandom();
  const given = Array.from({ length: 2000 }, () => random.bytes(10));
  const asGiven = given.map((bytes) => bytes.toHex());
  assert.equal(new Set(asGiven).size, 2000);
  random.bytes(4096);
  assert.deepEqual(
    given.map((bytes) => bytes.toHex()),
    asGiven,
  );
  assert.equal(random.bytes(10_000).length, 10_000);
  const isWhollyZero = given.some((bytes) => bytes.every((byte) => byte === 0));
  assert.ok(!isWhollyZero);
});
