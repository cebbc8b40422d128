/**
 * Content-defined chunking: FastCDC with normalised chunking (Xia et al., USENIX ATC 2016; the two-bytes-per-step
 * loop is from IEEE TPDS 31, 2020) over a 32-bit gear hash.
 *
 * Everything here is part of the protocol: equal content must give equal chunks on every device and server, or
 * nothing deduplicates. A golden test pins the cut points. Two choices of our own:
 * - the hash is warmed up on the 32 bytes before the first possible cut, so that every cut depends on the 32 bytes
 *   before it and on the chunk's start only, and a scan can be resumed anywhere without kept state;
 * - the masks leave out bit 31, since the two-byte step tests the first byte's hash shifted left by one.
 */

export const MIN_CHUNK_BYTES = 256 * 1024;
export const AVERAGE_CHUNK_BYTES = 1024 * 1024;
export const MAX_CHUNK_BYTES = 4 * 1024 * 1024;

/** The hash at a position depends on no more bytes before it than these: older ones have been shifted out. */
const WINDOW_BYTES = 32;

/** 22 bits before the average size and 18 after it: normalisation level 2. */
const STRICT_MASK = 0x7ffffe00;
const LOOSE_MASK = 0x7fffe000;

const GEAR_SEED = 0x53617463;

/** mulberry32 (Tommy Ettinger, public domain), 256 outputs from a fixed seed. */
function gearTable(): Int32Array {
  const table = new Int32Array(256);
  let state = GEAR_SEED;
  for (let at = 0; at < table.length; at++) {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    table[at] = mixed ^ (mixed >>> 14);
  }
  return table;
}

/** Int32Array and `| 0`: V8 keeps signed 32-bit values unboxed; a Uint32Array table costs two thirds of the speed. */
const GEAR = gearTable();
const GEAR_SHIFTED = GEAR.map((value) => value << 1);

/**
 * The first position p in (from, end] at which the hash of the 32 bytes before p has no bit of the mask, or -1.
 * Looks only at bytes of [from - 32, end); the caller sees to it that those exist.
 */
function scan(bytes: Uint8Array, from: number, end: number, mask: number): number {
  const shiftedMask = mask << 1;
  let hash = 0;
  for (let at = from - WINDOW_BYTES; at < from; at++) hash = ((hash << 1) + (GEAR[bytes[at] as number] as number)) | 0;
  let at = from;
  for (const pairsEnd = end - 1; at < pairsEnd; at += 2) {
    hash = ((hash << 2) + (GEAR_SHIFTED[bytes[at] as number] as number)) | 0;
    if ((hash & shiftedMask) === 0) return at + 1;
    hash = (hash + (GEAR[bytes[at + 1] as number] as number)) | 0;
    if ((hash & mask) === 0) return at + 2;
  }
  if (at < end) {
    hash = ((hash << 1) + (GEAR[bytes[at] as number] as number)) | 0;
    if ((hash & mask) === 0) return at + 1;
  }
  return -1;
}

/** As `nextCut` for a chunk that starts at `start`, but trusts that no cut lies at or before `seen`. -1: none up to `end`. */
function findCut(bytes: Uint8Array, start: number, seen: number, end: number): number {
  const normal = start + AVERAGE_CHUNK_BYTES;
  const last = Math.min(end, start + MAX_CHUNK_BYTES);
  let from = Math.max(seen, start + MIN_CHUNK_BYTES);
  if (from < normal && from < last) {
    const cut = scan(bytes, from, Math.min(normal, last), STRICT_MASK);
    if (cut >= 0) return cut;
    from = normal;
  }
  if (from < last) {
    const cut = scan(bytes, from, last, LOOSE_MASK);
    if (cut >= 0) return cut;
  }
  return end - start >= MAX_CHUNK_BYTES ? start + MAX_CHUNK_BYTES : -1;
}

/**
 * Where the chunk that starts at `start` ends.
 *
 * @param end end of the bytes that are there
 * @param isFinal whether the content ends at `end`
 * @returns a position in (start, end], or undefined when more bytes are needed to tell (or none are left)
 */
export function nextCut(bytes: Uint8Array, start: number, end: number, isFinal: boolean): number | undefined {
  const cut = findCut(bytes, start, start, end);
  if (cut >= 0) return cut;
  return isFinal && end > start ? end : undefined;
}

/** Cuts a stream. Holds at most `MAX_CHUNK_BYTES` plus the slice being pushed. */
export interface Chunker {
  /**
   * Takes the next slice of the content and returns the chunks that are complete with it. A chunk may be a view of
   * the slice: use or copy it before the slice's memory is used again.
   */
  push(slice: Uint8Array): readonly Uint8Array[];
  /** The rest as the last chunk, or undefined when nothing is left (always so for empty content). */
  finish(): Uint8Array | undefined;
}

export function createChunker(): Chunker {
  let pending = new Uint8Array(0);
  let pendingLength = 0;

  function hold(slice: Uint8Array): void {
    const length = pendingLength + slice.length;
    if (length > pending.length) {
      const grown = new Uint8Array(Math.min(Math.max(length, 2 * pending.length), MAX_CHUNK_BYTES));
      grown.set(pending.subarray(0, pendingLength));
      pending = grown;
    }
    pending.set(slice, pendingLength);
    pendingLength = length;
  }

  /** Completes the pending chunk from the slice; returns how much of the slice belongs to it, or -1 if it goes on. */
  function complete(slice: Uint8Array, chunks: Uint8Array[]): number {
    const seen = pendingLength;
    hold(slice.subarray(0, MAX_CHUNK_BYTES - seen));
    const cut = findCut(pending, 0, seen, pendingLength);
    if (cut < 0) return -1;
    chunks.push(pending.slice(0, cut));
    pendingLength = 0;
    return cut - seen;
  }

  return {
    push(slice) {
      const chunks: Uint8Array[] = [];
      let at = pendingLength > 0 ? complete(slice, chunks) : 0;
      if (at < 0) return chunks;
      for (;;) {
        const cut = findCut(slice, at, at, slice.length);
        if (cut < 0) break;
        chunks.push(slice.subarray(at, cut));
        at = cut;
      }
      hold(slice.subarray(at));
      return chunks;
    },
    finish() {
      if (pendingLength === 0) return undefined;
      const last = pending.slice(0, pendingLength);
      pendingLength = 0;
      return last;
    },
  };
}
