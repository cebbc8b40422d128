import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import type { ChunkId } from '@satchel/protocol/ids.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import * as fc from 'fast-check';
import {
  BATCH_LIMITS,
  encodeFailureFrame,
  encodeFrameHeader,
  FETCH_LIMITS,
  type ChunkEncoding,
  type ChunkFrame,
  type Frame,
  type FrameLimits,
} from './frame.ts';
import { createFrameReader, type FrameStep } from './frame-reader.ts';

const idOf = (text: string): ChunkId => hash('sha256', text) as ChunkId;

function bytesOf(frame: Frame): Uint8Array {
  if (frame.kind === 'failure') return encodeFailureFrame(frame.chunkId, frame.code);
  return Buffer.concat([encodeFrameHeader(frame, frame.payload.length), frame.payload]);
}

function chunkFrame(encoding: ChunkEncoding, payload: Uint8Array, rawSize = payload.length): ChunkFrame {
  const baseId = encoding === 'zstd-base' || encoding === 'delta' ? idOf('base') : undefined;
  return { kind: 'chunk', chunkId: idOf(`${payload}`), encoding, rawSize, baseId, payload };
}

const frames: fc.Arbitrary<Frame> = fc.oneof(
  fc
    .tuple(
      fc.constantFrom<ChunkEncoding>('zstd', 'zstd-base', 'delta'),
      fc.uint8Array({ minLength: 1 }),
      fc.integer({ min: 1, max: 5000 }),
    )
    .map(([encoding, payload, rawSize]) => chunkFrame(encoding, payload, rawSize)),
  fc.uint8Array({ minLength: 1, maxLength: 300 }).map((payload) => chunkFrame('raw', payload)),
  fc.stringMatching(/^[a-z][a-z_]{0,20}$/).map((code): Frame => ({ kind: 'failure', chunkId: idOf(code), code })),
);

/** Reads the body in slices of the given sizes, taken in turn. */
function readAll(buffer: Uint8Array, sliceSizes: readonly number[], limits: FrameLimits = BATCH_LIMITS): FrameStep {
  const body = new Uint8Array(buffer);
  const reader = createFrameReader(limits);
  const read: Frame[] = [];
  for (let at = 0, turn = 0; at < body.length; turn++) {
    const size = sliceSizes[turn % sliceSizes.length]!;
    const step = reader.push(body.subarray(at, at + size));
    read.push(...step.frames);
    if (step.fault !== undefined) {
      assert.deepEqual(reader.push(Uint8Array.of(1, 2, 3)), { frames: [], fault: step.fault });
      assert.equal(reader.finish(), step.fault);
      return { frames: read, fault: step.fault };
    }
    at += size;
  }
  return { frames: read, fault: reader.finish() };
}

const slicings = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 8 });

test('frames survive however the body is sliced', () => {
  fc.assert(
    fc.property(fc.array(frames, { maxLength: 12 }), slicings, (sent, sliceSizes) => {
      const { frames: read, fault } = readAll(Buffer.concat(sent.map(bytesOf)), sliceSizes);
      assert.equal(fault, undefined);
      assert.deepEqual(read, sent);
    }),
    { numRuns: 500 },
  );
});

test('the layout is pinned: it is part of the protocol', () => {
  const header = encodeFrameHeader(chunkFrame('delta', Uint8Array.of(7), 258), 1);
  const chunkId = idOf('7');
  assert.equal(header.toHex(), `0103${chunkId}00000102${idOf('base')}00000001`);
  assert.equal(encodeFrameHeader(chunkFrame('raw', Uint8Array.of(7)), 1).toHex(), `0100${chunkId}0000000100000001`);
  const failed = encodeFailureFrame(chunkId, 'not_found');
  assert.equal(failed.toHex(), `0200${chunkId}0000000000000009${Buffer.from('not_found').toHex()}`);
});

test('a body cut short at any place is told from a whole one', () => {
  const sent = [chunkFrame('raw', Uint8Array.of(1, 2, 3)), chunkFrame('delta', Uint8Array.of(4))];
  const first = bytesOf(sent[0]!).length;
  const body = Buffer.concat(sent.map(bytesOf));
  for (let length = 0; length <= body.length; length++) {
    const { fault } = readAll(body.subarray(0, length), [9]);
    const whole = length === 0 || length === first || length === body.length;
    assert.equal(fault?.reason, whole ? undefined : 'truncated');
  }
});

