import { applyDelta } from '@satchel/core/delta.ts';
import type { ChunkFrame } from '@satchel/core/frame.ts';
import type { ErrorCode } from '@satchel/protocol/errors.ts';
import type { ChunkId } from '@satchel/protocol/ids.ts';
import { encoded, keepFrame, sha256Hex, type Content } from './content.ts';
import { giveBack } from './memory.ts';
import { decompressBounded } from './zstd.ts';

export interface FrameRefusal {
  readonly code: ErrorCode;
  readonly detail: string;
}
export type Verified = { readonly content: Content } | { readonly refusal: FrameRefusal };

/** The raw bytes of a base that the sender may use, or why there are none. */
export type FindBase = (id: ChunkId) => Promise<{ readonly raw: Uint8Array } | { readonly refusal: FrameRefusal }>;

function refuse(code: ErrorCode, detail: string): { readonly refusal: FrameRefusal } {
  return { refusal: { code, detail } };
}

/** What the payload stands for, with memory bounded by the size announced for the chunk. */
function decode(frame: ChunkFrame, base: Uint8Array): Uint8Array | undefined {
  const { encoding, payload, rawSize } = frame;
  switch (encoding) {
    case 'raw':
      return payload;
    case 'zstd':
      return decompressBounded(payload, rawSize);
    case 'zstd-base':
      return decompressBounded(payload, rawSize, base);
    case 'delta': {
      const rebuilt = applyDelta(base, payload, rawSize);
      return rebuilt.ok ? rebuilt.value : undefined;
    }
  }
}

const NO_BASE: Uint8Array = new Uint8Array(0);

/** S6: decodes a frame and believes it only when the bytes hash to the name they came under. */
export async function verifyFrame(frame: ChunkFrame, findBase: FindBase): Promise<Verified> {
  const { chunkId, rawSize, encoding, payload, baseId } = frame;
  let base = NO_BASE;
  if (baseId !== undefined) {
    const found = await findBase(baseId);
    if ('refusal' in found) return found;
    base = found.raw;
  }
  const raw = decode(frame, base);
  if (raw === undefined) return refuse('frame_invalid', `The ${encoding} payload does not decode to ${rawSize} bytes`);
  if (raw.length !== rawSize)
    return refuse('length_mismatch', `The chunk was announced with ${rawSize} bytes and has ${raw.length}`);
  if (sha256Hex([raw]) !== chunkId) return refuse('hash_mismatch', 'The bytes are not what their name says');
  if (encoding === 'raw') return { content: { encoding: 'raw', parts: [raw] } };
  const content = encoding === 'zstd' ? keepFrame(payload, raw) : await encoded([raw]);
  if (content.encoding === 'zstd') giveBack([raw]);
  return { content };
}
