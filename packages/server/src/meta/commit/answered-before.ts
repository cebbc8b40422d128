import type { Operation, OperationResult } from '@satchel/protocol/commit.ts';
import type { OperationId, WorkspaceId } from '@satchel/protocol/ids.ts';
import { statement } from '../../ports/database.ts';
import type { EventRow, ObjectRow } from '../../ports/schema.ts';
import { EVENTS, VERSIONS } from '../object-statements.ts';
import { done } from './outcome.ts';
import type { CommitState } from './state.ts';

const appliedOperation = statement<{ workspaceId: WorkspaceId; operationId: OperationId }>()((q, arg) =>
  q
    .selectFrom('applied_operations')
    .select(['object_id', 'seq'])
    .where('workspace_id', '=', arg('workspaceId'))
    .where('operation_id', '=', arg('operationId')),
);

/**
 * The answer that the operation got when it was done (S4), or undefined when it never was: a refused operation has
 * changed nothing, so it is tried anew.
 */
export async function answeredBefore(
  state: CommitState,
  { operationId }: Operation,
): Promise<OperationResult | undefined> {
  const { tx, workspaceId } = state;
  const applied = await tx.first(appliedOperation, { workspaceId, operationId });
  if (applied === undefined) return undefined;
  const present = await state.load(applied.object_id);
  if (present?.workspace_id === workspaceId && present.seq === applied.seq) return done(present);
  const event = await tx.first(EVENTS.find, { workspaceId, seq: applied.seq });
  // Only when the object stood still for longer than the retention and then changed: the present state stands in. One
  // that is gone, or in another workspace, which is not told of here, makes the operation a new one.
  if (event === undefined) return present?.workspace_id === workspaceId ? done(present) : undefined;
  return done(await rowOf(state, event));
}

/** The object's row right after the event. */
async function rowOf(state: CommitState, event: EventRow): Promise<ObjectRow> {
  const version =
    event.version_after === null
      ? undefined
      : await state.tx.first(VERSIONS.find, { objectId: event.object_id, versionId: event.version_after });
  return {
    workspace_id: event.workspace_id,
    object_id: event.object_id,
    parent_id: event.parent_after,
    name: event.name_after,
    kind: event.kind,
    seq: event.seq,
    place_version: event.place_version,
    deleted_at: event.deleted === 1 ? event.at : null,
    version_id: version?.version_id ?? null,
    size: version?.size ?? 0,
    content_hash: version?.content_hash ?? null,
    mtime_ms: version?.mtime_ms ?? 0,
    executable: version?.executable ?? 0,
    chunk_count: version?.chunk_count ?? 0,
    manifest: version?.manifest ?? null,
    target: event.target_after,
    mounts: event.mounts,
    device_id: event.device_id,
    changed_at: event.at,
  };
}
