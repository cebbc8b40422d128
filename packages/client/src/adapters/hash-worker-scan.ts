import { Buffer } from 'node:buffer';
import { MAX_CHUNK_BYTES, MIN_CHUNK_BYTES, nextCut } from '@satchel/core/chunker.ts';
import { contentHash, totalSize, type Manifest } from '@satchel/core/manifest.ts';
import { encodeSignature, signatureOf } from '@satchel/core/signature.ts';
import type { ChunkId } from '@satchel/protocol/ids.ts';
import type { ChunkRef } from '@satchel/protocol/objects.ts';
import { SIGNED_FILE_BYTES, type ChunkSignature, type ScanResult, type StreamRequest } from '../ports/hashing.ts';
import type { LongScan } from './hash-messages.ts';
import { openToRead, readFully, sha256, sha256Hex, statOf, turn, type OpenFile } from './hash-worker-files.ts';

/** Bytes read ahead of the chunker: room for several chunks, so that little is moved when it is filled up again. */
const WINDOW_BYTES = 3 * MAX_CHUNK_BYTES;

/** Files up to this size are one chunk and are read in one go. */
const SMALL_FILE_BYTES = MIN_CHUNK_BYTES;

/** Gets each chunk that is not in the base list, in order. A promise holds the reader. */
export type VisitChunk = (bytes: Uint8Array, chunk: ChunkRef, offset: number) => Promise<void> | undefined;

export interface ScanContext {
  /** Reused for every small file of a thread. */
  readonly smallBuffer: Buffer;
  /** Windows that are free to be used again; one is kept. */
  readonly windows: Buffer[];
}

export function createScanContext(): ScanContext {
  return { smallBuffer: Buffer.allocUnsafeSlow(SMALL_FILE_BYTES + 1), windows: [] };
}

export interface Reading {
  readonly context: ScanContext;
  readonly aborted: () => boolean;
  readonly visit?: VisitChunk | undefined;
}

/** Reads and cuts one file. Throws only when aborted or when `visit` does. */
export async function scanFile(request: LongScan & StreamRequest, reading: Reading): Promise<ScanResult> {
  try {
    const small = reading.visit === undefined ? scanSmall(request, reading.context) : undefined;
    return small ?? (await withWindow(reading.context, (window) => scanLong(request, reading, window)));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === undefined || !/^E[A-Z0-9]+$/.test(code) || !(error instanceof Error)) throw error;
    return { outcome: 'unreadable', code, message: error.message };
  }
}

/** Lends memory for several chunks. */
export async function withWindow<T>({ windows }: ScanContext, work: (memory: Buffer) => Promise<T>): Promise<T> {
  const memory = windows.pop() ?? Buffer.allocUnsafeSlow(WINDOW_BYTES);
  const result = await work(memory);
  if (windows.length === 0) windows.push(memory);
  return result;
}

/** Without a single await, so that 100,000 small files cost no more than their system calls. */
function scanSmall(request: StreamRequest, context: ScanContext): ScanResult | undefined {
  using file = openToRead(request.path, request.follow);
  const before = statOf(file.fd, request.follow);
  if (before.size > SMALL_FILE_BYTES) return undefined;
  const size = readFully(file, context.smallBuffer, null);
  if (size > SMALL_FILE_BYTES) return undefined;
  const after = statOf(file.fd, request.follow);
  const bytes = context.smallBuffer.subarray(0, size);
  const hash = sha256Hex(bytes);
  const chunks = size === 0 ? [] : [{ id: hash as ChunkId, size }];
  const known = request.base?.length === 1 && request.base[0]?.id === hash;
  const signatures = signs(request, size) && !known ? [signed(bytes, hash as ChunkId)] : [];
  return { outcome: 'scanned', before, after, size, hash: contentHash(chunks, sha256Hex), chunks, signatures };
}

function signs(request: StreamRequest, size: number): boolean {
  return request.signatures === true && size >= SIGNED_FILE_BYTES;
}

export function signed(bytes: Uint8Array, id: ChunkId): ChunkSignature {
  return { id, blocks: encodeSignature(signatureOf(bytes, sha256)) };
}

/** The bytes of a file as a window that moves over it. */
class MovingWindow {
  readonly #file: OpenFile;
  /** Else it can be read from its beginning to its end only, like a pipe. */
  readonly #isSeekable: boolean;
  readonly bytes: Buffer;
  start = 0;
  end = 0;
  /** Of `start` in the file. */
  offset = 0;
  ended = false;

