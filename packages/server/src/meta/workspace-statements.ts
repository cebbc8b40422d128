import type { UserId, WorkspaceId } from '@satchel/protocol/ids.ts';
import { statement } from '../ports/database.ts';
import type { WorkspaceRow } from '../ports/schema.ts';
import { placeholders } from './placeholders.ts';

const WORKSPACE_COLUMNS: Readonly<Record<keyof WorkspaceRow, true>> = {
  workspace_id: true,
  kind: true,
  owner_id: true,
  root_id: true,
  epoch: true,
  head_seq: true,
  digest: true,
  used_bytes: true,
  floor_seq: true,
  purged_seq: true,
  created_at: true,
};

interface Advance {
  readonly workspaceId: WorkspaceId;
  readonly headSeq: number;
  readonly digest: string;
  readonly usedBytes: number;
}

export const WORKSPACES = {
  find: statement<{ workspaceId: WorkspaceId }>()((q, arg) =>
    q.selectFrom('workspaces').selectAll().where('workspace_id', '=', arg('workspaceId')),
  ),
  /**
   * Reads the row and takes its lock (S3). A change to itself, since `for update` is not understood by every dialect
   * and an update locks in all of them.
   */
  lock: statement<{ workspaceId: WorkspaceId }>()((q, arg) =>
    q
      .updateTable('workspaces')
      .set((e) => ({ head_seq: e.ref('head_seq') }))
      .where('workspace_id', '=', arg('workspaceId'))
      .returningAll(),
  ),
  advance: statement<Advance>()((q, arg) =>
    q
      .updateTable('workspaces')
      .set({ head_seq: arg('headSeq'), digest: arg('digest'), used_bytes: arg('usedBytes') })
      .where('workspace_id', '=', arg('workspaceId')),
  ),
  insert: statement<WorkspaceRow>()((q, arg) =>
    q.insertInto('workspaces').values(placeholders(arg, WORKSPACE_COLUMNS)),
  ),
  setOwner: statement<{ workspaceId: WorkspaceId; ownerId: UserId }>()((q, arg) =>
    q
      .updateTable('workspaces')
      .set({ owner_id: arg('ownerId') })
      .where('workspace_id', '=', arg('workspaceId')),
  ),
  setEpoch: statement<{ workspaceId: WorkspaceId; epoch: string }>()((q, arg) =>
    q
      .updateTable('workspaces')
      .set({ epoch: arg('epoch') })
      .where('workspace_id', '=', arg('workspaceId')),
  ),
  setPurged: statement<{ workspaceId: WorkspaceId; floorSeq: number; purgedSeq: number }>()((q, arg) =>
    q
      .updateTable('workspaces')
      .set({ floor_seq: arg('floorSeq'), purged_seq: arg('purgedSeq') })
      .where('workspace_id', '=', arg('workspaceId')),
  ),
  /** All workspaces in id order, page by page. */
  after: statement<{ after: string; limit: number }>()((q, arg) =>
    q
      .selectFrom('workspaces')
      .selectAll()
      .where('workspace_id', '>', arg('after') as WorkspaceId)
      .orderBy('workspace_id')
      .limit(arg('limit')),
  ),
  usedByOthers: statement<{ ownerId: UserId; except: WorkspaceId }>()((q, arg) =>
    q
      .selectFrom('workspaces')
      .select((e) => e.fn.coalesce(e.fn.sum<number>('used_bytes'), e.lit(0)).as('used'))
      .where('owner_id', '=', arg('ownerId'))
      .where('workspace_id', '<>', arg('except')),
  ),
} as const;

export const WORKSPACE_CHUNKS = {
  find: statement<{ workspaceId: WorkspaceId; chunkId: Uint8Array }>()((q, arg) =>
    q
      .selectFrom('workspace_chunks')
      .select(['size', 'refs', 'touched_at'])
      .where('workspace_id', '=', arg('workspaceId'))
      .where('chunk_id', '=', arg('chunkId')),
  ),
  insert: statement<{ workspaceId: WorkspaceId; chunkId: Uint8Array; size: number; refs: number; now: number }>()(
    (q, arg) =>
      q.insertInto('workspace_chunks').values({
        workspace_id: arg('workspaceId'),
        chunk_id: arg('chunkId'),
        size: arg('size'),
        refs: arg('refs'),
        touched_at: arg('now'),
      }),
  ),
  /** Nothing changes where the workspace is linked to it already. */
  insertNew: statement<{ workspaceId: WorkspaceId; chunkId: Uint8Array; size: number; now: number }>()((q, arg) =>
    q
      .insertInto('workspace_chunks')
      .values((e) => ({
        workspace_id: arg('workspaceId'),
        chunk_id: arg('chunkId'),
        size: arg('size'),
        refs: e.lit(0),
        touched_at: arg('now'),
      }))
      .onConflict((conflict) => conflict.columns(['workspace_id', 'chunk_id']).doNothing()),
  ),
  /** One more version uses it, if the workspace may and the size is right. */
  addRef: statement<{ workspaceId: WorkspaceId; chunkId: Uint8Array; size: number }>()((q, arg) =>
    q
      .updateTable('workspace_chunks')
      .set((e) => ({ refs: e('refs', '+', 1) }))
      .where('workspace_id', '=', arg('workspaceId'))
      .where('chunk_id', '=', arg('chunkId'))
      .where('size', '=', arg('size')),
  ),
  /** So many versions less use it; the grace begins anew. */
  removeRefs: statement<{ workspaceId: WorkspaceId; chunkId: Uint8Array; count: number; now: number }>()((q, arg) =>
    q
      .updateTable('workspace_chunks')
      .set((e) => ({ refs: e('refs', '-', arg('count')), touched_at: arg('now') }))
      .where('workspace_id', '=', arg('workspaceId'))
      .where('chunk_id', '=', arg('chunkId')),
  ),
  touch: statement<{ workspaceId: WorkspaceId; chunkId: Uint8Array; now: number }>()((q, arg) =>
    q
      .updateTable('workspace_chunks')
      .set({ touched_at: arg('now') })
      .where('workspace_id', '=', arg('workspaceId'))
      .where('chunk_id', '=', arg('chunkId')),
  ),
  /** Links that no version uses, longest unused first. */
  unused: statement<{ olderThan: number; limit: number }>()((q, arg) =>
    q
      .selectFrom('workspace_chunks')
      .select(['workspace_id', 'chunk_id', 'touched_at'])
      .where('refs', '=', 0)
      .where('touched_at', '<', arg('olderThan'))
      .orderBy('touched_at')
      .limit(arg('limit')),
  ),
  remove: statement<{ workspaceId: WorkspaceId; chunkId: Uint8Array }>()((q, arg) =>
    q
      .deleteFrom('workspace_chunks')
      .where('workspace_id', '=', arg('workspaceId'))
      .where('chunk_id', '=', arg('chunkId')),
  ),
} as const;
