import { Buffer } from 'node:buffer';
import type { Region } from './hash-memory.ts';

/** What a piece of a ring is known by on both sides. */
export interface RingPiece {
  readonly from: number;
  readonly length: number;
}

/**
 * Hands out pieces of a region one after the other, for chunks that leave in the order in which they were found and
 * come back in any order.
 */
export class Ring {
  readonly #region: Region;
  readonly #out: { readonly from: number; readonly length: number; free: boolean }[] = [];
  #next = 0;

  constructor(region: Region) {
    this.#region = region;
  }

  /** Undefined while there is no room. */
  take(length: number): { readonly piece: RingPiece; readonly bytes: Buffer } | undefined {
    const from = this.#placeFor(length);
    if (from === undefined) return undefined;
    const piece = { from, length, free: false };
    this.#out.push(piece);
    this.#next = from + length;
    return { piece: { from, length }, bytes: Buffer.from(this.#region.buffer, this.#region.offset + from, length) };
  }

  /** Between the newest piece and the end, or between the beginning and the oldest; never so that the two meet. */
  #placeFor(length: number): number | undefined {
    const oldest = this.#out[0]?.from;
    const end = this.#region.length;
    if (oldest === undefined) return length <= end ? 0 : undefined;
    if (this.#next <= oldest) return this.#next + length < oldest ? this.#next : undefined;
    if (this.#next + length <= end) return this.#next;
    return length < oldest ? 0 : undefined;
  }

  giveBack(from: number): void {
    const piece = this.#out.find((candidate) => candidate.from === from && !candidate.free);
    if (piece !== undefined) piece.free = true;
    while (this.#out[0]?.free === true) this.#out.shift();
  }
}
