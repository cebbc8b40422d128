import type { ChunkId } from '@satchel/protocol/ids.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import { failure, success, type Result } from './result.ts';
import { utf8Bytes } from './utf8.ts';

/**
 * The bodies of `POST /chunks/batch` and `/chunks/fetch`: a run of frames, nothing before, between or after them.
 *
 *     kind u8 | encoding u8 | chunkId 32 | rawSize u32 | baseId 32, only with encodings 2 and 3 | payloadLength u32 | payload
 *
 * Numbers are big-endian. What a payload decodes to must measure rawSize bytes and have the SHA-256 chunkId: the
 * receiver checks both, the reader (frame-reader.ts) checks neither.
 */

/** The place of an encoding in this list is its number on the wire. */
const ENCODINGS = ['raw', 'zstd', 'zstd-base', 'delta'] as const;

/**
 * raw: the bytes themselves. zstd: compressed. zstd-base: compressed with the base chunk as dictionary.
 * delta: copy/literal instructions against the base chunk (delta.ts).
 */
export type ChunkEncoding = (typeof ENCODINGS)[number];

export interface ChunkFrameHeader {
  readonly kind: 'chunk';
  readonly chunkId: ChunkId;
  readonly encoding: ChunkEncoding;
  /** Size of the chunk itself. */
  readonly rawSize: number;
  /** With encodings zstd-base and delta only. */
  readonly baseId: ChunkId | undefined;
}

export interface ChunkFrame extends ChunkFrameHeader {
  readonly payload: Uint8Array;
}

/** In place of a chunk that cannot be sent. */
export interface FailureFrame {
  readonly kind: 'failure';
  readonly chunkId: ChunkId;
  /** A code of protocol/errors.ts, possibly one that only a newer peer knows. */
  readonly code: string;
}

export type Frame = ChunkFrame | FailureFrame;

export interface FrameFault {
  readonly code: 'frame_invalid';
  readonly reason:
    | 'kind_unknown'
    | 'encoding_unknown'
    | 'raw_size_invalid'
    | 'payload_too_large'
    | 'payload_length_wrong'
    | 'failure_malformed'
    | 'too_many_frames'
    | 'body_too_large'
    | 'truncated';
}

export interface FrameLimits {
  readonly rawSizeBytes: number;
  /** A little above rawSizeBytes, as an encoding may not help. */
  readonly payloadBytes: number;
  readonly frames: number;
  /** All payloads together. */
  readonly bodyBytes: number;
}

const PAYLOAD_SLACK_BYTES = 64 * 1024;

/** What a server takes in one `POST /chunks/batch`; a single chunk always fits. */
export const BATCH_LIMITS: FrameLimits = {
  rawSizeBytes: LIMITS.chunkBytes,
  payloadBytes: LIMITS.chunkBytes + PAYLOAD_SLACK_BYTES,
  frames: LIMITS.batchFrames,
  bodyBytes: LIMITS.batchBytes,
};

/** What a client takes in the answer to one `POST /chunks/fetch`. */
export const FETCH_LIMITS: FrameLimits = {
  rawSizeBytes: LIMITS.chunkBytes,
  payloadBytes: LIMITS.chunkBytes + PAYLOAD_SLACK_BYTES,
  frames: LIMITS.fetchChunks,
  bodyBytes: LIMITS.fetchChunks * (LIMITS.chunkBytes + PAYLOAD_SLACK_BYTES),
};

const KIND_CHUNK = 1;
const KIND_FAILURE = 2;
const ID_BYTES = 32;
const SIZE_AT = 2 + ID_BYTES;
const BASE_AT = SIZE_AT + 4;
const SHORT_HEADER_BYTES = BASE_AT + 4;
const LONG_HEADER_BYTES = SHORT_HEADER_BYTES + ID_BYTES;
const FAILURE_CODE = /^[a-z][a-z_]{0,63}$/;
const MAX_FAILURE_BYTES = 64;

export function encodingNeedsBase(encoding: ChunkEncoding): boolean {
  return encoding === 'zstd-base' || encoding === 'delta';
}

