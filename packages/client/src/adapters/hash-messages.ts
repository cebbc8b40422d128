import type {
  ChunkAt,
  ChunkSource,
  DecodePlan,
  LocalCopy,
  ScanRequest,
  StreamedChunk,
  StreamRequest,
} from '../ports/hashing.ts';

/** What the control thread asks of a bench. */
export type Task =
  | { readonly kind: 'scan'; readonly files: readonly ScanRequest[] }
  | { readonly kind: 'stream'; readonly file: StreamRequest; readonly windowBytes: number }
  | { readonly kind: 'encodeBatch'; readonly sources: readonly ChunkSource[] }
  | { readonly kind: 'encodeChunk'; readonly source: ChunkSource }
  | { readonly kind: 'prove'; readonly source: ChunkSource; readonly nonce: string }
  | { readonly kind: 'sign'; readonly path: string; readonly chunks: readonly ChunkAt[] }
  | { readonly kind: 'copyLocal'; readonly copies: readonly LocalCopy[] }
  | { readonly kind: 'decode'; readonly wanted: DecodePlan['wanted'] };

export type ToBench = { readonly job: number } & (
  | { readonly kind: 'start'; readonly task: Task }
  /** Of a decode: the next bytes of the stream. */
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'end' }
  /** Of a stream: so many bytes handed out have been taken. */
  | { readonly kind: 'taken'; readonly bytes: number }
  | { readonly kind: 'abort' }
);

export type FromBench = { readonly job: number } & (
  | { readonly kind: 'result'; readonly value: unknown }
  | { readonly kind: 'failed'; readonly message: string; readonly code: string | undefined }
  | { readonly kind: 'chunk'; readonly chunk: StreamedChunk }
  /** Of a decode: indices that are verified and written. */
  | { readonly kind: 'done'; readonly indices: readonly number[] }
  /** Of a decode: a block of bytes has been used; its memory comes back. */
  | { readonly kind: 'used'; readonly bytes: Uint8Array }
);

export type Post<Message> = (message: Message, transfer: readonly ArrayBuffer[]) => void;
