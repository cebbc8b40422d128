import { failure, success, type Result } from './result.ts';

/**
 * Unsigned LEB128 of integers up to 2^53 - 1, in its shortest form only: a number has one encoding, so encodings
 * can be hashed and compared as bytes.
 */

const MAX_BYTES = 8;

export type VarintFault = 'truncated' | 'number_invalid';

/** Where a reader stands in its bytes; `at` moves with each number read. */
export interface ByteCursor {
  readonly bytes: Uint8Array;
  at: number;
}

/** Bytes that the number takes. */
export function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) length++;
  return length;
}

/** Writes the number at `at` and returns the position after it. */
export function writeVarint(value: number, target: Uint8Array, at: number): number {
  let rest = value;
  let to = at;
  while (rest >= 128) {
    target[to++] = (rest % 128) | 0x80;
    rest = Math.floor(rest / 128);
  }
  target[to++] = rest;
  return to;
}

/** Reads a number; refuses what is cut off, longer than needed, or above 2^53 - 1. */
export function readVarint(cursor: ByteCursor): Result<number, VarintFault> {
  let value = 0;
  let scale = 1;
  for (let count = 0; count < MAX_BYTES; count++) {
    const byte = cursor.bytes[cursor.at];
    if (byte === undefined) return failure('truncated');
    cursor.at++;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) {
      const shortest = byte !== 0 || count === 0;
      return shortest && Number.isSafeInteger(value) ? success(value) : failure('number_invalid');
    }
    scale *= 128;
  }
  return failure('number_invalid');
}