test('damaged and invented bodies give a fault or frames within the limits, the same for every slicing', () => {
  const changes = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 });
  const mutated = fc.tuple(fc.array(frames, { minLength: 1, maxLength: 4 }), changes).map(([sent, changed]) => {
    const bytes = Buffer.concat(sent.map(bytesOf));
    for (const [place, value] of changed) bytes[place % Math.min(bytes.length, 80)] = value;
    return bytes;
  });
  const limits = { ...BATCH_LIMITS, rawSizeBytes: 4000, payloadBytes: 200, frames: 3, bodyBytes: 400 };
  fc.assert(
    fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 200 })), slicings, (body, sliceSizes) => {
      const whole = readAll(body, [body.length + 1], limits);
      assert.deepEqual(readAll(body, sliceSizes, limits), whole);
      assert(whole.frames.length <= limits.frames);
      let payloadBytes = 0;
      for (const frame of whole.frames) {
        if (frame.kind === 'failure') continue;
        assert(frame.rawSize >= 1 && frame.rawSize <= limits.rawSizeBytes);
        assert(frame.payload.length <= limits.payloadBytes);
        payloadBytes += frame.payload.length;
      }
      assert(payloadBytes <= limits.bodyBytes);
      assert(whole.fault === undefined || whole.fault.code === 'frame_invalid');
    }),
    { numRuns: 3000 },
  );
});

test('each fault of a body has its reason', () => {
  const limits: FrameLimits = { rawSizeBytes: 100, payloadBytes: 110, frames: 2, bodyBytes: 200 };
  const reasonOf = (...parts: readonly Uint8Array[]): string | undefined =>
    readAll(Buffer.concat(parts), [7], limits).fault?.reason;
  const good = bytesOf(chunkFrame('raw', Uint8Array.of(1)));
  const header = (encoding: ChunkEncoding, rawSize: number, payloadLength: number): Uint8Array =>
    encodeFrameHeader(chunkFrame(encoding, new Uint8Array(1), rawSize), payloadLength);
  assert.equal(reasonOf(good, good), undefined);
  assert.equal(reasonOf(Uint8Array.of(3, 0)), 'kind_unknown');
  assert.equal(reasonOf(Uint8Array.of(1, 4)), 'encoding_unknown');
  assert.equal(reasonOf(Uint8Array.of(2, 1)), 'failure_malformed');
  assert.equal(reasonOf(header('zstd', 0, 1)), 'raw_size_invalid');
  assert.equal(reasonOf(header('zstd', 101, 1)), 'raw_size_invalid');
  assert.equal(reasonOf(header('zstd', 100, 111)), 'payload_too_large');
  assert.equal(reasonOf(header('zstd', 100, 0xffffffff)), 'payload_too_large');
  assert.equal(reasonOf(header('zstd', 100, 0)), 'payload_length_wrong');
  assert.equal(reasonOf(header('raw', 100, 99)), 'payload_length_wrong');
  assert.equal(reasonOf(good, good, good), 'too_many_frames');
  assert.equal(reasonOf(header('zstd', 1, 110), new Uint8Array(110), header('zstd', 1, 91)), 'body_too_large');
  const failed = encodeFailureFrame(idOf('x'), 'not_found');
  failed[failed.length - 1] = 0x20;
  assert.equal(reasonOf(failed), 'failure_malformed');
  failed[37] = 1;
  assert.equal(reasonOf(failed), 'failure_malformed');
});

test('a header that contradicts itself is a mistake of the caller', () => {
  assert.throws(() => encodeFrameHeader({ ...chunkFrame('raw', Uint8Array.of(1)), encoding: 'delta' }, 1), RangeError);
  assert.throws(() => encodeFailureFrame(idOf('x'), 'Not Found'), RangeError);
});

test('the limits of a batch hold a chunk of the largest size, those of a fetch hold all it may ask for', () => {
  const largest = bytesOf(chunkFrame('raw', new Uint8Array(LIMITS.chunkBytes)));
  assert.equal(readAll(largest, [65_536]).fault, undefined);
  assert(FETCH_LIMITS.bodyBytes >= LIMITS.fetchChunks * LIMITS.chunkBytes);
});
