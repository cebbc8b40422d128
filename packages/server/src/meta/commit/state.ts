import { addTo, removeFrom, type Digest } from '@satchel/core/digest.ts';
import type { ObjectId, OperationId, UserId, WorkspaceId } from '@satchel/protocol/ids.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import type { Caller } from '../../ports/chunk-ledger.ts';
import { statement, type Transaction } from '../../ports/database.ts';
import type { EventAction, EventRow, ObjectRow, WorkspaceRow } from '../../ports/schema.ts';
import { expectRole } from '../access.ts';
import { EVENTS, OBJECTS } from '../object-statements.ts';
import type { MetaParts } from '../parts.ts';
import { fingerprintOf } from '../records.ts';
import type { OnShard } from '../shards.ts';

export interface CommitOpening {
  readonly parts: MetaParts;
  readonly on: OnShard;
  readonly caller: Caller;
  readonly workspace: WorkspaceRow;
  readonly digest: Digest;
}

/** A change of one object: the row as it was and as it shall be, but for seq, device and time. */
export interface Change {
  readonly action: EventAction;
  readonly before: ObjectRow | undefined;
  readonly after: ObjectRow;
  readonly operationId: OperationId | null;
}

const insertApplied = statement<{
  workspaceId: WorkspaceId;
  operationId: OperationId;
  objectId: ObjectId;
  seq: number;
  at: number;
}>()((q, arg) =>
  q
    .insertInto('applied_operations')
    .values({
      workspace_id: arg('workspaceId'),
      operation_id: arg('operationId'),
      object_id: arg('objectId'),
      seq: arg('seq'),
      at: arg('at'),
    })
    // One whose first answer cannot be told any more is done anew.
    .onConflict((conflict) =>
      conflict
        .columns(['workspace_id', 'operation_id'])
        .doUpdateSet({ object_id: arg('objectId'), seq: arg('seq'), at: arg('at') }),
    ),
);

const WRITES: Readonly<Record<EventAction, keyof typeof OBJECTS>> = {
  create: 'insert',
  edit: 'setContent',
  move: 'setPlace',
  delete: 'setDead',
  revive: 'setAll',
  share: 'setAll',
  adopt: 'setAll',
};

/**
 * A workspace while its lock is held: its head as it moves, and the rows that were looked at. Everything is written
 * as it happens but for the head, which `closeCommit` writes once.
 */
export class CommitState {
  readonly parts: MetaParts;
  readonly on: OnShard;
  readonly tx: Transaction;
  /** Who acts. */
  caller: Caller;
  readonly workspace: WorkspaceRow;
  readonly now: number;
  /** Folders whose contents or own record have changed. */
  readonly touchedFolders = new Set<ObjectId>();
  readonly #rows = new Map<ObjectId, ObjectRow | undefined>();
  readonly #depths = new Map<ObjectId, number>();
  readonly #writers = new Set<UserId>();
  head: number;
  digest: Digest;
  usedBytes: number;
  /** Bytes of quota that others of the owner's workspaces leave for this one; undefined until it is asked for. */
  allowance: number | undefined;
  /** Hex ids of chunks that are damaged; undefined until it is asked for. */
  damaged: ReadonlySet<string> | undefined;
  /** Deletes that the request at hand asks for, and whether they are held (H69); undefined until it is asked for. */
  deletesAsked = 0;
  holdsDeletes: boolean | undefined;
  /** Whether uploads are announced in this workspace; undefined until it is asked for. */
  hasUploads: boolean | undefined;

  constructor({ parts, on, caller, workspace, digest }: CommitOpening) {
    this.parts = parts;
    this.on = on;
    this.tx = on.tx;
    this.caller = caller;
    this.workspace = workspace;
    this.now = parts.clock.now();
    this.head = workspace.head_seq;
    this.digest = digest;
    this.usedBytes = workspace.used_bytes;
  }

  get workspaceId(): WorkspaceId {
    return this.workspace.workspace_id;
  }

  /**
   * From now on the caller acts, who has to be an editor; roles cannot change while the lock is held.
   * @throws CodedError('not_found' | 'read_only')
   */
  async actAs(caller: Caller): Promise<void> {
    if (!this.#writers.has(caller.userId)) {
      await expectRole(this.parts, this.on, { caller, workspaceId: this.workspaceId }, 'editor');
      this.#writers.add(caller.userId);
    }
    this.caller = caller;
  }

