import type { Sha256 } from './hash-function.ts';
import { failure, success, type Result } from './result.ts';
import { readVarint, varintLength, writeVarint, type ByteCursor } from './varint.ts';
import { MAX_CHUNK_BYTES } from './chunker.ts';

/**
 * Block signatures of a chunk, after rsync (Tridgell, "Efficient Algorithms for Sorting and Synchronization",
 * 1999, ch. 3): they let a later version be written as a difference when the chunk's own bytes are gone.
 *
 * The client keeps the signature of every chunk of every file in its database, so it is small: 10 bytes per block
 * and a block of about twice the root of the chunk's size, which is 5 KiB for 1 MiB (0.5 %) and 10 KiB for 4 MiB.
 * 80 bits per block are enough because a wrong match harms nothing: the receiver checks the rebuilt chunk against
 * its SHA-256, and the sender then sends it whole.
 */

export interface Signature {
  readonly chunkSize: number;
  readonly blockSize: number;
  /** One rolling sum per block; the last block is shorter when blockSize does not divide chunkSize. */
  readonly weak: Int32Array;
  /** `STRONG_BYTES` per block: the beginning of its SHA-256. */
  readonly strong: Uint8Array;
}

export interface SignatureFault {
  readonly code: 'signature_invalid';
  readonly reason: 'version_unknown' | 'truncated' | 'number_invalid' | 'size_invalid' | 'length_wrong';
}

export const STRONG_BYTES = 6;
const WEAK_BYTES = 4;
const FORMAT = 0x01;
const MIN_BLOCK_BYTES = 512;
const MAX_BLOCK_BYTES = 4096;

/** Odd, so that the sum stays sensitive to every byte; the constant is 2^32 divided by the golden ratio. */
export const WEAK_FACTOR = 0x9e3779b1 | 0;

/** The power of two next above twice the square root of the size, within [512, 4096]. */
export function blockSizeFor(chunkSize: number): number {
  let size = MIN_BLOCK_BYTES;
  while (size < MAX_BLOCK_BYTES && size * size < 4 * chunkSize) size *= 2;
  return size;
}

const FACTOR_2 = Math.imul(WEAK_FACTOR, WEAK_FACTOR);
const FACTOR_3 = Math.imul(FACTOR_2, WEAK_FACTOR);
const FACTOR_4 = Math.imul(FACTOR_2, FACTOR_2);

/**
 * Rolling sum of [from, to): the bytes as the digits of a number to base WEAK_FACTOR, modulo 2^32 (Rabin and Karp).
 * Four digits per step, so that the multiplications do not wait for each other.
 */
export function weakSum(bytes: Uint8Array, from: number, to: number): number {
  let sum = 0;
  let at = from;
  for (; at + 4 <= to; at += 4) {
    const high = (Math.imul(bytes[at] as number, FACTOR_3) + Math.imul(bytes[at + 1] as number, FACTOR_2)) | 0;
    const low = (Math.imul(bytes[at + 2] as number, WEAK_FACTOR) + (bytes[at + 3] as number)) | 0;
    sum = (Math.imul(sum, FACTOR_4) + ((high + low) | 0)) | 0;
  }
  for (; at < to; at++) sum = (Math.imul(sum, WEAK_FACTOR) + (bytes[at] as number)) | 0;
  return sum;
}

/** WEAK_FACTOR to the power of `exponent`, modulo 2^32: the weight of the byte that leaves the window. */
export function weakPower(exponent: number): number {
  let power = 1;
  for (let count = 0; count < exponent; count++) power = Math.imul(power, WEAK_FACTOR);
  return power;
}

/** The signature of a chunk's bytes. */
export function signatureOf(chunk: Uint8Array, sha256: Sha256): Signature {
  const blockSize = blockSizeFor(chunk.length);
  const blocks = Math.ceil(chunk.length / blockSize);
  const weak = new Int32Array(blocks);
  const strong = new Uint8Array(blocks * STRONG_BYTES);
  for (let block = 0; block < blocks; block++) {
    const from = block * blockSize;
    const to = Math.min(from + blockSize, chunk.length);
    weak[block] = weakSum(chunk, from, to);
    strong.set(sha256(chunk.subarray(from, to)).subarray(0, STRONG_BYTES), block * STRONG_BYTES);
  }
  return { chunkSize: chunk.length, blockSize, weak, strong };
}

/** Format byte, chunk size and block size as varints, all weak sums (little-endian), all strong ones. */
export function encodeSignature(signature: Signature): Uint8Array {
  const { chunkSize, blockSize, weak, strong } = signature;
  const head = 1 + varintLength(chunkSize) + varintLength(blockSize);
  const bytes = new Uint8Array(head + weak.length * WEAK_BYTES + strong.length);
  bytes[0] = FORMAT;
  writeVarint(blockSize, bytes, writeVarint(chunkSize, bytes, 1));
  const view = new DataView(bytes.buffer);
  weak.forEach((sum, block) => view.setInt32(head + block * WEAK_BYTES, sum, true));
  bytes.set(strong, head + weak.length * WEAK_BYTES);
  return bytes;
}

function fault(reason: SignatureFault['reason']): { readonly ok: false; readonly fault: SignatureFault } {
  return failure({ code: 'signature_invalid', reason });
}

/** Reads what `encodeSignature` writes. */
export function decodeSignature(bytes: Uint8Array): Result<Signature, SignatureFault> {
  if (bytes.length === 0) return fault('truncated');
  if (bytes[0] !== FORMAT) return fault('version_unknown');
  const cursor: ByteCursor = { bytes, at: 1 };
  const chunkSize = readVarint(cursor);
  if (!chunkSize.ok) return fault(chunkSize.fault);
  const blockSize = readVarint(cursor);
  if (!blockSize.ok) return fault(blockSize.fault);
  if (chunkSize.value > MAX_CHUNK_BYTES || blockSize.value !== blockSizeFor(chunkSize.value))
    return fault('size_invalid');
  const blocks = Math.ceil(chunkSize.value / blockSize.value);
  if (bytes.length - cursor.at !== blocks * (WEAK_BYTES + STRONG_BYTES)) return fault('length_wrong');
  const view = new DataView(bytes.buffer, bytes.byteOffset + cursor.at, blocks * WEAK_BYTES);
  const weak = Int32Array.from({ length: blocks }, (_, block) => view.getInt32(block * WEAK_BYTES, true));
  const strong = new Uint8Array(bytes.subarray(cursor.at + blocks * WEAK_BYTES));
  return success({ chunkSize: chunkSize.value, blockSize: blockSize.value, weak, strong });
}
