import type { Operation, OperationResult } from '@satchel/protocol/commit.ts';
import { OBJECTS } from '../object-statements.ts';
import { massDeleteFault } from './mass-deletes.ts';
import { done, doneAlready, refused } from './outcome.ts';
import type { CommitState } from './state.ts';

/** Lays an object dead; its row, versions and chunks stay until the retention is over (S12). */
export async function remove(
  state: CommitState,
  { objectId, operationId, basePlaceVersion, baseVersionId }: Extract<Operation, { op: 'delete' }>,
): Promise<OperationResult> {
  const present = await state.load(objectId);
  if (present === undefined || present.workspace_id !== state.workspaceId)
    return refused('not_found', `There is no object ${objectId} in this workspace.`);
  if (present.deleted_at !== null) return doneAlready(state, operationId, present);
  if (present.kind === 'mount')
    return refused('forbidden', `“${present.name}” is a shared folder: leave the share instead.`, { present });
  if (present.place_version !== basePlaceVersion)
    return refused('stale', `“${present.name}” has been moved since.`, { present });
  if (present.kind === 'file' && present.version_id !== baseVersionId)
    return refused('stale', `“${present.name}” has been edited since.`, { present });
  const held = await massDeleteFault(state, present);
  if (held !== undefined) return held;
  if (present.kind === 'folder') {
    const child = await state.tx.first(OBJECTS.anyLiveChild, { workspaceId: state.workspaceId, parentId: objectId });
    if (child !== undefined) return refused('folder_not_empty', `“${present.name}” is not empty.`, { present });
  }
  return done(
    await state.apply({ action: 'delete', before: present, after: { ...present, deleted_at: state.now }, operationId }),
  );
}
