import { z } from 'zod';
import { ChunkId, ContentHash, DeviceId, ObjectId, VersionId, WorkspaceId } from './ids.ts';
import { LIMITS } from './limits.ts';
import { list } from './list.ts';

export const ChunkRef = z.object({ id: ChunkId, size: z.int().min(1).max(LIMITS.chunkBytes) });
export type ChunkRef = z.infer<typeof ChunkRef>;

export const ObjectKind = z.enum(['file', 'folder', 'symlink', 'mount']);
export type ObjectKind = z.infer<typeof ObjectKind>;

/** Milliseconds since 1970 as a device saw it; carried along, never compared for order (C2). */
export const Mtime = z.int().min(-8.64e15).max(8.64e15);

/** An immutable content of a file, or the target of a symlink. */
export const Version = z.object({
  versionId: VersionId,
  size: z.int().min(0).max(LIMITS.fileBytes),
  contentHash: ContentHash,
  mtimeMs: Mtime,
  executable: z.boolean(),
  /** Inline while there are at most `LIMITS.inlineChunks`; otherwise `GET /files/metadata` tells. */
  chunks: z.array(ChunkRef).max(LIMITS.inlineChunks).optional(),
});
export type Version = z.infer<typeof Version>;

/** The newest known state of an object; what clients follow. */
export const ObjectRecord = z.object({
  objectId: ObjectId,
  /** The folder it lies in; the workspace's root id at the top. The root itself is never listed. */
  parentId: ObjectId,
  name: z.string(),
  kind: ObjectKind,
  seq: z.int().min(1),
  /** Counts moves and renames; the expectation of a move or delete (S4). */
  placeVersion: z.int().min(1),
  deleted: z.boolean().optional(),
  /** Files only. */
  version: Version.optional(),
  /** Symlinks only: the link's text. */
  target: z.string().optional(),
  /** Mounts only: the shared workspace that appears here. */
  mounts: WorkspaceId.optional(),
  /** Device of the last change. */
  deviceId: DeviceId.optional(),
  /** Server time of the last change, ms since 1970. */
  changedAt: z.int(),
});
export type ObjectRecord = z.infer<typeof ObjectRecord>;

/** `epoch.seq` (S10). */
export const Cursor = z.string().regex(/^[0-9a-z]{1,32}\.\d{1,16}$/);
export type Cursor = z.infer<typeof Cursor>;

export const ListQuery = z.object({
  workspace_id: WorkspaceId,
  /** Absent: from the beginning, live objects only. */
  cursor: Cursor.optional(),
  limit: z.coerce.number().int().min(1).max(LIMITS.pageObjects).optional(),
  device_id: DeviceId.optional(),
});

/** The change set since a cursor: latest state per object, ordered by seq, tombstones included. */
export const ListAnswer = z.object({
  workspaceId: WorkspaceId,
  rootId: ObjectId,
  cursor: Cursor,
  /** The workspace's newest seq when the answer was made. */
  head: z.int(),
  hasMore: z.boolean(),
  /** Over all live objects as of `cursor`; present when `hasMore` is false (S9). */
  digest: z.string().optional(),
  objects: z.array(ObjectRecord),
});
export type ListAnswer = z.infer<typeof ListAnswer>;

/** An edit of a chunk list: at index `at` of the base list, `remove` entries give way to `insert`. */
export const SpliceEdit = z.object({
  at: z.int().min(0),
  remove: z.int().min(0),
  insert: list(ChunkRef),
});
export type SpliceEdit = z.infer<typeof SpliceEdit>;

/** A whole chunk list, or edits against the list of a version that both sides know. Edits ascend and do not overlap. */
export const ChunkList = z.union([
  z.object({ chunks: list(ChunkRef, { max: LIMITS.chunksPerFile }) }),
  z.object({ baseVersionId: VersionId, edits: list(SpliceEdit, { max: 100_000 }) }),
]);
export type ChunkList = z.infer<typeof ChunkList>;

/** Exactly one of file_id, folder_id or path. */
export const MetadataQuery = z.object({
  workspace_id: WorkspaceId,
  file_id: ObjectId.optional(),
  folder_id: ObjectId.optional(),
  path: z.string().max(65_536).optional(),
  version_id: VersionId.optional(),
  /** The chunk list comes as a splice against this version when that is shorter. */
  base_version_id: VersionId.optional(),
  after: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(LIMITS.pageObjects).optional(),
});

export const MetadataAnswer = z.object({
  object: ObjectRecord.optional(),
  /** Files: the chunk list of `object.version` (or of the version asked for). */
  chunkList: ChunkList.optional(),
  /** Folders: contents in name order; `after` continues. */
  children: z.array(ObjectRecord).optional(),
  after: z.string().optional(),
});
export type MetadataAnswer = z.infer<typeof MetadataAnswer>;
