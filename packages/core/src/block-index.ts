import type { Sha256 } from './hash-function.ts';
import { STRONG_BYTES, weakSum, type Signature } from './signature.ts';

/** Finds the block of a signature that equals a window of bytes. */
export interface BlockIndex {
  /** Zero at `slotOf(sum, shift)`: no block has this rolling sum. Laid open for the inner loop of the search. */
  readonly filter: Uint8Array;
  readonly shift: number;
  /**
   * A whole block that equals `bytes[from, from + blockSize)`, or -1. `preferred` wins among equal ones, so that
   * neighbours in the base are copied in one run.
   */
  find(bytes: Uint8Array, from: number, weak: number, preferred: number): number;
  /** Whether the short last block equals `bytes[from, to)`. */
  lastBlockEquals(bytes: Uint8Array, from: number, to: number): boolean;
}

const SLOTS_PER_BLOCK = 64;
const SLOT_FACTOR = 0x85ebca6b | 0;

export function slotOf(weak: number, shift: number): number {
  return Math.imul(weak ^ (weak >>> 15), SLOT_FACTOR) >>> shift;
}

function strongEquals(signature: Signature, block: number, strong: Uint8Array): boolean {
  for (let at = 0; at < STRONG_BYTES; at++)
    if (signature.strong[block * STRONG_BYTES + at] !== strong[at]) return false;
  return true;
}

/** Distinct whole blocks by their rolling sum. */
function blocksByWeak(signature: Signature, wholeBlocks: number): ReadonlyMap<number, readonly number[]> {
  const byWeak = new Map<number, number[]>();
  for (let block = 0; block < wholeBlocks; block++) {
    const weak = signature.weak[block] ?? 0;
    const strong = signature.strong.subarray(block * STRONG_BYTES, (block + 1) * STRONG_BYTES);
    const others = byWeak.get(weak);
    if (others === undefined) byWeak.set(weak, [block]);
    else if (!others.some((other) => strongEquals(signature, other, strong))) others.push(block);
  }
  return byWeak;
}

/**
 * @param sha256 is called for windows whose rolling sum matches; after too many of those that prove different (only
 *   content made for it does that) the index finds nothing more, so that the search stays linear.
 */
export function createBlockIndex(signature: Signature, sha256: Sha256): BlockIndex {
  const { blockSize, chunkSize, weak } = signature;
  const wholeBlocks = Math.floor(chunkSize / blockSize);
  const byWeak = blocksByWeak(signature, wholeBlocks);
  const slotBits = Math.ceil(Math.log2(SLOTS_PER_BLOCK * (wholeBlocks + 1)));
  const shift = 32 - slotBits;
  const filter = new Uint8Array(1 << slotBits);
  for (const sum of byWeak.keys()) filter[slotOf(sum, shift)] = 1;
  let disappointmentsLeft = 4 * wholeBlocks + 64;

  return {
    filter,
    shift,
    find(bytes, from, sum, preferred) {
      const blocks = byWeak.get(sum);
      if (blocks === undefined || disappointmentsLeft <= 0) return -1;
      const strong = sha256(bytes.subarray(from, from + blockSize));
      if (preferred < wholeBlocks && weak[preferred] === sum && strongEquals(signature, preferred, strong))
        return preferred;
      const block = blocks.find((candidate) => strongEquals(signature, candidate, strong));
      if (block === undefined) disappointmentsLeft--;
      return block ?? -1;
    },
    lastBlockEquals(bytes, from, to) {
      const last = weak.length - 1;
      return (
        last === wholeBlocks &&
        to - from === chunkSize - wholeBlocks * blockSize &&
        weak[last] === weakSum(bytes, from, to) &&
        strongEquals(signature, last, sha256(bytes.subarray(from, to)))
      );
    },
  };
}
