import type { ObjectId } from '@satchel/protocol/ids.ts';
import { isExecutable } from './diff.ts';
import type { DiskStep, ServerStep, StateStep } from './step.ts';
import type { Content, RemoteNode, SyncedNode, Trees } from './tree.ts';

/**
 * What Synced says of an object after a step has succeeded: the aspects on which the step made both sides agree, as
 * the step had them. Local or Remote may be newer by then; that is the next plan's matter. `keepCopy`, `join`,
 * `forget` and `release` drop nodes instead of changing one; undefined is: no node.
 */
export function syncedAfterCommit(
  step: ServerStep,
  answer: RemoteNode,
  before: SyncedNode | undefined,
): SyncedNode | undefined {
  switch (step.kind) {
    case 'put':
      if (step.place) return agreedOn(answer);
      return before && withContent(before, answer, step.content);
    case 'symlink':
      if (step.place) return agreedOn(answer);
      return before && withContent(before, answer, { kind: 'symlink', target: step.target });
    case 'mkdir':
      return agreedOn(answer);
    case 'move':
      return before && step.agrees ? withPlace(before, answer) : before;
    case 'delete':
      return undefined;
  }
}

/** As `syncedAfterCommit`, for what was done to the disk. */
export function syncedAfterDisk(step: DiskStep, before: SyncedNode | undefined): SyncedNode | undefined {
  switch (step.kind) {
    case 'download':
    case 'makeSymlink':
      if (step.place || !before) return step.place ? agreedOn(step.remote) : before;
      return withContent(before, step.remote, step.remote.content);
    case 'makeFolder':
      return agreedOn(step.remote);
    case 'moveLocal':
      return before && step.remote ? withPlace(before, step.remote) : before;
    case 'setExecutable':
      return before && withBit(before, step.remote);
    case 'removeLocal':
    case 'keepCopy':
      return undefined;
  }
}

/** Synced as Remote has it, all aspects. */
export function agreedOn(remote: RemoteNode): SyncedNode {
  const { objectId, parentId, name, workspaceId, content, versionId, placeVersion } = remote;
  const node = { objectId, parentId, name, workspaceId, content, placeVersion };
  return versionId === undefined ? node : { ...node, versionId };
}

function withPlace(synced: SyncedNode, { parentId, name, placeVersion }: RemoteNode): SyncedNode {
  return { ...synced, parentId, name, placeVersion };
}

function withContent(synced: SyncedNode, { versionId }: RemoteNode, content: Content): SyncedNode {
  return versionId === undefined ? { ...synced, content } : { ...synced, content, versionId };
}

function withBit(synced: SyncedNode, remote: RemoteNode): SyncedNode {
  if (synced.content.kind !== 'file') return synced;
  return { ...synced, content: { ...synced.content, executable: isExecutable(remote.content) } };
}

/** The ids whose Synced nodes a `release` drops, the folder's own first; read them all before dropping any. */
export function* releasedWith(trees: Trees, step: StateStep & { readonly kind: 'release' }): Generator<ObjectId> {
  // A set that grows while it is read; Synced holds objects as of different moments, so there may be circles in it.
  const ids = new Set([step.objectId]);
  for (const folderId of ids) {
    yield folderId;
    for (const { objectId } of trees.synced.children(folderId)) {
      const node = trees[step.absentOn].get(objectId);
      if (!node || ('deleted' in node && node.deleted)) ids.add(objectId);
    }
  }
}