  /** The object's row, in whatever workspace it is. */
  async load(objectId: ObjectId): Promise<ObjectRow | undefined> {
    if (this.#rows.has(objectId)) return this.#rows.get(objectId);
    const row = await this.tx.first(OBJECTS.byId, { objectId });
    this.#rows.set(objectId, row);
    return row;
  }

  /**
   * Levels above a live folder's contents: 0 for the root.
   * @throws Error where the tree is damaged: a folder above it is missing, or lies in itself
   */
  async depthOf(folderId: ObjectId): Promise<number> {
    const path: ObjectId[] = [];
    let id = folderId;
    let depth = 0;
    while (id !== this.workspace.root_id) {
      const known = this.#depths.get(id);
      if (known !== undefined) {
        depth = known;
        break;
      }
      path.push(id);
      const row = await this.load(id);
      if (row === undefined || path.length > LIMITS.depth)
        throw new Error(`The folders above ${folderId} do not lead to the root: run doctor.`);
      id = row.parent_id;
    }
    for (const each of path.reverse()) this.#depths.set(each, ++depth);
    return depth;
  }

  /** Takes the next seq, writes row, event and operation, and keeps digest and usage. Returns the new row. */
  async apply(change: Change): Promise<ObjectRow> {
    const { action, before, operationId } = change;
    const placed = { ...change.after, workspace_id: this.workspaceId, seq: ++this.head };
    // What comes from another workspace was changed there, by whom and when it says.
    const row = action === 'adopt' ? placed : { ...placed, device_id: this.caller.deviceId, changed_at: this.now };
    await this.tx.run(OBJECTS[WRITES[action]] as typeof OBJECTS.insert, row);
    await this.tx.run(EVENTS.insert, this.#event(change, row));
    if (operationId !== null) await this.remember(operationId, row);
    const lived = before !== undefined && before.deleted_at === null;
    if (lived) this.#uncount(before);
    if (row.deleted_at === null) this.#count(row);
    this.touchedFolders.add(row.parent_id);
    if (before !== undefined) this.touchedFolders.add(before.parent_id);
    if (row.kind !== 'file') this.touchedFolders.add(row.object_id);
    if (action === 'move') this.#depths.clear();
    this.#rows.set(row.object_id, row);
    return row;
  }

  /** Records that the operation was answered with the object's state as of its seq (S4). */
  async remember(operationId: OperationId, row: ObjectRow): Promise<void> {
    await this.tx.run(insertApplied, {
      workspaceId: this.workspaceId,
      operationId,
      objectId: row.object_id,
      seq: row.seq,
      at: this.now,
    });
  }

  /** An object that has left the workspace otherwise than by an operation. */
  expel(row: ObjectRow): void {
    if (row.deleted_at === null) this.#uncount(row);
    this.#rows.delete(row.object_id);
    this.touchedFolders.add(row.parent_id);
    this.touchedFolders.add(row.object_id);
  }

  #count(row: ObjectRow): void {
    this.digest = addTo(this.digest, fingerprintOf(row));
    this.usedBytes += row.size;
  }

  #uncount(row: ObjectRow): void {
    this.digest = removeFrom(this.digest, fingerprintOf(row));
    this.usedBytes -= row.size;
  }

  #event({ action, before, operationId }: Change, row: ObjectRow): EventRow {
    const old = before?.deleted_at === null ? before : undefined;
    return {
      workspace_id: row.workspace_id,
      seq: row.seq,
      object_id: row.object_id,
      operation_id: operationId,
      action,
      kind: row.kind,
      parent_before: old?.parent_id ?? null,
      name_before: old?.name ?? null,
      version_before: before?.version_id ?? null,
      target_before: before?.target ?? null,
      parent_after: row.parent_id,
      name_after: row.name,
      version_after: row.version_id,
      target_after: row.target,
      mounts: row.mounts,
      place_version: row.place_version,
      deleted: row.deleted_at === null ? 0 : 1,
      device_id: row.device_id,
      user_id: this.caller.userId,
      at: this.now,
    };
  }
}
