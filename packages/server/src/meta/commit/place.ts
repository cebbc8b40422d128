import { nameFault } from '@satchel/protocol/names.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import { isDevicePlace, type ObjectId } from '@satchel/protocol/ids.ts';
import type { ObjectRow } from '../../ports/schema.ts';
import { OBJECTS } from '../object-statements.ts';
import { refused, type Refusal } from './outcome.ts';
import type { CommitState } from './state.ts';

export interface Place {
  readonly parentId: ObjectId;
  readonly name: string;
}

export interface PlaceWish {
  readonly objectId: ObjectId;
  readonly place: Place;
  /** The object's row, where it has one. */
  readonly present: ObjectRow | undefined;
  /** Levels of objects below it that come along. */
  readonly height: number;
}

export function isAt(row: ObjectRow, place: Place): boolean {
  return row.parent_id === place.parentId && row.name === place.name;
}

/** Why the object cannot stand there, or undefined when it can. */
export async function placeFault(state: CommitState, wish: PlaceWish): Promise<Refusal | undefined> {
  const { place, present } = wish;
  const fault = nameFault(place.name);
  if (fault !== undefined)
    return refused('name_invalid', `“${place.name.slice(0, 300)}” cannot be a name: ${fault}.`, { present });
  const parentFault = await folderFault(state, place.parentId);
  if (parentFault !== undefined) return refused('parent_missing', parentFault, { present });
  const taken = await state.tx.first(OBJECTS.liveNamed, { workspaceId: state.workspaceId, ...place });
  if (taken !== undefined && taken.object_id !== wish.objectId)
    return refused('name_taken', `There is a ${taken.kind} “${place.name}” in this folder.`, { present, taken });
  if ((await state.depthOf(place.parentId)) + 1 + wish.height > LIMITS.depth)
    return refused('name_invalid', `Folders nest at most ${LIMITS.depth} deep; this would be deeper.`, { present });
  return undefined;
}

async function folderFault(state: CommitState, folderId: ObjectId): Promise<string | undefined> {
  if (folderId === state.workspace.root_id) return undefined;
  const folder = await state.load(folderId);
  if (folder === undefined || folder.workspace_id !== state.workspaceId)
    return `There is no folder ${folderId} in this workspace.`;
  if (folder.deleted_at !== null) return `The folder “${folder.name}” was deleted.`;
  if (folder.kind === 'mount') return `“${folder.name}” is a shared folder, a workspace of its own: commit there.`;
  return folder.kind === 'folder' ? undefined : `“${folder.name}” is a ${folder.kind} and holds nothing.`;
}

/** Why an id cannot be that of an object here: a folder of another meaning has it, or an object of another workspace. */
export function idFault(state: CommitState, id: ObjectId, row: ObjectRow | undefined): Refusal | undefined {
  if (isDevicePlace(id) || id === state.workspace.root_id)
    return refused('object_exists', `The id ${id} is that of a folder that is always there; make a new one.`);
  if (row === undefined || row.workspace_id === state.workspaceId) return undefined;
  // Nothing of the other workspace is told: the caller may not be a member of it.
  return refused('object_exists', `The id ${row.object_id} is used in another workspace; make a new one.`);
}
