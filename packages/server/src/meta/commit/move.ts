import { LIMITS } from '@satchel/protocol/limits.ts';
import type { Operation, OperationResult } from '@satchel/protocol/commit.ts';
import type { ObjectId } from '@satchel/protocol/ids.ts';
import type { ObjectRow } from '../../ports/schema.ts';
import { OBJECTS } from '../object-statements.ts';
import { done, doneAlready, refused } from './outcome.ts';
import { isAt, placeFault } from './place.ts';
import type { CommitState } from './state.ts';

/** A new place for an object; a folder takes along what lies in it, and only its own row changes. */
export async function move(
  state: CommitState,
  { objectId, operationId, place, basePlaceVersion }: Extract<Operation, { op: 'move' }>,
): Promise<OperationResult> {
  const present = await state.load(objectId);
  if (present === undefined || present.workspace_id !== state.workspaceId)
    return refused('not_found', `There is no object ${objectId} in this workspace.`);
  if (present.deleted_at !== null) return refused('stale', `“${present.name}” was deleted.`, { present });
  if (isAt(present, place)) return doneAlready(state, operationId, present);
  if (present.place_version !== basePlaceVersion)
    return refused('stale', `“${present.name}” has been moved since.`, { present });
  if (present.kind === 'folder' && (await liesIn(state, place.parentId, objectId)))
    return refused('would_cycle', `“${present.name}” would lie inside itself.`, { present });
  const height = await heightThatCounts(state, present, place.parentId);
  const fault = await placeFault(state, { objectId, place, present, height });
  if (fault !== undefined) return fault;
  const after = {
    ...present,
    parent_id: place.parentId,
    name: place.name,
    place_version: present.place_version + 1,
  };
  return done(await state.apply({ action: 'move', before: present, after, operationId }));
}

/** Whether a folder is `ancestorId` or lies below it. */
async function liesIn(state: CommitState, folderId: ObjectId, ancestorId: ObjectId): Promise<boolean> {
  let id = folderId;
  // A damaged tree may have a cycle already; depth bounds the walk.
  for (let level = 0; level <= LIMITS.depth && id !== state.workspace.root_id; level++) {
    if (id === ancestorId) return true;
    const row = await state.load(id);
    if (row === undefined) return false;
    id = row.parent_id;
  }
  return false;
}

/** Levels below the object, as far as they matter: they do when it comes to lie deeper. */
async function heightThatCounts(state: CommitState, row: ObjectRow, parentId: ObjectId): Promise<number> {
  if (row.kind !== 'folder' || row.parent_id === parentId) return 0;
  const parent = parentId === state.workspace.root_id ? undefined : await state.load(parentId);
  if (parent === undefined) return 0;
  if ((await state.depthOf(parentId)) <= (await state.depthOf(row.parent_id))) return 0;
  const deepest = await state.tx.first(OBJECTS.height, {
    workspaceId: state.workspaceId,
    objectId: row.object_id,
    most: LIMITS.depth,
  });
  return deepest?.level ?? 0;
}