/** The header to be followed by `payloadLength` bytes of payload, so that a payload need not be copied. */
export function encodeFrameHeader(header: ChunkFrameHeader, payloadLength: number): Uint8Array {
  const { baseId, encoding } = header;
  if (encodingNeedsBase(encoding) !== (baseId !== undefined))
    throw new RangeError(`a frame with encoding ${encoding} ${baseId === undefined ? 'needs a' : 'has no'} base chunk`);
  const bytes = new Uint8Array(baseId === undefined ? SHORT_HEADER_BYTES : LONG_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  bytes[0] = KIND_CHUNK;
  bytes[1] = ENCODINGS.indexOf(encoding);
  bytes.subarray(2, SIZE_AT).setFromHex(header.chunkId);
  view.setUint32(SIZE_AT, header.rawSize);
  if (baseId !== undefined) bytes.subarray(BASE_AT, BASE_AT + ID_BYTES).setFromHex(baseId);
  view.setUint32(bytes.length - 4, payloadLength);
  return bytes;
}

/** A whole failure frame. */
export function encodeFailureFrame(chunkId: ChunkId, code: string): Uint8Array {
  if (!FAILURE_CODE.test(code)) throw new RangeError(`"${code}" is not an error code`);
  const payload = utf8Bytes(code);
  const bytes = new Uint8Array(SHORT_HEADER_BYTES + payload.length);
  bytes[0] = KIND_FAILURE;
  bytes.subarray(2, SIZE_AT).setFromHex(chunkId);
  new DataView(bytes.buffer).setUint32(SHORT_HEADER_BYTES - 4, payload.length);
  bytes.set(payload, SHORT_HEADER_BYTES);
  return bytes;
}

/** A read header; `code` of a failure is still to come. */
export type ReadHeader = (ChunkFrameHeader | { readonly kind: 'failure'; readonly chunkId: ChunkId }) & {
  readonly payloadLength: number;
};

/** Length of the header that begins with these two bytes. */
export function headerLength(kind: number, encoding: number): Result<number, FrameFault['reason']> {
  if (kind !== KIND_CHUNK && kind !== KIND_FAILURE) return failure('kind_unknown');
  const name = ENCODINGS[encoding];
  if (name === undefined) return failure('encoding_unknown');
  if (kind === KIND_FAILURE) return name === 'raw' ? success(SHORT_HEADER_BYTES) : failure('failure_malformed');
  return success(encodingNeedsBase(name) ? LONG_HEADER_BYTES : SHORT_HEADER_BYTES);
}

/** Reads a header whose first two bytes `headerLength` has taken. */
export function decodeFrameHeader(bytes: Uint8Array, limits: FrameLimits): Result<ReadHeader, FrameFault['reason']> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const chunkId = bytes.subarray(2, SIZE_AT).toHex() as ChunkId;
  const rawSize = view.getUint32(SIZE_AT);
  const payloadLength = view.getUint32(bytes.length - 4);
  if (bytes[0] === KIND_FAILURE) {
    const fits = rawSize === 0 && payloadLength > 0 && payloadLength <= MAX_FAILURE_BYTES;
    return fits ? success({ kind: 'failure', chunkId, payloadLength }) : failure('failure_malformed');
  }
  const encoding = ENCODINGS[bytes[1] ?? 0] ?? 'raw';
  if (rawSize < 1 || rawSize > limits.rawSizeBytes) return failure('raw_size_invalid');
  if (payloadLength > limits.payloadBytes) return failure('payload_too_large');
  if (payloadLength < 1 || (encoding === 'raw' && payloadLength !== rawSize)) return failure('payload_length_wrong');
  const baseId =
    bytes.length === LONG_HEADER_BYTES ? (bytes.subarray(BASE_AT, BASE_AT + ID_BYTES).toHex() as ChunkId) : undefined;
  return success({ kind: 'chunk', chunkId, encoding, rawSize, baseId, payloadLength });
}

/** The frame of a header and its payload. */
export function frameOf(header: ReadHeader, payload: Uint8Array): Result<Frame, FrameFault['reason']> {
  if (header.kind === 'chunk') {
    const { kind, chunkId, encoding, rawSize, baseId } = header;
    return success({ kind, chunkId, encoding, rawSize, baseId, payload });
  }
  const code = String.fromCharCode(...payload);
  if (!FAILURE_CODE.test(code)) return failure('failure_malformed');
  return success({ kind: 'failure', chunkId: header.chunkId, code });
}
