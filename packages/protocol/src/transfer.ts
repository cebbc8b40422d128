import { z } from 'zod';
import { ErrorCode } from './errors.ts';
import { ChunkId, DeviceId, ObjectId, UploadId, WorkspaceId } from './ids.ts';
import { LIMITS } from './limits.ts';
import { list } from './list.ts';
import { ChunkRef } from './objects.ts';

/** What is asked for each chunk of an upload. */
export const UploadRequest = z.object({
  workspaceId: WorkspaceId,
  files: list(
    z.object({
      uploadId: UploadId,
      objectId: ObjectId,
      /** A long file is announced in windows as it is read: index and byte offset of the first chunk listed here. */
      firstChunk: z.int().min(0),
      offset: z.int().min(0),
      chunks: list(ChunkRef, { max: LIMITS.chunksPerUploadRequest }),
    }),
    { min: 1, max: LIMITS.filesPerUploadRequest },
  ),
});
export type UploadRequest = z.infer<typeof UploadRequest>;

export const ChunkNeed = z.discriminatedUnion('need', [
  /** Stored, and now linked to the workspace: nothing to send. */
  z.object({ need: z.literal('nothing') }),
  /** Send it in `POST /chunks/batch`: raw, zstd or as a delta. */
  z.object({ need: z.literal('batch') }),
  /** PUT the raw bytes to `url` with these headers, or send it in a batch when it compresses. */
  z.object({ need: z.literal('put'), url: z.string(), headers: z.record(z.string(), z.string()) }),
  /** Stored for somebody else: show that you have the bytes (S7), by `POST /chunks/prove`, or send it in a batch. */
  z.object({ need: z.literal('prove'), nonce: z.string() }),
]);
export type ChunkNeed = z.infer<typeof ChunkNeed>;

/** Needs in the order of the chunks asked for, file by file; a chunk asked for twice is needed once. */
export const UploadAnswer = z.object({ files: z.array(z.object({ uploadId: UploadId, needs: z.array(ChunkNeed) })) });
export type UploadAnswer = z.infer<typeof UploadAnswer>;

/** `proof` = hex SHA-256 over the nonce's text, a newline, and the chunk's bytes. */
export const ProveRequest = z.object({
  workspaceId: WorkspaceId,
  proofs: list(z.object({ chunkId: ChunkId, nonce: z.string().max(256), proof: z.string().regex(/^[0-9a-f]{64}$/) }), {
    min: 1,
    max: 64,
  }),
});
export type ProveRequest = z.infer<typeof ProveRequest>;

/** `POST /chunks/batch?workspace_id=…&upload_id=…`; the body is a run of frames (`core/frame.ts`). */
export const BatchQuery = z.object({ workspace_id: WorkspaceId, upload_id: UploadId.optional() });

/** One entry per chunk sent or proved, in order. Refused ones changed nothing. */
export const ChunkResults = z.object({
  results: z.array(
    z.object({ chunkId: ChunkId, stored: z.boolean(), code: ErrorCode.optional(), detail: z.string().optional() }),
  ),
});
export type ChunkResults = z.infer<typeof ChunkResults>;

/** `POST /chunks/fetch`: answered by frames in the order asked for; `base` allows a delta against a chunk at hand. */
export const FetchRequest = z.object({
  workspaceId: WorkspaceId,
  chunks: list(z.object({ id: ChunkId, base: ChunkId.optional() }), { min: 1, max: LIMITS.fetchChunks }),
});
export type FetchRequest = z.infer<typeof FetchRequest>;

export const ChunkQuery = z.object({ workspace_id: WorkspaceId });

/**
 * `GET /workspaces/:workspace_id/damaged`: chunks of the workspace's versions that the store has lost, for devices that
 * still have the bytes to send again (H93). `next`: pass back as `after`; there may be more.
 */
export const DamagedQuery = z.object({ after: ChunkId.optional() });
export const DamagedChunks = z.object({ chunks: z.array(ChunkRef), next: ChunkId.optional() });
export type DamagedChunks = z.infer<typeof DamagedChunks>;

/** `GET /uploads?workspace_id=…`: what has arrived of files that devices are still uploading, for prefetch. */
export const PendingUploads = z.object({
  uploads: z.array(
    z.object({
      uploadId: UploadId,
      objectId: ObjectId,
      deviceId: DeviceId,
      /** Chunks that are stored, with their byte offset in the file to be. */
      arrived: z.array(z.object({ id: ChunkId, size: z.int(), offset: z.int() })),
      /** Pass back as `after` to get only what arrived since. */
      position: z.int(),
    }),
  ),
});
export type PendingUploads = z.infer<typeof PendingUploads>;
export const PendingUploadsQuery = z.object({
  workspace_id: WorkspaceId,
  upload_id: UploadId.optional(),
  after: z.coerce.number().int().min(0).optional(),
});
