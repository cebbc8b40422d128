import type { ChunkId, DeviceId, ObjectId, UploadId, UserId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { ChunkRef } from '@satchel/protocol/objects.ts';
import type { BlockKey } from './block-store.ts';

/** Who asks: what the gateway has proved of a request. */
export interface Caller {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
}

/** Where a chunk's stored bytes lie and how they are encoded before encryption. */
export interface ChunkLocation {
  readonly key: BlockKey;
  readonly offset: number;
  /** Stored bytes, encryption included. */
  readonly length: number;
  readonly encoding: 'raw' | 'zstd';
}

export interface StoredChunk extends ChunkRef {
  readonly location: ChunkLocation;
}

/** A chunk as it is recorded, for upkeep. */
export interface RecordedChunk extends StoredChunk {
  /** It failed its check, and was neither sent again nor found whole since (H93). */
  readonly isDamaged: boolean;
}

/** A storage object and where the last recorded chunk in it ends. */
export interface UsedObject {
  readonly key: BlockKey;
  readonly endBytes: number;
}

/**
 * `linked`: usable by the workspace. `elsewhere`: stored, but only others are linked to it (S7). `damaged`: versions of
 * the workspace use it and its bytes are lost (H93): to be sent again, and it needs no room that it does not have.
 */
export type ChunkStanding = 'linked' | 'elsewhere' | 'damaged' | 'unknown';

/**
 * What the Block Service may ask of and tell the Meta Service: a function call in one process, an RPC between
 * processes. The Block Service never opens the metadata database.
 *
 * All throw CodedError('not_found') when the caller is no member of the workspace, and 'read_only' where a
 * viewer would write.
 */
export interface ChunkLedger {
  /** Locations of the chunks that the workspace is linked to; others are left out, stored or not (S7). */
  locate(caller: Caller, workspaceId: WorkspaceId, ids: readonly ChunkId[]): Promise<ReadonlyMap<ChunkId, StoredChunk>>;
  /** For a proof of possession only: the location whoever is linked. Never answered to a client. */
  locateAny(ids: readonly ChunkId[]): Promise<ReadonlyMap<ChunkId, StoredChunk>>;
  /**
   * Standing of each chunk in order. A chunk that another workspace of the same user is linked to is linked here too,
   * in the same transaction (S5: reference before use).
   */
  stand(caller: Caller, workspaceId: WorkspaceId, chunks: readonly ChunkRef[]): Promise<readonly ChunkStanding[]>;
  /** Records durably stored chunks and links them to the workspace. A chunk that is stored already keeps its first location. */
  recordStored(caller: Caller, workspaceId: WorkspaceId, chunks: readonly StoredChunk[]): Promise<void>;
  /** Links chunks whose possession was proved. */
  linkProved(caller: Caller, workspaceId: WorkspaceId, ids: readonly ChunkId[]): Promise<void>;
  /** Quota check before bytes are taken in; the commit checks again (S8). Throws 'quota_exceeded'. */
  expectRoom(caller: Caller, workspaceId: WorkspaceId, bytes: number): Promise<void>;
  /** A stored chunk failed its check on reading: it is offered for re-upload from then on (H93) and listed by doctor. */
  recordDamaged(id: ChunkId, reason: string): Promise<void>;
  /** A chunk that is recorded as damaged was found whole at this place after all: the fault was one of reading. */
  recordSound(id: ChunkId, at: ChunkLocation): Promise<void>;
  /** Replaces the location of chunks (healing, repacking) when the old location is still the recorded one. */
  relocate(id: ChunkId, from: ChunkLocation, to: ChunkLocation): Promise<boolean>;
  /** Every recorded chunk in id order after `after`, for scrub and doctor. */
  scan(after: ChunkId | undefined, limit: number): Promise<readonly RecordedChunk[]>;
  /**
   * Forgets chunks that nothing has referred to for the grace period, and returns their locations, none when there are no
   * more; the caller then
   * deletes the bytes where nothing else lies (S5: reference removed first, bytes last).
   */
  forgetUnreferenced(olderThan: number, limit: number): Promise<readonly StoredChunk[]>;
  /** Storage objects that recorded chunks lie in, in order of key after `after`, for doctor and backups. */
  objects(after: BlockKey | undefined, limit: number): Promise<readonly UsedObject[]>;
  /** Whether any recorded chunk lies in this storage object. */
  usesKey(key: BlockKey): Promise<boolean>;
  /** Uploads in progress, for prefetch by other devices: announced by upload_request, forgotten at commit or after a day. */
  announceUpload(caller: Caller, upload: UploadAnnouncement): Promise<void>;
}

export interface UploadAnnouncement {
  readonly workspaceId: WorkspaceId;
  readonly uploadId: UploadId;
  readonly objectId: ObjectId;
  readonly firstChunk: number;
  readonly offset: number;
  readonly chunks: readonly ChunkRef[];
}
