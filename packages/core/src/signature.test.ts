import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { seededBytes } from './seeded-bytes.ts';
import {
  blockSizeFor,
  decodeSignature,
  encodeSignature,
  signatureOf,
  weakPower,
  weakSum,
  WEAK_FACTOR,
} from './signature.ts';

const MIB = 1024 * 1024;
const sha256 = (bytes: Uint8Array): Uint8Array => hash('sha256', bytes, 'buffer');

test('signatures are small: the client keeps one for every chunk', () => {
  const sizeFor = (size: number): number => encodeSignature(signatureOf(new Uint8Array(size), sha256)).length;
  assert(sizeFor(256 * 1024) <= 2600);
  assert(sizeFor(MIB) <= 5200);
  assert(sizeFor(4 * MIB) <= 10_300);
  assert.deepEqual([0, 1, 65_536, 65_537, MIB, 4 * MIB].map(blockSizeFor), [512, 512, 512, 1024, 2048, 4096]);
});

test('the rolling sum rolls', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 20, maxLength: 90 }), fc.integer({ min: 1, max: 17 }), (bytes, width) => {
      let sum = weakSum(bytes, 0, width);
      for (let at = 0; at + width < bytes.length; at++) {
        sum = (Math.imul(sum, WEAK_FACTOR) + bytes[at + width]! - Math.imul(bytes[at]!, weakPower(width))) | 0;
        assert.equal(sum, weakSum(bytes, at + 1, at + 1 + width));
      }
    }),
  );
});

test('a signature survives encoding', () => {
  fc.assert(
    fc.property(fc.nat(70_000), (length) => {
      const signature = signatureOf(seededBytes(3, length), sha256);
      const decoded = decodeSignature(encodeSignature(signature));
      assert(decoded.ok);
      assert.deepEqual(decoded.value, signature);
    }),
    { numRuns: 60 },
  );
});

test('bytes that are not a signature give a fault', () => {
  const good = encodeSignature(signatureOf(seededBytes(4, 5000), sha256));
  const mutated = fc
    .tuple(fc.nat(8), fc.integer({ min: 0, max: 255 }), fc.nat(3))
    .map(([at, value, cut]) => good.map((byte, index) => (index === at ? value : byte)).subarray(0, good.length - cut));
  fc.assert(
    fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 50 })), (bytes) => {
      const decoded = decodeSignature(bytes);
      if (decoded.ok) assert.deepEqual(encodeSignature(decoded.value), bytes);
      else assert.equal(decoded.fault.code, 'signature_invalid');
    }),
    { numRuns: 1000 },
  );
  const reasonOf = (bytes: Uint8Array): string => {
    const decoded = decodeSignature(bytes);
    return decoded.ok ? 'none' : decoded.fault.reason;
  };
  assert.equal(reasonOf(good.subarray(0, 2)), 'truncated');
  assert.equal(reasonOf(good.subarray(0, -1)), 'length_wrong');
  assert.equal(reasonOf(Uint8Array.of(9)), 'version_unknown');
  assert.equal(reasonOf(Uint8Array.of(1, 10, 10)), 'size_invalid');
});
