import type { ObjectId } from '@satchel/protocol/ids.ts';
import { isTemporaryName } from './temporary-name.ts';
import type { Content, LocalNode, Place, RemoteNode, SyncedNode, TreeNode, Trees } from './tree.ts';
import { walkUp } from './walk-up.ts';

/** One object in the three trees, and who moved it since Synced. */
export interface Facts {
  readonly id: ObjectId;
  readonly local: LocalNode | undefined;
  /** Only when live; a tombstone counts as absent. */
  readonly remote: RemoteNode | undefined;
  readonly tombstone: RemoteNode | undefined;
  readonly synced: SyncedNode | undefined;
  /** The disk could not be looked at: no local change and no absence is derived, and the disk is left alone (C3). */
  readonly unseen: boolean;
  readonly localMoved: boolean;
  readonly remoteMoved: boolean;
}

/** @param unseenFolders remembers, for all objects of one plan, which folders could not be looked at */
export function factsOf(trees: Trees, id: ObjectId, unseenFolders: Map<ObjectId, boolean>): Facts {
  const local = trees.local.get(id);
  const known = trees.remote.get(id);
  const synced = trees.synced.get(id);
  const remote = known?.deleted ? undefined : known;
  const isMissing = !local && synced;
  const unseen = isMissing
    ? walkUp(unseenFolders, synced.parentId, (folder) => isUnseenFolder(trees, folder))
    : local?.presence === 'unknown';
  return {
    id,
    local,
    remote,
    tombstone: known?.deleted ? known : undefined,
    synced,
    unseen,
    localMoved: !unseen && hasMoved(local, synced),
    remoteMoved: hasMoved(remote, synced),
  };
}

/** What is missing below a folder that could not be looked at is as unseen as the folder; else see the folder above. */
function isUnseenFolder(trees: Trees, id: ObjectId): boolean | ObjectId {
  const local = trees.local.get(id);
  return local ? local.presence === 'unknown' : (trees.synced.get(id)?.parentId ?? false);
}

/** P5: a temporary name is the middle of a swap that was interrupted, not a wish; so it never counts as a move. */
function hasMoved(node: TreeNode | undefined, synced: SyncedNode | undefined): boolean {
  if (!node) return false;
  if (!synced) return true;
  return !samePlace(node, synced) && !isTemporaryName(node.name, node.objectId);
}

export function samePlace(one: Place, other: Place): boolean {
  return one.parentId === other.parentId && one.name === other.name;
}

/** A key for a name in a folder; ids have one length, so it is unambiguous. */
export function slotOf(place: Place): string {
  return `${place.parentId}/${place.name}`;
}

export function isFolder(content: Content): boolean {
  return content.kind === 'folder' || content.kind === 'mount';
}

/** Equal but for the executable bit. A mount is a folder on disk. */
export function sameBytes(one: Content, other: Content): boolean {
  if (one.kind === 'file') return other.kind === 'file' && one.hash === other.hash;
  if (one.kind === 'symlink') return other.kind === 'symlink' && one.target === other.target;
  return isFolder(other);
}

export function sameContent(one: Content, other: Content): boolean {
  return sameBytes(one, other) && isExecutable(one) === isExecutable(other);
}

export function isExecutable(content: Content): boolean {
  return content.kind === 'file' && content.executable;
}

/** Has this side other content than Synced? A node that Synced lacks has. */
export function isEdited(node: TreeNode, synced: SyncedNode | undefined): boolean {
  return !synced || !sameContent(node.content, synced.content);
}

export type ContentVerdict = 'same' | 'upload' | 'download' | 'setExecutable' | 'conflict' | 'kinds_differ';

/** P2, P3: what has to travel when both sides have the object. Executable bits are never a conflict by themselves. */
export function mergeContent(local: LocalNode, remote: RemoteNode, synced: SyncedNode | undefined): ContentVerdict {
  const [mine, theirs, base] = [local.content, remote.content, synced?.content];
  if (mine.kind !== theirs.kind && !(isFolder(mine) && isFolder(theirs))) return 'kinds_differ';
  if (sameContent(mine, theirs)) return 'same';
  if (sameBytes(mine, theirs)) return base && sameContent(theirs, base) ? 'upload' : 'setExecutable';
  const edited = !base || !sameBytes(mine, base);
  const editedThere = !base || !sameBytes(theirs, base);
  if (edited && editedThere) return 'conflict';
  if (editedThere) return 'download';
  return base && isExecutable(theirs) !== isExecutable(base) && isExecutable(mine) !== isExecutable(theirs)
    ? 'setExecutable'
    : 'upload';
}

/** P1: Synced says already what both sides have. */
export function isSettled(local: LocalNode, remote: RemoteNode, synced: SyncedNode | undefined): boolean {
  return (
    synced !== undefined &&
    samePlace(local, remote) &&
    sameContent(local.content, remote.content) &&
    samePlace(synced, remote) &&
    sameContent(synced.content, remote.content) &&
    synced.versionId === remote.versionId &&
    synced.placeVersion === remote.placeVersion
  );
}
