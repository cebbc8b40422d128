import { samePlace } from '@satchel/core/diff.ts';
import { DEVICE_PLACES, type ObjectId, type WorkspaceId } from '@satchel/protocol/ids.ts';
import type { Place } from '@satchel/core/tree.ts';
import type { TreeStore } from './trees.ts';

/**
 * A folder has become a mount, and across what is a border now things had been moved here, of which the server does
 * not know yet. Within a workspace a move keeps the id; across a border it is a new object that refers to the old one
 * (P15): with the old id the server could only refuse it. Call after `moveBelowToWorkspace`, with the mount recorded.
 * @param ownId the workspace in which the mount lies: that of the top of the tree
 */
export function renumberAcrossBorders(trees: TreeStore, ownId: WorkspaceId, newId: () => ObjectId): void {
  for (const id of trees.localAcrossBorders()) {
    const local = trees.local.get(id);
    const remote = trees.remote.get(id);
    if (local?.parentId === DEVICE_PLACES.limbo && remote !== undefined) {
      // It lies nowhere: where its name was taken by another one, it is not known yet what became of it.
      trees.putLocal({ ...local, workspaceId: remote.workspaceId });
      continue;
    }
    const wanted = workspaceWanted(trees, ownId, id);
    if (wanted === undefined || wanted === remote?.workspaceId) continue;
    const to = newId();
    trees.renumberLocal(id, to);
    const row = trees.local.get(to);
    if (row !== undefined) trees.putLocal({ ...row, workspaceId: wanted, movedFrom: id });
  }
}

/** Of the place where an object shall lie (P4). Undefined where moves of both sides make a circle. */
function workspaceWanted(trees: TreeStore, ownId: WorkspaceId, id: ObjectId): WorkspaceId | undefined {
  const path: ObjectId[] = [];
  for (let at = placeWanted(trees, id)?.parentId; at !== undefined; at = placeWanted(trees, at)?.parentId) {
    if (path.includes(at)) return undefined;
    path.push(at);
  }
  let wanted = ownId;
  for (const folderId of path.reverse()) {
    const remote = trees.remote.get(folderId);
    // A mount that was moved into another shared folder is none there.
    if (remote?.mounts !== undefined && remote.workspaceId === wanted) wanted = remote.mounts;
  }
  return wanted;
}

function placeWanted(trees: TreeStore, id: ObjectId): Place | undefined {
  const local = trees.local.get(id);
  const remote = trees.remote.get(id);
  const synced = trees.synced.get(id);
  if (local === undefined || remote === undefined || remote.deleted === true) return local ?? remote;
  const movedHere = synced === undefined || !samePlace(local, synced);
  const movedThere = synced === undefined || !samePlace(remote, synced);
  return movedHere && !movedThere ? local : remote;
}
