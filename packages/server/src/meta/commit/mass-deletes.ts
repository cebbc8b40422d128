import { DELETE_WINDOW_MS, deletesAllowed, treeSizeThatCounts } from '@satchel/core/mass-deletes.ts';
import type { HeldDecided } from '@satchel/protocol/commit.ts';
import type { DeviceId, WorkspaceId } from '@satchel/protocol/ids.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import type { Caller } from '../../ports/chunk-ledger.ts';
import { statement } from '../../ports/database.ts';
import type { AcceptedDeletesRow, ObjectRow } from '../../ports/schema.ts';
import { expectRole } from '../access.ts';
import { auditWithin } from '../audit.ts';
import type { MetaParts } from '../parts.ts';
import { DIRECTORY, shardOfWorkspace, transactAll } from '../shards.ts';
import { refused, type Refusal } from './outcome.ts';
import type { CommitState } from './state.ts';

/** Deletions by a device since a moment, counted up to `most`. */
const recentDeletes = statement<{ workspaceId: WorkspaceId; deviceId: DeviceId; since: number; most: number }>()(
  (q, arg) =>
    q
      .selectFrom(
        q
          .selectFrom('events')
          .select('seq')
          .where('workspace_id', '=', arg('workspaceId'))
          .where('device_id', '=', arg('deviceId'))
          .where('at', '>', arg('since'))
          .where('action', '=', 'delete')
          .limit(arg('most'))
          .as('recent'),
      )
      .select((e) => e.fn.countAll<number>().as('count')),
);

/** Live objects of a workspace, counted up to `most`. */
const liveObjects = statement<{ workspaceId: WorkspaceId; most: number }>()((q, arg) =>
  q
    .selectFrom(
      q
        .selectFrom('objects')
        .select('object_id')
        .where('workspace_id', '=', arg('workspaceId'))
        .where('deleted_at', 'is', null)
        .limit(arg('most'))
        .as('live'),
    )
    .select((e) => e.fn.countAll<number>().as('count')),
);

const acceptance = statement<{ workspaceId: WorkspaceId; deviceId: DeviceId }>()((q, arg) =>
  q
    .selectFrom('accepted_deletes')
    .select('until')
    .where('workspace_id', '=', arg('workspaceId'))
    .where('device_id', '=', arg('deviceId')),
);

const accept = statement<AcceptedDeletesRow>()((q, arg) =>
  q
    .insertInto('accepted_deletes')
    .values({ workspace_id: arg('workspace_id'), device_id: arg('device_id'), until: arg('until') })
    .onConflict((conflict) => conflict.columns(['workspace_id', 'device_id']).doUpdateSet({ until: arg('until') })),
);

/**
 * Holds mass deletions of one device, as its own client does: the client may be what is broken (H69). The deletions
 * of one request stand or fall together. To be called when nothing else speaks against the deletion.
 */
export async function massDeleteFault(state: CommitState, present: ObjectRow): Promise<Refusal | undefined> {
  state.holdsDeletes ??= await holdsDeletes(state);
  if (!state.holdsDeletes) return undefined;
  return refused('held', `“${present.name}” stays until you confirm: this device deletes very much at once.`, {
    present,
  });
}

async function holdsDeletes(state: CommitState): Promise<boolean> {
  const { parts, tx, workspaceId, now, deletesAsked } = state;
  const limit = parts.settings.guardDeletes;
  if (limit === 'off') return false;
  const { deviceId } = state.caller;
  const since = now - DELETE_WINDOW_MS;
  const recent = (await tx.first(recentDeletes, { workspaceId, deviceId, since, most: limit + 1 }))?.count ?? 0;
  const deletes = recent + deletesAsked;
  if (deletes <= deletesAllowed(limit, 0)) return false;
  const live = (await tx.first(liveObjects, { workspaceId, most: treeSizeThatCounts(limit) }))?.count ?? 0;
  if (deletes <= deletesAllowed(limit, live + recent)) return false;
  const accepted = await tx.first(acceptance, { workspaceId, deviceId });
  return accepted === undefined || accepted.until <= now;
}

/**
 * The user of the device wants its deletions: for a while none are held in the workspace.
 * @throws CodedError('not_found' | 'read_only')
 */
export async function acceptDeletes(parts: MetaParts, caller: Caller, workspaceId: WorkspaceId): Promise<HeldDecided> {
  const { userId, deviceId } = caller;
  const shard = await shardOfWorkspace(parts, workspaceId);
  const until = parts.clock.now() + LIMITS.heldAcceptanceMs;
  await transactAll(parts.database, [DIRECTORY, shard], async (txOf) => {
    const tx = txOf(shard);
    await expectRole(parts, { shard, tx }, { caller, workspaceId }, 'editor');
    await tx.run(accept, { workspace_id: workspaceId, device_id: deviceId, until });
    const entry = { userId, deviceId, action: 'accept_held_deletes', details: { workspaceId, until } };
    await auditWithin(parts, txOf(DIRECTORY), entry);
  });
  return { until };
}
