import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { encodeDelta, matchDelta } from '@satchel/core/delta.ts';
import { encodeFrameHeader, type ChunkFrameHeader } from '@satchel/core/frame.ts';
import { decodeSignature } from '@satchel/core/signature.ts';
import type { ChunkRef } from '@satchel/protocol/objects.ts';
import type { ChunkAt, ChunkSignature, ChunkSource, EncodedBatch, Payload as EncodedForm } from '../ports/hashing.ts';
import type { Encoded } from './hash-messages.ts';
import { compressed } from './hash-worker-compress.ts';
import { createSourceFiles } from './hash-worker-copy.ts';
import { readInto, sha256, turn } from './hash-worker-files.ts';
import { wholeFrame } from './hash-worker-frames.ts';
import { signed } from './hash-worker-scan.ts';

/** A difference must be at most this part of the chunk; else compression of the whole is tried. */
const WORTHWHILE_DELTA = 0.5;
const BYTES_PER_TURN = 2 * 1024 * 1024;

/** The difference against the chunk that the signature was made of; undefined when it is not worth it. */
function deltaFrame(bytes: Uint8Array, chunk: ChunkRef, against: ChunkSignature): Buffer | undefined {
  const signature = decodeSignature(against.blocks);
  if (!signature.ok) return undefined;
  const delta = encodeDelta(matchDelta(bytes, signature.value, sha256));
  if (delta.length > bytes.length * WORTHWHILE_DELTA) return undefined;
  return wholeFrame({ ...headerOf(chunk, 'delta'), baseId: against.id }, delta);
}

function headerOf({ id, size }: ChunkRef, encoding: ChunkFrameHeader['encoding']): ChunkFrameHeader {
  return { kind: 'chunk', chunkId: id, encoding, rawSize: size, baseId: undefined };
}

function zstdFrame(bytes: Uint8Array, chunk: ChunkRef): Buffer | undefined {
  const shorter = compressed(bytes);
  return shorter === undefined ? undefined : wholeFrame(headerOf(chunk, 'zstd'), shorter);
}

/** How a chunk at hand is best sent: as a frame, or as it is. */
export function encodedForm(bytes: Uint8Array, chunk: ChunkRef, against?: ChunkSignature): EncodedForm {
  const frame = (against && deltaFrame(bytes, chunk, against)) ?? zstdFrame(bytes, chunk);
  return frame === undefined || frame.length > bytes.length ? { form: 'raw', bytes } : { form: 'frame', bytes: frame };
}

/** Reads a chunk into the room and leaves it there as it is best sent. */
export function encodeChunk(source: ChunkSource, room: Buffer): Encoded | undefined {
  using files = createSourceFiles(room);
  const bytes = files.read(source.path, source);
  if (bytes === undefined) return undefined;
  const { form, bytes: encoded } = encodedForm(bytes, source, source.against);
  if (form === 'frame') room.set(encoded);
  return { form, length: encoded.length };
}

/** The header before a chunk's own bytes. */
function rawHeader(chunk: ChunkRef): Uint8Array {
  return encodeFrameHeader(headerOf(chunk, 'raw'), chunk.size);
}

/** Room for every frame sent raw: each other form is chosen only where it is shorter. */
function roomFor(sources: readonly ChunkSource[]): number {
  const [first] = sources;
  if (first === undefined) return 0;
  const headerBytes = rawHeader(first).length;
  return sources.reduce((room, { size }) => room + headerBytes + size, 0);
}

export async function encodeBatch(sources: readonly ChunkSource[], aborted: () => boolean): Promise<EncodedBatch> {
  using files = createSourceFiles();
  const body = Buffer.allocUnsafeSlow(roomFor(sources));
  const lengths: number[] = [];
  let at = 0;
  let turnAt = BYTES_PER_TURN;
  for (const source of sources) {
    if (aborted()) break;
    const { path, id, size, offset, against } = source;
    const header = rawHeader(source);
    const from = at + header.length;
    const bytes = body.subarray(from, from + size);
    const file = files.open(path);
    if (file === undefined || !readInto(file.fd, { id, offset }, bytes)) {
      lengths.push(0);
      continue;
    }
    const shorter = (against && deltaFrame(bytes, source, against)) ?? zstdFrame(bytes, source);
    const isShorter = shorter !== undefined && shorter.length < header.length + size;
    body.set(isShorter ? shorter : header, at);
    const length = isShorter ? shorter.length : header.length + size;
    lengths.push(length);
    at += length;
    if (at < turnAt) continue;
    turnAt = at + BYTES_PER_TURN;
    await turn();
  }
  return { body: body.subarray(0, at), lengths };
}

export function proofOf(source: ChunkSource, nonce: string): string | undefined {
  using files = createSourceFiles();
  const bytes = files.read(source.path, source);
  return bytes === undefined ? undefined : createHash('sha256').update(`${nonce}\n`).update(bytes).digest('hex');
}

export async function signaturesOf(
  path: string,
  chunks: readonly ChunkAt[],
  aborted: () => boolean,
): Promise<readonly ChunkSignature[]> {
  using files = createSourceFiles();
  const signatures: ChunkSignature[] = [];
  for (const chunk of chunks) {
    if (aborted()) break;
    const bytes = files.read(path, chunk);
    if (bytes !== undefined) signatures.push(signed(bytes, chunk.id));
    await turn();
  }
  return signatures;
}
