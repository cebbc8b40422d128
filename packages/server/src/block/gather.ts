import { CodedError } from '@satchel/protocol/errors.ts';

/** Pieces from here on are passed on as they are; smaller ones are copied together. */
const LARGE_BYTES = 16 * 1024;
const SLAB_BYTES = 64 * 1024;

/**
 * Collects pieces of a stream without a copy where they are large, and with little memory where they are tiny: a body
 * of one-byte pieces must not cost a hundred times its length.
 */
export interface Gatherer {
  push(piece: Uint8Array): void;
  /** Everything pushed since the last call. */
  take(): Uint8Array[];
}

export function createGatherer(): Gatherer {
  let parts: Uint8Array[] = [];
  let slab: Uint8Array | undefined;
  let filled = 0;
  function closeSlab(): void {
    if (slab !== undefined && filled > 0) parts.push(slab.subarray(0, filled));
    slab = undefined;
    filled = 0;
  }
  return {
    push(piece) {
      if (piece.length >= LARGE_BYTES) {
        closeSlab();
        parts.push(piece);
        return;
      }
      if (slab !== undefined && filled + piece.length > SLAB_BYTES) closeSlab();
      slab ??= new Uint8Array(SLAB_BYTES);
      slab.set(piece, filled);
      filled += piece.length;
    },
    take() {
      closeSlab();
      const taken = parts;
      parts = [];
      return taken;
    },
  };
}

/**
 * A whole body in memory.
 * @param limitBytes a longer body ends with `code` as soon as it is longer
 * @param onPiece sees each piece as it comes
 */
export async function gatherBody(
  body: AsyncIterable<Uint8Array>,
  limitBytes: number,
  code: 'too_large' | 'length_mismatch',
  onPiece?: (piece: Uint8Array) => void,
): Promise<{ readonly parts: readonly Uint8Array[]; readonly length: number }> {
  const gatherer = createGatherer();
  let length = 0;
  for await (const piece of body) {
    length += piece.length;
    if (length > limitBytes) throw new CodedError(code, `The body is longer than ${limitBytes} bytes`);
    onPiece?.(piece);
    gatherer.push(piece);
  }
  return { parts: gatherer.take(), length };
}
