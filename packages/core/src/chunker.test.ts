import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { AVERAGE_CHUNK_BYTES, createChunker, MAX_CHUNK_BYTES, MIN_CHUNK_BYTES, nextCut } from './chunker.ts';
import { seededBytes } from './seeded-bytes.ts';

const DATA = seededBytes(1, 24 * 1024 * 1024);

function cutsOf(bytes: Uint8Array): number[] {
  const cuts: number[] = [];
  for (let at = 0; at < bytes.length;) {
    const cut = nextCut(bytes, at, bytes.length, true);
    assert(cut !== undefined && cut > at);
    cuts.push(cut);
    at = cut;
  }
  return cuts;
}

/** Sizes of the chunks of a stream that is pushed in slices of the given sizes, taken in turn. */
function streamedSizes(bytes: Uint8Array, sliceSizes: readonly number[]): number[] {
  const chunker = createChunker();
  const sizes: number[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sliceSizes[turn % sliceSizes.length]!;
    sizes.push(...chunker.push(bytes.subarray(at, at + size)).map((chunk) => chunk.length));
    at += size;
  }
  const last = chunker.finish();
  return last === undefined ? sizes : [...sizes, last.length];
}

function sizesOf(cuts: readonly number[]): number[] {
  return cuts.map((cut, index) => cut - (cuts[index - 1] ?? 0));
}

/** FastCDC as it stands in the paper, one byte at a time over the whole window, as an independent reading. */
function cutBySpecification(bytes: Uint8Array, gear: readonly number[]): number {
  const end = Math.min(bytes.length, MAX_CHUNK_BYTES);
  for (let cut = MIN_CHUNK_BYTES + 1; cut <= end; cut++) {
    let hash32 = 0;
    for (let at = cut - 32; at < cut; at++) hash32 = ((hash32 << 1) + gear[bytes[at]!]!) | 0;
    const zeroBits = cut <= AVERAGE_CHUNK_BYTES ? 22 : 18;
    if ((hash32 << 1) >>> (32 - zeroBits) === 0) return cut;
  }
  return end;
}

function gearBySpecification(): number[] {
  let state = 0x53617463;
  return Array.from({ length: 256 }, () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) | 0;
  });
}

test('the cut points of known data are pinned: they are part of the protocol', () => {
  assert.equal(hash('sha256', DATA), '61f472bd5f1aae4b7cdc5cd2e6abc327cd96dcc94910ad4dde2da1bb3609eb0c');
  assert.deepEqual(
    cutsOf(DATA),
    [
      1561647, 2610549, 3033043, 3838633, 4353322, 5452472, 6754430, 7335382, 8615900, 8999995, 10071463, 11524364,
      12590429, 14025029, 15381405, 16649006, 17863991, 19049204, 20616166, 21568568, 22810193, 24324220, 25165824,
    ],
  );
});

test('cuts agree with a plain reading of the algorithm', () => {
  const gear = gearBySpecification();
  for (const seed of [2, 3, 4]) {
    const bytes = seededBytes(seed, 3 * 1024 * 1024);
    assert.equal(nextCut(bytes, 0, bytes.length, true), cutBySpecification(bytes, gear));
  }
});

test('sizes keep to the limits and average near the target', () => {
  const sizes = sizesOf(cutsOf(DATA));
  for (const size of sizes.slice(0, -1)) assert(size > MIN_CHUNK_BYTES && size <= MAX_CHUNK_BYTES, `${size}`);
  const average = DATA.length / sizes.length;
  assert(average > 0.8 * AVERAGE_CHUNK_BYTES && average < 1.5 * AVERAGE_CHUNK_BYTES, `${average}`);
});

test('content of one repeated byte is cut at the maximum', () => {
  for (const value of [0, 0x20, 0xff]) {
    const bytes = new Uint8Array(MAX_CHUNK_BYTES + 5).fill(value);
    assert.deepEqual(cutsOf(bytes), [MAX_CHUNK_BYTES, MAX_CHUNK_BYTES + 5]);
  }
});

test('no content has no chunks; small content is one chunk', () => {
  assert.equal(nextCut(DATA, 7, 7, true), undefined);
  assert.equal(createChunker().finish(), undefined);
  for (const size of [1, 31, 32, 33, MIN_CHUNK_BYTES - 1, MIN_CHUNK_BYTES]) {
    assert.equal(nextCut(DATA, 0, size, true), size);
    assert.equal(nextCut(DATA, 0, size, false), undefined);
    assert.deepEqual(streamedSizes(DATA.subarray(0, size), [100_000]), [size]);
  }
});

test('a stream gives the same chunks however it is sliced', () => {
  const bytes = DATA.subarray(0, 9 * 1024 * 1024 + 13);
  const expected = sizesOf(cutsOf(bytes));
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 3_000_000 }), { minLength: 1, maxLength: 6 }), (sliceSizes) => {
      const scaled = sliceSizes.map((size) => Math.max(size, 20_000));
      assert.deepEqual(streamedSizes(bytes, scaled), expected);
    }),
    { numRuns: 25 },
  );
  assert.deepEqual(streamedSizes(bytes, [4096]), expected);
  assert.deepEqual(streamedSizes(bytes, [MIN_CHUNK_BYTES + 1, 1, 2, 3]), expected);
});

test('a stream gives the bytes it was given, from slices whose memory is used again', () => {
  const bytes = DATA.subarray(0, 7_000_001);
  const chunker = createChunker();
  const buffer = new Uint8Array(300_000);
  const rebuilt: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += buffer.length) {
    const slice = bytes.subarray(at, at + buffer.length);
    buffer.set(slice);
    rebuilt.push(...chunker.push(buffer.subarray(0, slice.length)).map((chunk) => chunk.slice()));
  }
  const last = chunker.finish();
  if (last !== undefined) rebuilt.push(last);
  assert(Buffer.concat(rebuilt).equals(bytes));
});

test('an insertion changes the chunks around it and no others', () => {
  const changed = new Uint8Array(DATA.length + 1);
  changed.set(DATA, 1);
  changed[0] = 1;
  const ids = new Set(sizesOf(cutsOf(DATA)).map(String));
  const kept = sizesOf(cutsOf(changed)).filter((size) => ids.has(`${size}`)).length;
  assert(kept >= ids.size - 3, `${kept} of ${ids.size} chunks kept`);
});
