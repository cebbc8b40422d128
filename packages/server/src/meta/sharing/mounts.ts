import { utf8Length, utf8Prefix } from '@satchel/core/utf8.ts';
import type { ObjectId, WorkspaceId } from '@satchel/protocol/ids.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import { newRow } from '../commit/new-row.ts';
import type { CommitState } from '../commit/state.ts';
import { OBJECTS } from '../object-statements.ts';
import { freshId } from '../parts.ts';

/** Makes a shared workspace appear at the top of a member's personal workspace. Returns the mount's id. */
export async function addMount(state: CommitState, sharedId: WorkspaceId, wanted: string): Promise<ObjectId> {
  const objectId = freshId<ObjectId>(state.parts);
  const place = { parentId: state.workspace.root_id, name: await freeName(state, wanted) };
  const after = { ...newRow(state, { objectId, kind: 'mount', place }), mounts: sharedId };
  await state.apply({ action: 'create', before: undefined, after, operationId: null });
  return objectId;
}

/** Takes it away again. One that is gone already is no matter. */
export async function removeMount(state: CommitState, mountId: ObjectId): Promise<void> {
  const row = await state.load(mountId);
  if (row === undefined || row.workspace_id !== state.workspaceId || row.deleted_at !== null) return;
  await state.apply({ action: 'delete', before: row, after: { ...row, deleted_at: state.now }, operationId: null });
}

/** The name, or with “ (2)”, “ (3)” … behind it, cut so that it fits. */
async function freeName(state: CommitState, wanted: string): Promise<string> {
  const { workspaceId, tx } = state;
  const parentId = state.workspace.root_id;
  for (let number = 1; ; number++) {
    const suffix = number === 1 ? '' : ` (${number})`;
    const name = utf8Prefix(wanted, LIMITS.nameBytes - utf8Length(suffix)) + suffix;
    if ((await tx.first(OBJECTS.liveNamed, { workspaceId, parentId, name })) === undefined) return name;
  }
}
