import type { Manifest } from '@satchel/core/manifest.ts';
import type { ChunkId, ContentHash } from '@satchel/protocol/ids.ts';
import type { StatIdentity } from './disk.ts';

/**
 * Everything that costs CPU per byte, off the control thread: reading, chunking, hashing, compression, differences.
 *
 * - G1 No call holds the event loop for longer than a message takes.
 * - G2 A file is opened without following a symlink at its last component and without blocking (H17).
 * - G3 Bytes handed out carry the hash they are named by; bytes that do not are a value, never handed out (H13).
 * - G4 Memory is bounded by `limits`, whatever the files' sizes; a slow taker slows the reader.
 * - G5 While nothing is asked nothing is kept: the threads end after a while.
 * - G6 Aborting ends the work soon and rejects with the signal's reason.
 */
export interface Hashing extends AsyncDisposable {
  /** Reads files whole; results in the order asked. Give many small files at once. */
  scan(files: readonly ScanRequest[], signal: AbortSignal): Promise<readonly ScanResult[]>;

  /**
   * Reads one file once, handing out its chunks as they are found, in order, except those of `base` and the repeated.
   * The reader waits while more than some 32 MiB of them are not yet taken.
   */
  stream(request: StreamRequest, take: TakeChunk, signal: AbortSignal): Promise<ScanResult>;

  /** Frames of chunks read again from disk, back to back, ready as the body of a batch. */
  encodeBatch(sources: readonly ChunkSource[], signal: AbortSignal): Promise<EncodedBatch>;

  /**
   * One chunk as it is best sent; dispose of it when its bytes are no longer needed. Undefined when the file no longer
   * holds these bytes there.
   */
  encodeChunk(source: ChunkSource, signal: AbortSignal): Promise<(Payload & Disposable) | undefined>;

  /** hex SHA-256 over the nonce, a newline, and the chunk's bytes; undefined when the file no longer holds them. */
  prove(source: ChunkSource, nonce: string, signal: AbortSignal): Promise<string | undefined>;

  /** Signatures of chunks, to be kept for differences against a later version; those that changed are left out. */
  sign(path: string, chunks: readonly ChunkAt[], signal: AbortSignal): Promise<readonly ChunkSignature[]>;

  /** Copies chunks that lie on this disk to where they are wanted; returns the indices of those that were really there. */
  copyLocal(copies: readonly LocalCopy[], signal: AbortSignal): Promise<readonly number[]>;

  /** Takes a framed stream apart: unpacks, verifies and writes what it brings. */
  openDecoder(plan: DecodePlan, signal: AbortSignal): Decoder;
}

export interface ScanRequest {
  /** Absolute. */
  readonly path: string;
  /** An earlier chunk list of this file: where it still holds, cuts are not searched again. */
  readonly base?: Manifest;
  /** Block signatures of the chunks that are not in `base`, for files of `SIGNED_FILE_BYTES` and more. */
  readonly signatures?: boolean;
}

export interface StreamRequest extends ScanRequest {
  /** Follow a symlink: for a path that a person typed, and /dev/stdin. */
  readonly follow?: boolean;
}

export type ScanResult =
  | {
      readonly outcome: 'scanned';
      /** fstat before the first and after the last read; where they differ the bytes may be a mix. */
      readonly before: StatIdentity;
      readonly after: StatIdentity;
      /** Bytes read. */
      readonly size: number;
      readonly hash: ContentHash;
      readonly chunks: Manifest;
      readonly signatures: readonly ChunkSignature[];
    }
  /** `code` as `node:fs` gives it (ENOENT, EACCES …), or EISDIR, ELOOP, ENOTSUP for what is no regular file. */
  | { readonly outcome: 'unreadable'; readonly code: string; readonly message: string };

export interface ChunkSignature {
  readonly id: ChunkId;
  /** `core/signature.ts`, encoded. */
  readonly blocks: Uint8Array;
}

export interface ChunkAt {
  readonly id: ChunkId;
  readonly size: number;
  readonly offset: number;
}

export interface StreamedChunk extends ChunkAt {
  readonly payload: Payload;
}

/**
 * The payload's bytes are valid until it returns or its promise resolves. Called with undefined after the last chunk;
 * what is still held back must be on its way then.
 */
export type TakeChunk = (chunk: StreamedChunk | undefined) => Promise<void> | undefined;

/** A chunk on its way, in memory that is used again. */
export interface Payload {
  /** raw: the chunk's own bytes. frame: a whole frame (zstd or a difference), where that is much shorter. */
  readonly form: 'raw' | 'frame';
  readonly bytes: Uint8Array;
}

export interface ChunkSource extends ChunkAt {
  readonly path: string;
  /** An older chunk that the server has, to be written as a difference against. */
  readonly against?: ChunkSignature;
}

export interface EncodedBatch {
  readonly body: Uint8Array;
  /** Length of each source's frame in `body`, in order; 0 where the file no longer holds these bytes. */
  readonly lengths: readonly number[];
}

/** Where a chunk is to be written. The file is made when it is absent. */
export interface ChunkTarget {
  readonly path: string;
  readonly offset: number;
  /** For a file of this one chunk: what it is given after the write. */
  readonly finish?: { readonly executable: boolean; readonly mtimeMs: number };
}

export interface LocalCopy {
  readonly id: ChunkId;
  readonly size: number;
  readonly from: { readonly path: string; readonly offset: number };
  readonly targets: readonly ChunkTarget[];
}

export interface WantedChunk {
  readonly id: ChunkId;
  readonly size: number;
  readonly targets: readonly ChunkTarget[];
  /** A chunk on this disk against which the server may write the difference. */
  readonly base?: { readonly id: ChunkId; readonly size: number; readonly path: string; readonly offset: number };
}

export interface DecodePlan {
  /** In the order in which they were asked for. */
  readonly wanted: readonly WantedChunk[];
  /** Chunks that are verified and written, by index. */
  readonly done: (indices: readonly number[]) => void;
}

/** How a stream ended. `missing`: what it did not bring, by index. */
export interface DecodeOutcome {
  readonly missing: readonly number[];
  /** Set when the stream was refused: malformed, or bytes that are not what their name says. */
  readonly fault?: DecodeFault;
}

export interface DecodeFault {
  readonly code: 'frame_invalid' | 'hash_mismatch' | 'base_gone' | 'refused';
  /** For people; of 'refused' the server's error code for this chunk. */
  readonly detail: string;
  /** The chunk at which it happened, by index. */
  readonly index?: number;
}

export interface Decoder {
  /** Copies the bytes. A returned promise asks the caller to wait. */
  push(bytes: Uint8Array): Promise<void> | undefined;
  /** No more bytes follow. Rejects when a target cannot be written (ENOSPC …). */
  finish(): Promise<DecodeOutcome>;
}

/** Files below this size are sent whole, and keep no signatures. */
export const SIGNED_FILE_BYTES = 64 * 1024;
