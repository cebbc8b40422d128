import { agreedOn, releasedWith } from '@satchel/core/record.ts';
import type { StateStep } from '@satchel/core/step.ts';
import type { ObjectId } from '@satchel/protocol/ids.ts';
import { renumberAcrossBorders } from '../state/new-border.ts';
import type { TreeStore } from '../state/trees.ts';

/** Runs a step that changes only what is known. Within a transaction. */
export function runStateStep(trees: TreeStore, step: StateStep, newId: () => ObjectId): void {
  switch (step.kind) {
    case 'agree':
      return trees.putSynced(agreedOn(step.remote));
    case 'forget':
      trees.removeSynced(step.objectId);
      if (trees.remote.get(step.objectId)?.deleted === true) trees.removeRemote(step.objectId);
      return;
    case 'release': {
      const ids = [...releasedWith(trees, step)];
      for (const id of ids) trees.removeSynced(id);
      return;
    }
    case 'join':
      return join(trees, step, newId);
  }
}

/** The local node takes the remote id; what lies in it follows, into the shared workspace where that is a mount's. */
function join(trees: TreeStore, step: Extract<StateStep, { readonly kind: 'join' }>, newId: () => ObjectId): void {
  const { objectId, remote } = step;
  trees.renumberLocal(objectId, remote.objectId);
  for (const child of trees.synced.children(objectId)) trees.putSynced({ ...child, parentId: remote.objectId });
  trees.removeSynced(objectId);
  trees.putSynced(agreedOn(remote));
  const local = trees.local.get(remote.objectId);
  if (local !== undefined) trees.putLocal({ ...local, workspaceId: remote.workspaceId });
  const mounts = trees.remote.get(remote.objectId)?.mounts;
  if (mounts === undefined) return;
  trees.moveBelowToWorkspace(remote.objectId, mounts);
  renumberAcrossBorders(trees, remote.workspaceId, newId);
}
