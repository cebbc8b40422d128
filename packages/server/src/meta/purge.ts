import type { ObjectId, WorkspaceId } from '@satchel/protocol/ids.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import { statement, type ShardId, type Transaction } from '../ports/database.ts';
import type { ObjectRow, VersionRow, WorkspaceRow } from '../ports/schema.ts';
import { eachWorkspace } from './each-workspace.ts';
import { forgetOldUploads } from './ledger/uploads.ts';
import { EVENTS, OBJECTS, VERSIONS } from './object-statements.ts';
import type { MetaParts } from './parts.ts';
import { readPlan } from './quota.ts';
import { chunkListOf } from './records.ts';
import { directoryFrom } from './shards.ts';
import { WORKSPACES, WORKSPACE_CHUNKS } from './workspace-statements.ts';

/** What a purge has dropped. */
export interface PurgeReport {
  readonly versions: number;
  readonly objects: number;
  readonly operations: number;
  readonly uploads: number;
}

type PurgeParts = Pick<MetaParts, 'database' | 'clock'>;
type Counts = { -readonly [K in keyof PurgeReport]: PurgeReport[K] };

/** Events looked at in one transaction. */
const BATCH = 200;
const DAY_MS = 24 * 3_600_000;

/** Operations and events forgotten in one transaction. */
const MOST_FORGOTTEN = 1000;

const removeOldOperations = statement<{ workspaceId: WorkspaceId; before: number; limit: number }>()((q, arg) =>
  q
    .deleteFrom('applied_operations')
    .where('workspace_id', '=', arg('workspaceId'))
    .where('operation_id', 'in', (e) =>
      e
        .selectFrom('applied_operations')
        .select('operation_id')
        .where('workspace_id', '=', arg('workspaceId'))
        .where('at', '<', arg('before'))
        .limit(arg('limit')),
    ),
);

/**
 * Drops old versions and deleted files that are past the retention of their owner's plan (S12), what is known of
 * operations and events that old, and uploads that were given up. The journal says in its order what was replaced or
 * deleted when, so the work is what has passed the retention since the last time. Chunks lose their references here;
 * their bytes go by collection, after its grace (S5).
 */
export async function purge(parts: PurgeParts, signal?: AbortSignal): Promise<PurgeReport> {
  const counts: Counts = { versions: 0, objects: 0, operations: 0, uploads: 0 };
  for await (const { shard, workspaceId } of eachWorkspace(parts.database, signal)) {
    while (await purgeWorkspace(parts, shard, workspaceId, counts)) if (signal?.aborted) return counts;
  }
  for (const shard of parts.database.shards) {
    let dropped = 0;
    do {
      dropped = await parts.database.transact(shard, async (tx) => forgetOldUploads(tx, parts.clock.now()));
      counts.uploads += dropped;
    } while (dropped > 0);
  }
  return counts;
}

/** One bounded transaction. Returns whether there is more to do. */
async function purgeWorkspace(
  parts: PurgeParts,
  shard: ShardId,
  workspaceId: WorkspaceId,
  counts: Counts,
): Promise<boolean> {
  const batch = await parts.database.transact(shard, async (tx) => {
    const workspace = await tx.first(WORKSPACES.lock, { workspaceId });
    if (workspace === undefined) return undefined;
    const { retention_days: days } = await readPlan(directoryFrom(parts, { shard, tx }), workspace.owner_id);
    return purgeBatch(tx, workspace, parts.clock.now(), days * DAY_MS);
  });
  counts.versions += batch?.versions ?? 0;
  counts.objects += batch?.objects ?? 0;
  counts.operations += batch?.operations ?? 0;
  return batch?.more ?? false;
}

async function purgeBatch(tx: Transaction, workspace: WorkspaceRow, now: number, retentionMs: number) {
  const { workspace_id: workspaceId } = workspace;
  const before = now - retentionMs;
  const events = await tx.all(EVENTS.after, { workspaceId, seq: workspace.purged_seq, before, limit: BATCH });
  let floorSeq = workspace.floor_seq;
  let versions = 0;
  let objects = 0;
  for (const event of events) {
    const row = await tx.first(OBJECTS.byId, { objectId: event.object_id });
    const { version_before: replaced, version_after: by } = event;
    if (replaced !== null && replaced !== by && replaced !== row?.version_id)
      versions += await dropVersion(tx, event.object_id, replaced, now);
    if (event.deleted === 1 && row !== undefined && isSameDeath(row, workspaceId, event.seq)) {
      versions += await dropObject(tx, row, now);
      objects++;
      floorSeq = Math.max(floorSeq, row.seq);
    }
  }
  const purgedSeq = events.at(-1)?.seq ?? workspace.purged_seq;
  if (events.length > 0) await tx.run(WORKSPACES.setPurged, { workspaceId, floorSeq, purgedSeq });
  const more = events.length === BATCH;
  if (more) return { versions, objects, operations: 0, more };
  const forgotten = now - Math.max(retentionMs, LIMITS.operationMemoryMs);
  const old = { workspaceId, before: forgotten, limit: MOST_FORGOTTEN };
  const oldEvents = await tx.run(EVENTS.removeOld, { ...old, seq: purgedSeq });
  const operations = await tx.run(removeOldOperations, old);
  return { versions, objects, operations, more: Math.max(oldEvents, operations) === MOST_FORGOTTEN };
}

/** Whether the object still lies dead from that event, and in this workspace. */
function isSameDeath(row: ObjectRow, workspaceId: WorkspaceId, seq: number): boolean {
  return row.workspace_id === workspaceId && row.deleted_at !== null && row.seq === seq;
}

async function dropObject(tx: Transaction, row: ObjectRow, now: number): Promise<number> {
  const versions = await tx.all(VERSIONS.ofObject, { objectId: row.object_id });
  for (const version of versions) await dropRow(tx, version, now);
  await tx.run(OBJECTS.remove, { objectId: row.object_id });
  return versions.length;
}

async function dropVersion(
  tx: Transaction,
  objectId: ObjectId,
  versionId: VersionRow['version_id'],
  now: number,
): Promise<number> {
  const version = await tx.first(VERSIONS.find, { objectId, versionId });
  if (version === undefined) return 0;
  await dropRow(tx, version, now);
  return 1;
}

async function dropRow(tx: Transaction, version: VersionRow, now: number): Promise<void> {
  const { workspace_id: workspaceId, object_id: objectId, version_id: versionId } = version;
  for (const id of new Set(chunkListOf(version).map((chunk) => chunk.id)))
    await tx.run(WORKSPACE_CHUNKS.removeRefs, { workspaceId, chunkId: Uint8Array.fromHex(id), count: 1, now });
  await tx.run(VERSIONS.remove, { objectId, versionId });
}
