import { createHash, hash } from 'node:crypto';
import type { ChunkId } from '@satchel/protocol/ids.ts';
import { compress, decompressBounded, looksCompressible } from './zstd.ts';

/** A chunk's bytes as they rest below the encryption; the parts follow each other. */
export interface Content {
  readonly encoding: 'raw' | 'zstd';
  readonly parts: readonly Uint8Array[];
}

/** An encoding that saves less is not worth the decoding. */
const WORTHWHILE = 0.97;

export function lengthOf(parts: readonly Uint8Array[]): number {
  let length = 0;
  for (const part of parts) length += part.length;
  return length;
}

/** The parts as one piece, without a copy where they are one. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts;
  return parts.length === 1 && first !== undefined ? first : Buffer.concat(parts);
}

export function sha256Hex(parts: readonly Uint8Array[]): ChunkId {
  const [first] = parts;
  if (parts.length === 1 && first !== undefined) return hash('sha256', first, 'hex') as ChunkId;
  const digest = createHash('sha256');
  for (const part of parts) digest.update(part);
  return digest.digest('hex') as ChunkId;
}

/** The chunk's own bytes; undefined when the stored encoding does not decode to `size` bytes. */
export function rawParts(content: Content, size: number): readonly Uint8Array[] | undefined {
  if (content.encoding === 'raw') return lengthOf(content.parts) === size ? content.parts : undefined;
  const raw = decompressBounded(joined(content.parts), size);
  return raw === undefined ? undefined : [raw];
}

/** How to store bytes that came without an encoding that can be kept. */
export async function encoded(raw: readonly Uint8Array[]): Promise<Content> {
  if (!looksCompressible(raw)) return { encoding: 'raw', parts: raw };
  const whole = joined(raw);
  const frame = await compress(whole);
  return frame.length < whole.length * WORTHWHILE
    ? { encoding: 'zstd', parts: [frame] }
    : { encoding: 'raw', parts: raw };
}

/** Keeps the sender's zstd frame when it saves something. `raw` is what it decodes to. */
export function keepFrame(frame: Uint8Array, raw: Uint8Array): Content {
  return frame.length < raw.length * WORTHWHILE
    ? { encoding: 'zstd', parts: [frame] }
    : { encoding: 'raw', parts: [raw] };
}
