import {
  BATCH_LIMITS,
  encodeFailureFrame,
  encodeFrameHeader,
  type ChunkFrame,
  type Frame,
} from '@satchel/core/frame.ts';
import { createFrameReader } from '@satchel/core/frame-reader.ts';
import { CodedError, type ErrorCode } from '@satchel/protocol/errors.ts';
import type { ChunkId } from '@satchel/protocol/ids.ts';
import type { ChunkRef } from '@satchel/protocol/objects.ts';
import { lengthOf, type Content } from './content.ts';
import type { ReadBody } from './gather.ts';

function faultOf(reason: string): CodedError {
  if (reason === 'too_many_frames' || reason === 'body_too_large')
    return new CodedError(
      'too_large',
      `A batch holds at most ${BATCH_LIMITS.frames} chunks and ${BATCH_LIMITS.bodyBytes} bytes; send several`,
    );
  return new CodedError('frame_invalid', `The batch is malformed (${reason})`);
}

function chunkOnly(frame: Frame): ChunkFrame {
  if (frame.kind === 'failure') throw new CodedError('frame_invalid', 'A batch carries chunks only');
  return frame;
}

/**
 * All frames of a batch; nothing of them is proved yet. Throws 'frame_invalid' when the body is no run of chunk
 * frames, and 'too_large' beyond `BATCH_LIMITS`. Payloads may be views of the pieces of the body.
 */
export async function readBatch(
  body: ReadBody,
): Promise<{ readonly frames: readonly ChunkFrame[]; readonly pieces: readonly Uint8Array[] }> {
  const reader = createFrameReader(BATCH_LIMITS);
  const read: ChunkFrame[] = [];
  const pieces: Uint8Array[] = [];
  await body((piece) => {
    pieces.push(piece);
    const { frames, fault } = reader.push(piece);
    for (const frame of frames) read.push(chunkOnly(frame));
    if (fault !== undefined) throw faultOf(fault.reason);
  });
  const fault = reader.finish();
  if (fault !== undefined) throw faultOf(fault.reason);
  return { frames: read, pieces };
}

/** A chunk in an answer, as it is stored. */
export function contentFrame({ id, size }: ChunkRef, { encoding, parts }: Content): readonly Uint8Array[] {
  const header = { kind: 'chunk', chunkId: id, encoding, rawSize: size, baseId: undefined } as const;
  return [encodeFrameHeader(header, lengthOf(parts)), ...parts];
}

/** A chunk in an answer, as a difference against a chunk that the receiver has. */
export function differenceFrame({ id, size }: ChunkRef, baseId: ChunkId, delta: Uint8Array): readonly Uint8Array[] {
  const header = { kind: 'chunk', chunkId: id, encoding: 'zstd-base', rawSize: size, baseId } as const;
  return [encodeFrameHeader(header, delta.length), delta];
}

/** In place of a chunk that cannot be had. */
export function failureFrame(id: ChunkId, code: ErrorCode): readonly Uint8Array[] {
  return [encodeFailureFrame(id, code)];
}