  constructor(file: OpenFile, bytes: Buffer, isSeekable: boolean) {
    this.#file = file;
    this.bytes = bytes;
    this.#isSeekable = isSeekable;
  }

  /** Passes over bytes, also ones that were not read. */
  skip(size: number): void {
    this.advance(size);
    if (this.start > this.end) this.start = this.end = 0;
  }

  /** Reads on until the longest chunk fits, or the file ends. False when nothing is left. */
  fill(): boolean {
    if (this.ended || this.end - this.start >= MAX_CHUNK_BYTES) return this.start < this.end;
    this.bytes.copyWithin(0, this.start, this.end);
    this.end -= this.start;
    this.start = 0;
    const room = this.bytes.subarray(this.end);
    const read = readFully(this.#file, room, this.#isSeekable ? this.offset + this.end : null);
    this.ended = read < room.length;
    this.end += read;
    return this.start < this.end;
  }

  advance(size: number): void {
    this.start += size;
    this.offset += size;
  }
}

async function scanLong(request: LongScan & StreamRequest, reading: Reading, memory: Buffer): Promise<ScanResult> {
  using file = openToRead(request.path, request.follow);
  const before = statOf(file.fd, request.follow);
  const known = new KnownCuts(request.base ?? [], before.size);
  const withSignatures = signs(request, before.size);
  const signatures: ChunkSignature[] = [];
  const chunks: ChunkRef[] = [];
  const seen = new Set<string>();
  const standing = new Map(request.standing?.map(({ id, size, offset }) => [offset, { id, size }]));
  const window = new MovingWindow(file, memory, request.standing !== undefined);
  for (;;) {
    const stands = standing.get(window.offset);
    if (stands !== undefined) {
      chunks.push(stands);
      window.skip(stands.size);
      continue;
    }
    if (!window.fill()) break;
    if (reading.aborted()) throw new Error('The scan was aborted.');
    const { offset, start } = window;
    const { end, id } = cutOf(known, window);
    const bytes = window.bytes.subarray(start, end);
    const chunk = { id, size: bytes.length };
    chunks.push(chunk);
    if (!known.has(id) && !seen.has(id)) {
      seen.add(id);
      if (withSignatures) signatures.push(signed(bytes, id));
      await reading.visit?.(bytes, chunk, offset);
    }
    window.advance(bytes.length);
    await turn();
  }
  const after = statOf(file.fd, request.follow);
  const hash = contentHash(chunks, sha256Hex);
  return { outcome: 'scanned', before, after, size: totalSize(chunks), hash, chunks, signatures };
}

function cutOf(known: KnownCuts, window: MovingWindow): { readonly end: number; readonly id: ChunkId } {
  const { bytes, start, end, offset, ended } = window;
  for (const candidate of known.at(offset)) {
    const to = start + candidate.size;
    if (to > end) continue;
    // The last cut of a file is made by its end, not by its bytes.
    if (candidate.isLast && !(ended && to === end)) continue;
    if (sha256Hex(bytes.subarray(start, to)) === candidate.id) return { end: to, id: candidate.id };
  }
  const cut = nextCut(bytes, start, end, ended);
  if (cut === undefined) throw new Error('The chunker found no cut in a full window.');
  return { end: cut, id: sha256Hex(bytes.subarray(start, cut)) as ChunkId };
}

interface KnownCut extends ChunkRef {
  readonly isLast: boolean;
}

/**
 * Where an earlier version was cut. A chunk's cut depends on its own bytes only, so one that still has its hash still
 * ends there: hashing is twice as fast as looking for the cut. Tried where it was, and where it would be if all that
 * has changed in length lies before it.
 */
class KnownCuts {
  readonly #byOffset = new Map<number, KnownCut>();
  readonly #ids = new Set<string>();
  readonly #shift: number;

  constructor(base: Manifest, size: number) {
    let offset = 0;
    for (const [index, { id, size: chunkSize }] of base.entries()) {
      this.#byOffset.set(offset, { id, size: chunkSize, isLast: index === base.length - 1 });
      this.#ids.add(id);
      offset += chunkSize;
    }
    this.#shift = size - offset;
  }

  has(id: ChunkId): boolean {
    return this.#ids.has(id);
  }

  at(offset: number): readonly KnownCut[] {
    const still = this.#byOffset.get(offset);
    const moved = this.#shift === 0 ? undefined : this.#byOffset.get(offset - this.#shift);
    return [still, moved].filter((cut) => cut !== undefined);
  }
}
