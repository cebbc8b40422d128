import { giveBack, giveBackWith } from './memory.ts';

/**
 * Hands over the pieces of a body as they come; they are the taker's. Resolves at its end. What `take` throws ends the
 * reading and is thrown.
 */
export type ReadBody = (take: (piece: Uint8Array) => void) => Promise<void>;

/** Pieces from here on are passed on as they are; smaller ones are copied together. */
const LARGE_BYTES = 16 * 1024;
const SLAB_BYTES = 64 * 1024;

/**
 * Collects pieces of a stream without a copy where they are large, and with little memory where they are tiny: a body
 * of one-byte pieces must not cost a hundred times its length.
 */
export interface Gatherer {
  /** Tells whether the piece itself is among the parts, or a copy of it. */
  push(piece: Uint8Array): 'kept' | 'copied';
  /** Everything pushed since the last call. */
  take(): Uint8Array[];
}

/** @param memory when it is disposed the copies are given back */
export function createGatherer(memory?: DisposableStack): Gatherer {
  let parts: Uint8Array[] = [];
  let slab: Uint8Array | undefined;
  let filled = 0;
  function closeSlab(): void {
    if (slab !== undefined) {
      const copies = filled === slab.length ? slab : new Uint8Array(slab.subarray(0, filled));
      if (copies !== slab) giveBack([slab]);
      if (memory !== undefined) giveBackWith(memory, [copies]);
      parts.push(copies);
    }
    slab = undefined;
    filled = 0;
  }
  return {
    push(piece) {
      if (piece.length >= LARGE_BYTES) {
        closeSlab();
        parts.push(piece);
        return 'kept';
      }
      if (slab !== undefined && filled + piece.length > SLAB_BYTES) closeSlab();
      slab ??= Buffer.allocUnsafeSlow(SLAB_BYTES);
      slab.set(piece, filled);
      filled += piece.length;
      return 'copied';
    },
    take() {
      closeSlab();
      const taken = parts;
      parts = [];
      return taken;
    },
  };
}
