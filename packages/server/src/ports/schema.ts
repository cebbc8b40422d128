import type { Kysely } from 'kysely';
import type {
  DeviceId,
  ObjectId,
  OperationId,
  UploadId,
  UserId,
  VersionId,
  WorkspaceId,
} from '@satchel/protocol/ids.ts';
import type { Role } from '@satchel/protocol/accounts.ts';
import type { ObjectKind } from '@satchel/protocol/objects.ts';
import type { ChunkLocation } from './chunk-ledger.ts';

/**
 * Columns of the metadata database. Times are ms since 1970, booleans 0 or 1, chunk ids and content hashes 32 bytes.
 *
 * Three groups, which may lie on different shards and are therefore never joined with each other in one statement:
 * the directory (users, administrators, invites, plans, subscriptions, devices, members, workspace_shards, audit_log, jobs), the chunks
 * (chunks), and the rest, which lies with its workspace.
 */
export interface Schema {
  readonly users: UserRow;
  readonly plans: PlanRow;
  readonly subscriptions: SubscriptionRow;
  readonly devices: DeviceRow;
  readonly administrators: AdministratorRow;
  readonly invites: InviteRow;
  readonly members: MemberRow;
  readonly workspace_shards: WorkspaceShardRow;
  readonly audit_log: AuditRow;
  readonly jobs: JobRow;
  readonly chunks: ChunkRow;
  readonly workspaces: WorkspaceRow;
  readonly objects: ObjectRow;
  readonly versions: VersionRow;
  readonly events: EventRow;
  readonly workspace_chunks: WorkspaceChunkRow;
  readonly links: LinkRow;
  readonly uploads: UploadRow;
  readonly upload_chunks: UploadChunkRow;
  readonly applied_operations: AppliedOperationRow;
  readonly accepted_deletes: AcceptedDeletesRow;
}
export type QueryBuilder = Kysely<Schema>;

export interface UserRow {
  readonly user_id: UserId;
  /** Lower case. */
  readonly email: string;
  readonly name: string;
  /** Instead of the plan's quota. */
  readonly quota_bytes: number | null;
  readonly created_at: number;
  readonly disabled_at: number | null;
}

export interface PlanRow {
  readonly plan: string;
  readonly quota_bytes: number;
  readonly retention_days: number;
}

/** The present one has no `until`. */
export interface SubscriptionRow {
  readonly user_id: UserId;
  readonly plan: string;
  readonly since: number;
  readonly until: number | null;
}

export interface DeviceRow {
  readonly device_id: DeviceId;
  readonly user_id: UserId;
  readonly name: string;
  readonly created_at: number;
  readonly last_seen_at: number;
  readonly revoked_at: number | null;
  /** 32 random bytes that its refresh tokens are made from (accounts/refresh-tokens.ts). */
  readonly refresh_salt: Uint8Array;
  /** Of the newest refresh token. */
  readonly refresh_generation: number;
}

/** Users who may look after the server over the wire. */
export interface AdministratorRow {
  readonly user_id: UserId;
  readonly since: number;
}

export interface InviteRow {
  /** SHA-256 in hex. */
  readonly invite_hash: string;
  /** The only address that may use it. */
  readonly email: string | null;
  readonly created_at: number;
  readonly expires_at: number;
  readonly used_at: number | null;
}

/** The access control list. */
export interface MemberRow {
  readonly workspace_id: WorkspaceId;
  readonly user_id: UserId;
  readonly role: Role;
  /** Where the workspace appears in the member's personal workspace; null for the personal workspace itself. */
  readonly mount_id: ObjectId | null;
  readonly created_at: number;
}

export interface WorkspaceShardRow {
  readonly workspace_id: WorkspaceId;
  readonly shard: number;
}

export interface AuditRow {
  /** An id in ULID layout, so that order of time is order of key. */
  readonly audit_id: string;
  readonly at: number;
  readonly user_id: UserId | null;
  readonly device_id: DeviceId | null;
  readonly action: string;
  /** JSON. */
  readonly details: string;
}

export interface JobRow {
  readonly job_id: string;
  readonly kind: string;
  readonly job_key: string | null;
  /** JSON. */
  readonly args: string;
  readonly state: 'waiting' | 'taken' | 'dead';
  readonly attempt: number;
  /** Not given out before: the end of the delay or of the lease. */
  readonly due_at: number;
  readonly reason: string | null;
}

export interface ChunkRow {
  readonly chunk_id: Uint8Array;
  readonly size: number;
  readonly store_key: string;
  readonly store_offset: number;
  readonly store_length: number;
  readonly encoding: ChunkLocation['encoding'];
  readonly state: 'stored' | 'damaged';
  readonly damage: string | null;
  /** Workspaces that are linked to it. Where shards differ it may be too high after a crash, never too low. */
  readonly links: number;
  /** When `links` last became 0, or the chunk was recorded: the grace of S5 counts from here. */
  readonly unlinked_at: number;
}

