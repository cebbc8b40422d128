import type { ObjectId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { RemoteRow } from '../state/rows.ts';
import type { TreeStore } from '../state/trees.ts';
import type { WorkspaceStore } from '../state/workspaces.ts';

interface Deps {
  readonly trees: TreeStore;
  readonly workspaces: WorkspaceStore;
  readonly newId: () => ObjectId;
}

/**
 * S10: a restored server knows nothing of a share that is known here. What lies in it belongs to the workspace around
 * it, where it is merged by content, and nothing of it is deleted.
 * @param mount as it was known
 * @param ids `kept`: the folder is there as it was before it was shared, with what was in it then. `new`: it is not, and
 *   the share may live on with others in it, to whom the ids belong
 */
export function forgetShare(
  { trees, workspaces, newId }: Deps,
  { objectId: folderId, workspaceId, mounts }: RemoteRow & { readonly mounts: WorkspaceId },
  ids: 'kept' | 'new',
): void {
  // What was listed anew has the other workspace already.
  for (const row of trees.remoteIn(mounts)) trees.removeRemote(row.objectId);
  for (const id of below(trees.synced, folderId)) trees.removeSynced(id);
  trees.moveBelowToWorkspace(folderId, workspaceId);
  if (ids === 'new') for (const id of below(trees.local, folderId)) trees.renumberLocal(id, newId());
  workspaces.remove(mounts);
}

function below(tree: TreeStore['local'] | TreeStore['synced'], folderId: ObjectId): ObjectId[] {
  const found: ObjectId[] = [];
  const folders = [folderId];
  for (let at = folders.pop(); at !== undefined; at = folders.pop()) {
    for (const { objectId, content } of tree.children(at)) {
      found.push(objectId);
      if (content.kind !== 'file') folders.push(objectId);
    }
  }
  return found;
}
