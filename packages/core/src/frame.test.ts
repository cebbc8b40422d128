import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ChunkId } from '@satchel/protocol/ids.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import { createFrameReader, encodeFrameHead, MAX_FRAME_HEAD_BYTES, type FrameHead } from './frame.ts';

interface Seen {
  readonly head: FrameHead;
  readonly payload: readonly number[];
}

function readAll(pieces: readonly Uint8Array[]) {
  const seen: Seen[] = [];
  let payload: number[] = [];
  let head: FrameHead | undefined;
  const reader = createFrameReader({
    head: (next) => (head = next),
    payload: (piece) => payload.push(...piece),
    end() {
      assert.ok(head);
      seen.push({ head, payload });
      payload = [];
    },
  });
  for (const piece of pieces) reader.push(piece);
  return { seen, fault: reader.finish() };
}

const id = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => bytes.toHex() as ChunkId);
const frame = fc
  .tuple(fc.constantFrom('raw', 'zstd', 'dictionary', 'delta', 'refused'), id, id, fc.uint8Array({ minLength: 1, maxLength: 300 }))
  .map(([encoding, chunkId, baseId, payload]) => {
    const withBase = encoding === 'dictionary' || encoding === 'delta';
    const head = { encoding, id: chunkId, size: payload.length, length: payload.length } as FrameHead;
    return { head: withBase ? { ...head, baseId } : head, payload: [...payload] };
  });

const join = (frames: readonly Seen[]): Uint8Array =>
  new Uint8Array(frames.flatMap(({ head, payload }) => [...encodeFrameHead(head), ...payload]));

test('frames come out as they went in, wherever the stream is cut', () => {
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 6 }), fc.array(fc.nat(2000), { maxLength: 20 }), (frames, cuts) => {
      const body = join(frames);
      const at = [0, ...cuts.filter((cut) => cut < body.length).sort((a, b) => a - b), body.length];
      const pieces = at.slice(1).map((end, index) => body.subarray(at[index], end));
      const { seen, fault } = readAll(pieces);
      assert.equal(fault, undefined);
      assert.deepEqual(seen, frames);
    }),
  );
});

test('frames come out as they went in, byte by byte', () => {
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 4 }), (frames) => {
      const body = join(frames);
      assert.deepEqual(readAll([...body].map((byte) => Uint8Array.of(byte))).seen, frames);
    }),
  );
});

test('a stream that ends within a frame is a fault', () => {
  fc.assert(
    fc.property(frame, fc.nat(), (one, cut) => {
      const body = join([one]);
      const { seen, fault } = readAll([body.subarray(0, 1 + (cut % (body.length - 1)))]);
      assert.deepEqual(fault, { code: 'frame_invalid', reason: 'truncated' });
      assert.deepEqual(seen, []);
    }),
  );
});

test('hostile heads are refused before anything is allocated for them', () => {
  const chunk = '00'.repeat(32) as ChunkId;
  const head: FrameHead = { encoding: 'zstd', id: chunk, size: 100, length: 100 };
  const reasonOf = (bytes: Uint8Array) => readAll([bytes]).fault?.reason;
  assert.equal(reasonOf(encodeFrameHead({ ...head, size: LIMITS.chunkBytes + 1 })), 'size_invalid');
  assert.equal(reasonOf(encodeFrameHead({ ...head, size: 0 })), 'size_invalid');
  assert.equal(reasonOf(encodeFrameHead({ ...head, length: 0 })), 'length_invalid');
  assert.equal(reasonOf(encodeFrameHead({ ...head, length: 5000 })), 'length_invalid');
  assert.equal(reasonOf(Uint8Array.of(5)), 'encoding_unknown');
  assert.equal(reasonOf(new Uint8Array([...encodeFrameHead(head).subarray(0, 33), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])), 'number_invalid');
});

test('no head is longer than MAX_FRAME_HEAD_BYTES', () => {
  const longest: FrameHead = {
    encoding: 'delta',
    id: 'ff'.repeat(32) as ChunkId,
    baseId: 'ff'.repeat(32) as ChunkId,
    size: LIMITS.chunkBytes,
    length: LIMITS.chunkBytes + 1024,
  };
  assert.equal(encodeFrameHead(longest).length, MAX_FRAME_HEAD_BYTES);
});
