import type { Region } from './hash-memory.ts';
import type { RingPiece } from './hash-ring.ts';
import type {
  ChunkAt,
  ChunkSource,
  DecodePlan,
  LocalCopy,
  ScanRequest,
  Payload,
  StreamRequest,
} from '../ports/hashing.ts';

/** A piece of shared memory, as it travels in a message. */
export type SharedBytes = Pick<Region, 'buffer' | 'offset' | 'length'>;

/** What lies at the beginning of such a piece. */
export interface Encoded {
  readonly form: Payload['form'];
  readonly length: number;
}

export interface LongScan extends ScanRequest {
  /** Chunks of `base` that were found where they are now; they are not read again. */
  readonly standing?: readonly ChunkAt[];
}

/** What the control thread asks of a bench. */
export type Task =
  | { readonly kind: 'scan'; readonly files: readonly LongScan[] }
  /** Which chunks of an earlier version of so many bytes a file still holds. */
  | { readonly kind: 'stand'; readonly path: string; readonly chunks: readonly ChunkAt[]; readonly baseBytes: number }
  | { readonly kind: 'stream'; readonly file: StreamRequest; readonly ring: SharedBytes }
  | { readonly kind: 'encodeBatch'; readonly sources: readonly ChunkSource[] }
  | { readonly kind: 'encodeChunk'; readonly source: ChunkSource; readonly room: SharedBytes }
  | { readonly kind: 'prove'; readonly source: ChunkSource; readonly nonce: string }
  | { readonly kind: 'sign'; readonly path: string; readonly chunks: readonly ChunkAt[] }
  | { readonly kind: 'copyLocal'; readonly copies: readonly LocalCopy[] }
  | { readonly kind: 'decode'; readonly wanted: DecodePlan['wanted'] };

/**
 * A job begins with `start` and ends with `result` or `failed`, also when it was aborted: only then is the memory that
 * it was given free again.
 */
export type ToBench = { readonly job: number } & (
  | { readonly kind: 'start'; readonly task: Task }
  /** Of a decode: the next bytes of the stream. */
  | { readonly kind: 'bytes'; readonly block: SharedBytes }
  | { readonly kind: 'end' }
  /** Of a stream: the chunk that lay there in the ring has been taken. */
  | { readonly kind: 'taken'; readonly from: number }
  | { readonly kind: 'abort' }
);

export type FromBench = { readonly job: number } & (
  | { readonly kind: 'result'; readonly value: unknown }
  | { readonly kind: 'failed'; readonly message: string; readonly code: string | undefined }
  | { readonly kind: 'chunk'; readonly chunk: ChunkAt; readonly encoded: Encoded; readonly piece: RingPiece }
  /** Of a decode: indices that are verified and written. */
  | { readonly kind: 'done'; readonly indices: readonly number[] }
  /** Of a decode: the oldest block has been used. */
  | { readonly kind: 'used' }
);

export type Post<Message> = (message: Message, transfer: readonly ArrayBuffer[]) => void;
