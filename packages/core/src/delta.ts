import { createBlockIndex, slotOf, type BlockIndex } from './block-index.ts';
import type { Sha256 } from './hash-function.ts';
import { failure, success, type Result } from './result.ts';
import { weakPower, weakSum, WEAK_FACTOR, type Signature } from './signature.ts';
import { readVarint, varintLength, writeVarint, type ByteCursor } from './varint.ts';

/**
 * A chunk written as a difference against another: what to copy from the base and what is new. Transport only,
 * never storage: the receiver rebuilds the chunk and checks its SHA-256.
 */

export type DeltaInstruction =
  | { readonly kind: 'copy'; readonly offset: number; readonly length: number }
  | { readonly kind: 'literal'; readonly bytes: Uint8Array };

export interface DeltaFault {
  readonly code: 'delta_invalid';
  readonly reason:
    | 'version_unknown'
    | 'truncated'
    | 'number_invalid'
    | 'too_large'
    | 'instruction_empty'
    | 'copy_out_of_range'
    | 'longer_than_announced'
    | 'shorter_than_announced';
}

const FORMAT = 0x01;

/** Collects instructions; copies that continue each other become one. */
function createInstructionList(target: Uint8Array): {
  readonly copy: (offset: number, length: number) => void;
  readonly literal: (from: number, to: number) => void;
  readonly list: readonly DeltaInstruction[];
} {
  const list: DeltaInstruction[] = [];
  return {
    list,
    copy(offset, length) {
      const last = list.at(-1);
      if (last?.kind === 'copy' && last.offset + last.length === offset)
        list[list.length - 1] = { kind: 'copy', offset: last.offset, length: last.length + length };
      else list.push({ kind: 'copy', offset, length });
    },
    literal(from, to) {
      if (from < to) list.push({ kind: 'literal', bytes: target.subarray(from, to) });
    },
  };
}

/** A window of `blockSize` bytes at `at`, and its rolling sum. */
interface Window {
  readonly bytes: Uint8Array;
  readonly blockSize: number;
  at: number;
  sum: number;
}

function placeWindow(window: Window, at: number): void {
  window.at = at;
  window.sum = weakSum(window.bytes, at, Math.min(at + window.blockSize, window.bytes.length));
}

/** Moves the window by at least one byte, to the next place that may match, or beyond the last place. */
function rollWindow(window: Window, index: BlockIndex, leaving: number): void {
  const { bytes, blockSize } = window;
  const { filter, shift } = index;
  const end = bytes.length - blockSize;
  let { at, sum } = window;
  while (at < end) {
    sum = (Math.imul(sum, WEAK_FACTOR) + (bytes[at + blockSize] as number)) | 0;
    sum = (sum - Math.imul(bytes[at] as number, leaving)) | 0;
    at++;
    if (filter[slotOf(sum, shift)] !== 0) {
      window.at = at;
      window.sum = sum;
      return;
    }
  }
  window.at = end + 1;
}

/**
 * The instructions that rebuild `target` from the chunk that the signature was made of (rsync's search: a rolling
 * sum at every position, a strong hash where it matches). Literals are views of `target`. Linear in its length.
 */
export function matchDelta(target: Uint8Array, signature: Signature, sha256: Sha256): readonly DeltaInstruction[] {
  const { blockSize, chunkSize } = signature;
  const index = createBlockIndex(signature, sha256);
  const leaving = weakPower(blockSize);
  const instructions = createInstructionList(target);
  const window: Window = { bytes: target, blockSize, at: 0, sum: 0 };
  placeWindow(window, 0);
  let literalFrom = 0;
  let preferred = 0;
  while (window.at + blockSize <= target.length) {
    const block = index.find(target, window.at, window.sum, preferred);
    if (block < 0) {
      rollWindow(window, index, leaving);
      continue;
    }
    instructions.literal(literalFrom, window.at);
    instructions.copy(block * blockSize, blockSize);
    preferred = block + 1;
    literalFrom = window.at + blockSize;
    placeWindow(window, literalFrom);
  }
  const tailOffset = chunkSize - (chunkSize % blockSize);
  const tailFrom = target.length - (chunkSize - tailOffset);
  if (tailFrom >= literalFrom && index.lastBlockEquals(target, tailFrom, target.length)) {
    instructions.literal(literalFrom, tailFrom);
    instructions.copy(tailOffset, chunkSize - tailOffset);
  } else {
    instructions.literal(literalFrom, target.length);
  }
  return instructions.list;
}

