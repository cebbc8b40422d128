import { z } from 'zod';
import { ErrorCode } from './errors.ts';
import { ContentHash, ObjectId, OperationId, VersionId, WorkspaceId } from './ids.ts';
import { LIMITS } from './limits.ts';
import { list } from './list.ts';
import { Name } from './names.ts';
import { ChunkList, Mtime, ObjectRecord } from './objects.ts';

const Place = z.object({ parentId: ObjectId, name: Name });

/**
 * A new version of a file. `place` present: the object is new, or is brought back from the dead; `baseVersionId`
 * null: no version is known of it. The expectation (S4) is that `baseVersionId` is still its newest version.
 */
export const PutOperation = z.object({
  op: z.literal('put'),
  operationId: OperationId,
  objectId: ObjectId,
  place: Place.optional(),
  baseVersionId: VersionId.nullable(),
  content: z.object({
    size: z.int().min(0).max(LIMITS.fileBytes),
    contentHash: ContentHash,
    mtimeMs: Mtime,
    executable: z.boolean(),
    list: ChunkList,
  }),
});

/** A new folder, or a deleted one brought back under the same id. */
export const MkdirOperation = z.object({
  op: z.literal('mkdir'),
  operationId: OperationId,
  objectId: ObjectId,
  place: Place,
});

/** A new symlink, a new target for one (`baseTarget` is the expectation), or a deleted one brought back (with `place`). */
export const SymlinkOperation = z.object({
  op: z.literal('symlink'),
  operationId: OperationId,
  objectId: ObjectId,
  place: Place.optional(),
  baseTarget: z.string().nullable(),
  target: z.string().min(1).max(LIMITS.symlinkTargetBytes),
});

export const MoveOperation = z.object({
  op: z.literal('move'),
  operationId: OperationId,
  objectId: ObjectId,
  place: Place,
  basePlaceVersion: z.int(),
});

/** A folder must be empty: its contents are deleted by operations of their own, so that only seen things go. */
export const DeleteOperation = z.object({
  op: z.literal('delete'),
  operationId: OperationId,
  objectId: ObjectId,
  basePlaceVersion: z.int(),
  /** Files: the version that the deleter had seen. */
  baseVersionId: VersionId.nullable(),
});

export const Operation = z.discriminatedUnion('op', [
  PutOperation,
  MkdirOperation,
  SymlinkOperation,
  MoveOperation,
  DeleteOperation,
]);
export type Operation = z.infer<typeof Operation>;
export type PutOperation = z.infer<typeof PutOperation>;

/** Applied in order, in one transaction, each on its own: a refused one changes nothing and the next is tried. */
export const CommitRequest = z.object({
  workspaceId: WorkspaceId,
  operations: list(Operation, { min: 1, max: LIMITS.operationsPerCommit }),
});
export type CommitRequest = z.infer<typeof CommitRequest>;

export const OperationResult = z.discriminatedUnion('outcome', [
  /** `object` is the state right after this operation. */
  z.object({ outcome: z.literal('done'), object: ObjectRecord }),
  z.object({
    outcome: z.literal('refused'),
    code: ErrorCode,
    detail: z.string(),
    /** The present state of the object, where it exists. */
    object: ObjectRecord.optional(),
    /** `name_taken`: the object that has the name. */
    taken: ObjectRecord.optional(),
    /** `chunk_missing`: hex ids, the first thousand. */
    missing: z.array(z.string()).optional(),
  }),
]);
export type OperationResult = z.infer<typeof OperationResult>;

/** `accept`: the user wants the deletions of this device that were refused as `held`. */
export const HeldDecision = z.object({ decision: z.literal('accept') });
export type HeldDecision = z.infer<typeof HeldDecision>;

/** Until when deletions of this device are not held in the workspace, ms since 1970. */
export const HeldDecided = z.object({ until: z.int() });
export type HeldDecided = z.infer<typeof HeldDecided>;

/** A commit of a single operation also answers with that operation's HTTP status (409 when stale). */
export const CommitAnswer = z.object({
  results: z.array(OperationResult),
  /** The workspace's newest seq after the commit. */
  head: z.int(),
  /** What all seqs here count in, as in cursors: another one than before tells that the server was restored (S10). */
  epoch: z.string().optional(),
});
export type CommitAnswer = z.infer<typeof CommitAnswer>;
