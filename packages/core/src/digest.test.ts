import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import type { ContentHash, ObjectId } from '@satchel/protocol/ids.ts';
import * as fc from 'fast-check';
import {
  addTo,
  digestText,
  EMPTY_DIGEST,
  objectFingerprint,
  parseDigest,
  removeFrom,
  type FingerprintFields,
} from './digest.ts';

const sha256Hex = (bytes: Uint8Array): string => hash('sha256', bytes);

const FILE: FingerprintFields = {
  objectId: '01jd0000000000000000000001' as ObjectId,
  parentId: '01jd0000000000000000000000' as ObjectId,
  name: 'Bericht äöü.txt',
  kind: 'file',
  contentHash: hash('sha256', 'x') as ContentHash,
  executable: false,
  symlinkTarget: undefined,
};

const fields: fc.Arbitrary<FingerprintFields> = fc.record({
  objectId: fc.constantFrom('a', 'b', 'ab').map((text) => text as ObjectId),
  parentId: fc.constantFrom('a', 'b', 'ab').map((text) => text as ObjectId),
  name: fc.string({ unit: 'grapheme', maxLength: 3 }),
  kind: fc.constantFrom('file', 'folder', 'symlink', 'mount'),
  contentHash: fc.constantFrom(undefined, '' as ContentHash, 'a' as ContentHash),
  executable: fc.boolean(),
  symlinkTarget: fc.constantFrom(undefined, '', 'a'),
});

test('the fingerprint of a known object is pinned: it is part of the protocol', () => {
  assert.equal(digestText(objectFingerprint(FILE, sha256Hex)), 'fc4b779f666a9f6bb58a709aed14bb55');
});

test('S9 any change of an object changes its fingerprint', () => {
  fc.assert(
    fc.property(fields, fields, (one, other) => {
      const same = JSON.stringify(one) === JSON.stringify(other);
      assert.equal(objectFingerprint(one, sha256Hex) === objectFingerprint(other, sha256Hex), same);
    }),
    { numRuns: 2000 },
  );
});

test('S9 a change of one field alone changes the fingerprint', () => {
  const field = fc.constantFrom(...(Object.keys(FILE) as (keyof FingerprintFields)[]));
  fc.assert(
    fc.property(fields, fields, field, (one, other, name) => {
      const changed = { ...one, [name]: other[name] };
      const same = one[name] === other[name];
      assert.equal(objectFingerprint(one, sha256Hex) === objectFingerprint(changed, sha256Hex), same, name);
    }),
    { numRuns: 2000 },
  );
});

test('S9 the digest depends on the live objects alone, not on the order of changes', () => {
  const fingerprints = fc.array(fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }), { maxLength: 20 });
  fc.assert(
    fc.property(fingerprints, fingerprints, (stay, go) => {
      const direct = stay.reduce(addTo, EMPTY_DIGEST);
      const roundabout = go.reduce(removeFrom, stay.toReversed().reduce(addTo, go.reduce(addTo, EMPTY_DIGEST)));
      assert.equal(roundabout, direct);
    }),
  );
});

test('S9 an object counted twice shows', () => {
  const fingerprint = objectFingerprint(FILE, sha256Hex);
  assert.notEqual(addTo(addTo(EMPTY_DIGEST, fingerprint), fingerprint), EMPTY_DIGEST);
  assert.notEqual(addTo(addTo(5n, fingerprint), fingerprint), addTo(5n, fingerprint));
});

test('a digest survives as text', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }), (digest) => {
      assert.equal(parseDigest(digestText(digest)), digest);
    }),
  );
  for (const text of ['', '0', 'g'.repeat(32), 'A'.repeat(32), '0'.repeat(33), ` ${'0'.repeat(31)}`])
    assert.equal(parseDigest(text), undefined);
});