function lengthOf(instruction: DeltaInstruction): number {
  return instruction.kind === 'copy' ? instruction.length : instruction.bytes.length;
}

/**
 * Format byte, size of the result, then the instructions: a number that is 2 * length for a literal, whose bytes
 * follow, and 2 * length + 1 for a copy, whose offset follows. All numbers are varints.
 */
export function encodeDelta(instructions: readonly DeltaInstruction[]): Uint8Array {
  let targetSize = 0;
  for (const instruction of instructions) targetSize += lengthOf(instruction);
  let length = 1 + varintLength(targetSize);
  for (const instruction of instructions)
    length +=
      varintLength(2 * lengthOf(instruction) + 1) +
      (instruction.kind === 'copy' ? varintLength(instruction.offset) : instruction.bytes.length);
  const bytes = new Uint8Array(length);
  bytes[0] = FORMAT;
  let at = writeVarint(targetSize, bytes, 1);
  for (const instruction of instructions) {
    if (instruction.kind === 'copy') {
      at = writeVarint(2 * instruction.length + 1, bytes, at);
      at = writeVarint(instruction.offset, bytes, at);
    } else {
      at = writeVarint(2 * instruction.bytes.length, bytes, at);
      bytes.set(instruction.bytes, at);
      at += instruction.bytes.length;
    }
  }
  return bytes;
}

function fault(reason: DeltaFault['reason']): { readonly ok: false; readonly fault: DeltaFault } {
  return failure({ code: 'delta_invalid', reason });
}

/** Where the next instruction takes its bytes from; the cursor is behind the instruction afterwards. */
function readSource(cursor: ByteCursor, base: Uint8Array): Result<Uint8Array, DeltaFault> {
  const head = readVarint(cursor);
  if (!head.ok) return fault(head.fault);
  const length = Math.floor(head.value / 2);
  if (length === 0) return fault('instruction_empty');
  if (head.value % 2 === 0) {
    const from = cursor.at;
    if (length > cursor.bytes.length - from) return fault('truncated');
    cursor.at = from + length;
    return success(cursor.bytes.subarray(from, from + length));
  }
  const offset = readVarint(cursor);
  if (!offset.ok) return fault(offset.fault);
  if (offset.value > base.length || length > base.length - offset.value) return fault('copy_out_of_range');
  return success(base.subarray(offset.value, offset.value + length));
}

/**
 * Rebuilds a chunk from its base. The input may be hostile: at most `maxSize` bytes are allocated, and the work is
 * bounded by the lengths of input and result. The result still has to be checked against its SHA-256.
 *
 * @param maxSize what the result may measure in bytes: the size announced for the chunk
 */
export function applyDelta(base: Uint8Array, delta: Uint8Array, maxSize: number): Result<Uint8Array, DeltaFault> {
  if (delta.length === 0) return fault('truncated');
  if (delta[0] !== FORMAT) return fault('version_unknown');
  const cursor: ByteCursor = { bytes: delta, at: 1 };
  const size = readVarint(cursor);
  if (!size.ok) return fault(size.fault);
  if (size.value > maxSize) return fault('too_large');
  const target = new Uint8Array(size.value);
  let to = 0;
  while (cursor.at < delta.length) {
    const source = readSource(cursor, base);
    if (!source.ok) return source;
    if (source.value.length > target.length - to) return fault('longer_than_announced');
    target.set(source.value, to);
    to += source.value.length;
  }
  return to === target.length ? success(target) : fault('shorter_than_announced');
}
