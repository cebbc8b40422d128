import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { applyDelta, encodeDelta, matchDelta } from './delta.ts';
import { seededBytes } from './seeded-bytes.ts';
import { signatureOf } from './signature.ts';

const MIB = 1024 * 1024;
const sha256 = (bytes: Uint8Array): Uint8Array => hash('sha256', bytes, 'buffer');

function deltaOf(base: Uint8Array, target: Uint8Array): Uint8Array {
  return encodeDelta(matchDelta(target, signatureOf(base, sha256), sha256));
}

function checkedDelta(base: Uint8Array, target: Uint8Array): Uint8Array {
  const delta = deltaOf(base, target);
  const applied = applyDelta(base, delta, target.length);
  assert(applied.ok, applied.ok ? '' : applied.fault.reason);
  assert(Buffer.from(applied.value).equals(target));
  return delta;
}

function insertAt(bytes: Uint8Array, at: number, inserted: Uint8Array): Uint8Array {
  return Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at)]);
}

/** Bytes with repetitions: parts are taken from a small pool, so copies, overlaps and equal blocks are common. */
const texts = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 2500 })), { maxLength: 12 })
  .map((parts) => Buffer.concat(parts.map(([seed, length]) => seededBytes(seed, length))));

test('any target is rebuilt from any base', () => {
  fc.assert(
    fc.property(texts, texts, (base, target) => {
      const delta = checkedDelta(base, target);
      assert(delta.length <= target.length + 16);
    }),
    { numRuns: 400 },
  );
});

test('an edit of a few bytes in a chunk costs at most two blocks', () => {
  for (const size of [256 * 1024, MIB, 1_200_001, 4 * MIB]) {
    const base = seededBytes(9, size);
    for (const at of [0, 1, size >> 1, size - 3]) {
      const target = base.slice();
      target.set([1, 2, 3], at);
      const delta = checkedDelta(base, target);
      assert(delta.length <= 5 * 1024, `${delta.length} bytes for an edit at ${at} of ${size}`);
    }
  }
});

test('an insertion, a removal and an append shift nothing', () => {
  const base = seededBytes(10, MIB + 777);
  const inserted = Uint8Array.of(42);
  assert(checkedDelta(base, insertAt(base, 0, inserted)).length <= 64);
  assert(checkedDelta(base, insertAt(base, 500_000, inserted)).length <= 5 * 1024);
  assert(checkedDelta(base, base.subarray(1)).length <= 5 * 1024);
  assert(checkedDelta(base, insertAt(base, base.length, inserted)).length <= 5 * 1024);
  assert(checkedDelta(base, base).length <= 16);
});

test('parts that changed places are copied', () => {
  const base = seededBytes(11, MIB);
  const target = Buffer.concat([base.subarray(MIB / 2), base.subarray(0, MIB / 2)]);
  assert(checkedDelta(base, target).length <= 5 * 1024);
});

test('repeated blocks are copied in one run', () => {
  const base = Buffer.concat([new Uint8Array(10_000), seededBytes(17, 10_000), new Uint8Array(10_000)]);
  assert.equal(matchDelta(base, signatureOf(base, sha256), sha256).length, 1);
});

test('the short last block is not copied over what is copied already', () => {
  checkedDelta(new Uint8Array(700), new Uint8Array(512));
  checkedDelta(new Uint8Array(700), new Uint8Array(600));
});

test('unrelated content costs its own length and a few bytes', () => {
  const target = seededBytes(13, MIB);
  assert(checkedDelta(seededBytes(12, MIB), target).length <= target.length + 16);
});

test('a hash that always disagrees stops the search instead of slowing it', () => {
  const base = new Uint8Array(MIB);
  const signature = signatureOf(base, sha256);
  let calls = 0;
  const disagreeing = (): Uint8Array => {
    calls++;
    return new Uint8Array(32).fill(0xee);
  };
  const instructions = matchDelta(base, signature, disagreeing);
  assert(calls < 10_000, `${calls} calls`);
  assert.equal(instructions.length, 1);
});

test('damaged and invented deltas give a fault or a result within the limit', () => {
  const base = seededBytes(14, 20_000);
  const target = insertAt(base, 9000, seededBytes(15, 40));
  const delta = deltaOf(base, target);
  const mutated = fc
    .array(fc.tuple(fc.nat(delta.length - 1), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 })
    .map((changes) => {
      const bytes = delta.slice();
      for (const [at, value] of changes) bytes[at] = value;
      return bytes;
    });
  fc.assert(
    fc.property(
      fc.oneof(
        mutated,
        fc.uint8Array({ maxLength: 60 }).map((bytes) => Uint8Array.of(1, ...bytes)),
      ),
      fc.integer({ min: 0, max: 30_000 }),
      (bytes, maxSize) => {
        const applied = applyDelta(base, bytes, maxSize);
        if (applied.ok) assert(applied.value.length <= maxSize);
        else assert.equal(applied.fault.code, 'delta_invalid');
      },
    ),
    { numRuns: 3000 },
  );
});

test('each fault of a delta has its reason', () => {
  const base = seededBytes(16, 100);
  const reasonOf = (bytes: readonly number[], maxSize = 100): string => {
    const applied = applyDelta(base, Uint8Array.from(bytes), maxSize);
    return applied.ok ? 'none' : applied.fault.reason;
  };
  assert.equal(reasonOf([1, 10, 21, 5]), 'none');
  assert.equal(reasonOf([]), 'truncated');
  assert.equal(reasonOf([2, 0]), 'version_unknown');
  assert.equal(reasonOf([1, 101]), 'too_large');
  assert.equal(reasonOf([1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]), 'too_large');
  assert.equal(reasonOf([1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f]), 'number_invalid');
  assert.equal(reasonOf([1, 10, 20, 1, 2, 3]), 'truncated');
  assert.equal(reasonOf([1, 10, 21]), 'truncated');
  assert.equal(reasonOf([1, 10, 0]), 'instruction_empty');
  assert.equal(reasonOf([1, 10, 1, 0]), 'instruction_empty');
  assert.equal(reasonOf([1, 10, 21, 91]), 'copy_out_of_range');
  assert.equal(reasonOf([1, 9, 21, 5]), 'longer_than_announced');
  assert.equal(reasonOf([1, 11, 21, 5]), 'shorter_than_announced');
});
