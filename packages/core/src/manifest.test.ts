import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import type { ChunkId } from '@satchel/protocol/ids.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import * as fc from 'fast-check';
import {
  chunkRanges,
  contentHash,
  decodeManifest,
  encodeManifest,
  manifestFault,
  totalSize,
  type Manifest,
} from './manifest.ts';

const sha256Hex = (bytes: Uint8Array): string => hash('sha256', bytes);

const manifests: fc.Arbitrary<Manifest> = fc.array(
  fc.record(
    {
      id: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => bytes.toHex() as ChunkId),
      size: fc.integer({ min: 1, max: LIMITS.chunkBytes }),
    },
    { noNullPrototype: true },
  ),
  { maxLength: 60 },
);

const idOf = (text: string): ChunkId => hash('sha256', text) as ChunkId;

test('a manifest survives encoding, at 33 to 36 bytes a chunk', () => {
  fc.assert(
    fc.property(manifests, (manifest) => {
      const bytes = encodeManifest(manifest);
      assert(bytes.length <= 2 + 36 * manifest.length);
      assert.deepEqual(decodeManifest(bytes), { ok: true, value: manifest });
    }),
  );
});

test('bytes that are not an encoded manifest give a fault; what is taken has one encoding', () => {
  const mutated = fc
    .tuple(manifests, fc.nat(), fc.integer({ min: 0, max: 255 }), fc.nat(4))
    .map(([manifest, place, value, cut]) => {
      const bytes = encodeManifest(manifest);
      bytes[place % bytes.length] = value;
      return bytes.subarray(0, bytes.length - cut);
    });
  fc.assert(
    fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 200 })), (bytes) => {
      const decoded = decodeManifest(bytes);
      if (decoded.ok) assert.deepEqual(Buffer.from(encodeManifest(decoded.value)), Buffer.from(bytes));
      else assert.equal(decoded.fault.code, 'manifest_invalid');
    }),
    { numRuns: 2000 },
  );
});

test('each fault of an encoded manifest has its reason', () => {
  const good = encodeManifest([{ id: idOf('a'), size: 5 }]);
  const reasonOf = (bytes: Uint8Array): string => {
    const decoded = decodeManifest(bytes);
    return decoded.ok ? 'none' : decoded.fault.reason;
  };
  assert.equal(reasonOf(new Uint8Array(0)), 'truncated');
  assert.equal(reasonOf(good.subarray(0, 20)), 'truncated');
  assert.equal(reasonOf(good.subarray(0, good.length - 1)), 'truncated');
  assert.equal(reasonOf(Uint8Array.of(2, 0)), 'version_unknown');
  assert.equal(reasonOf(Uint8Array.of(1, 0x80, 0x00)), 'number_invalid');
  assert.equal(reasonOf(Uint8Array.of(1, 0xff, 0xff, 0xff, 0x7f)), 'too_many_chunks');
  assert.equal(reasonOf(Buffer.concat([good, Uint8Array.of(0)])), 'trailing_bytes');
  const empty = good.slice();
  empty[empty.length - 1] = 0;
  assert.equal(reasonOf(empty), 'chunk_size_invalid');
  assert.equal(reasonOf(encodeManifest([{ id: idOf('a'), size: LIMITS.chunkBytes + 1 }])), 'chunk_size_invalid');
  const largest = { id: idOf('a'), size: LIMITS.chunkBytes };
  const tooLarge = Array.from({ length: LIMITS.fileBytes / LIMITS.chunkBytes + 1 }, () => largest);
  assert.equal(reasonOf(encodeManifest(tooLarge)), 'file_too_large');
});

test('a manifest from JSON is checked', () => {
  assert.equal(manifestFault([{ id: idOf('a'), size: 1 }]), undefined);
  assert.equal(manifestFault([{ id: idOf('a'), size: 1.5 }])?.reason, 'chunk_size_invalid');
  assert.equal(manifestFault([{ id: 'AB' as ChunkId, size: 1 }])?.reason, 'chunk_id_invalid');
  const chunk = { id: idOf('a'), size: LIMITS.chunkBytes };
  const tooLarge = Array.from({ length: LIMITS.fileBytes / LIMITS.chunkBytes + 1 }, () => chunk);
  assert.equal(manifestFault(tooLarge)?.reason, 'file_too_large');
});

test('the content hash of empty, short and long files is pinned', () => {
  assert.equal(contentHash([], sha256Hex), hash('sha256', ''));
  assert.equal(contentHash([{ id: idOf('hello'), size: 5 }], sha256Hex), hash('sha256', 'hello'));
  const long = [
    { id: idOf('a'), size: 300_000 },
    { id: idOf('b'), size: 5 },
  ];
  const encoded = Buffer.from(`0102${idOf('a')}e0a712${idOf('b')}05`, 'hex');
  assert.deepEqual(Buffer.from(encodeManifest(long)), encoded);
  assert.equal(
    contentHash(long, sha256Hex),
    hash('sha256', Buffer.concat([Buffer.from('satchel-manifest-v1\n'), encoded])),
  );
});

test('ranges follow each other and end at the total size', () => {
  fc.assert(
    fc.property(manifests, (manifest) => {
      let offset = 0;
      for (const range of chunkRanges(manifest)) {
        assert.equal(range.offset, offset);
        offset += range.size;
      }
      assert.equal(offset, totalSize(manifest));
    }),
  );
});