export interface WorkspaceRow {
  readonly workspace_id: WorkspaceId;
  readonly kind: 'personal' | 'shared';
  /** Pays for it with quota. */
  readonly owner_id: UserId;
  readonly root_id: ObjectId;
  /** 12 characters [0-9a-z] (S10). */
  readonly epoch: string;
  readonly head_seq: number;
  /** `digestText` over the live objects as of head_seq. */
  readonly digest: string;
  /** Sum of the sizes of the live files. */
  readonly used_bytes: number;
  /** Tombstones up to this seq may be gone: older cursors have expired. */
  readonly floor_seq: number;
  /** What the events up to this seq have replaced or deleted is purged. */
  readonly purged_seq: number;
  readonly created_at: number;
}

/**
 * Carries what a listing shows, so that a page is one range scan by (workspace_id, seq). Tombstones keep their last
 * place and content.
 */
export interface ObjectRow {
  readonly workspace_id: WorkspaceId;
  readonly object_id: ObjectId;
  readonly parent_id: ObjectId;
  readonly name: string;
  readonly kind: ObjectKind;
  readonly seq: number;
  readonly place_version: number;
  readonly deleted_at: number | null;
  /** Files: their newest version. */
  readonly version_id: VersionId | null;
  readonly size: number;
  readonly content_hash: Uint8Array | null;
  readonly mtime_ms: number;
  readonly executable: number;
  readonly chunk_count: number;
  /** Files of 2 to `LIMITS.inlineChunks` chunks: the encoded manifest. Fewer: size and hash say it all. */
  readonly manifest: Uint8Array | null;
  readonly target: string | null;
  readonly mounts: WorkspaceId | null;
  readonly device_id: DeviceId | null;
  readonly changed_at: number;
}

export interface VersionRow {
  readonly object_id: ObjectId;
  readonly version_id: VersionId;
  readonly workspace_id: WorkspaceId;
  readonly size: number;
  readonly content_hash: Uint8Array;
  readonly mtime_ms: number;
  readonly executable: number;
  readonly chunk_count: number;
  /** The encoded manifest (core/manifest.ts); null for files of one chunk, whose id is the content hash, and of none. */
  readonly manifest: Uint8Array | null;
  readonly device_id: DeviceId | null;
  readonly user_id: UserId;
  readonly created_at: number;
  /** When another version took its place: retention counts from here. Null: the newest, which lives as long as its object's row. */
  readonly superseded_at: number | null;
}

/** The append-only log of edits; purged after the retention. */
export interface EventRow {
  readonly workspace_id: WorkspaceId;
  readonly seq: number;
  readonly object_id: ObjectId;
  readonly operation_id: OperationId | null;
  readonly action: EventAction;
  readonly kind: ObjectKind;
  /** Place: null when it was not there or lay dead. Content: also what a dead one had. */
  readonly parent_before: ObjectId | null;
  readonly name_before: string | null;
  readonly version_before: VersionId | null;
  readonly target_before: string | null;
  readonly parent_after: ObjectId;
  readonly name_after: string;
  readonly version_after: VersionId | null;
  readonly target_after: string | null;
  readonly mounts: WorkspaceId | null;
  readonly place_version: number;
  readonly deleted: number;
  readonly device_id: DeviceId | null;
  readonly user_id: UserId;
  readonly at: number;
}
export type EventAction = 'create' | 'edit' | 'move' | 'delete' | 'revive' | 'share' | 'adopt';

/** What a workspace may use (S7), and how many of its versions do: a version counts once for each chunk it has. */
export interface WorkspaceChunkRow {
  readonly workspace_id: WorkspaceId;
  readonly chunk_id: Uint8Array;
  readonly size: number;
  readonly refs: number;
  /** When it was last linked or offered, or `refs` became 0: the grace of S5 counts from here. */
  readonly touched_at: number;
}

/** Public links; a later issue completes it. */
export interface LinkRow {
  readonly workspace_id: WorkspaceId;
  readonly link_id: string;
  readonly object_id: ObjectId;
  readonly created_by: UserId;
  readonly created_at: number;
  readonly expires_at: number | null;
}

/** Large files on their way, for prefetch by other devices. */
export interface UploadRow {
  readonly workspace_id: WorkspaceId;
  readonly upload_id: UploadId;
  readonly object_id: ObjectId;
  readonly user_id: UserId;
  readonly device_id: DeviceId;
  /** Chunks that have arrived: the newest position. */
  readonly arrived: number;
  readonly announced_at: number;
}

export interface UploadChunkRow {
  readonly workspace_id: WorkspaceId;
  readonly upload_id: UploadId;
  readonly file_offset: number;
  readonly chunk_id: Uint8Array;
  readonly size: number;
  /** 1 for the first that arrived; null while it is on its way. */
  readonly position: number | null;
}

/** Operations that were done (S4); refused ones changed nothing and are tried anew when repeated. */
export interface AppliedOperationRow {
  readonly workspace_id: WorkspaceId;
  readonly operation_id: OperationId;
  readonly object_id: ObjectId;
  /** The event that holds the state that was answered. */
  readonly seq: number;
  readonly at: number;
}

/** Mass deletions of the device are not held until then (H69). */
export interface AcceptedDeletesRow {
  readonly workspace_id: WorkspaceId;
  readonly device_id: DeviceId;
  readonly until: number;
}
