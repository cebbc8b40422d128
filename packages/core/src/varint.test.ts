import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { readVarint, varintLength, writeVarint } from './varint.ts';

test('a number survives in the announced length', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (value) => {
      const bytes = new Uint8Array(varintLength(value));
      assert.equal(writeVarint(value, bytes, 0), bytes.length);
      const cursor = { bytes, at: 0 };
      assert.deepEqual(readVarint(cursor), { ok: true, value });
      assert.equal(cursor.at, bytes.length);
    }),
    { examples: [[0], [127], [128], [2 ** 31], [2 ** 49 - 1], [Number.MAX_SAFE_INTEGER]] },
  );
});

test('what is cut off, too long or too large is refused', () => {
  const read = (...bytes: number[]): unknown => {
    const number = readVarint({ bytes: Uint8Array.from(bytes), at: 0 });
    return number.ok ? number.value : number.fault;
  };
  assert.equal(read(), 'truncated');
  assert.equal(read(0x80), 'truncated');
  assert.equal(read(0x81, 0x00), 'number_invalid');
  assert.equal(read(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f), 'number_invalid');
  assert.equal(read(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f), Number.MAX_SAFE_INTEGER);
  assert.equal(read(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01), 'number_invalid');
});
