import { hash } from 'node:crypto';
import { addTo, objectFingerprint, parseDigest, removeFrom, type Digest } from '@satchel/core/digest.ts';
import { isFolder, samePlace } from '@satchel/core/diff.ts';
import type { Content } from '@satchel/core/tree.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import { nameFault } from '@satchel/protocol/names.ts';
import { DEVICE_PLACES, isDevicePlace, type ObjectId, type WorkspaceId } from '@satchel/protocol/ids.ts';
import type { CallAnswer } from '../ports/server-api.ts';
import type { ChunkIndex } from '../state/chunk-index.ts';
import { renumberAcrossBorders } from '../state/new-border.ts';
import type { RemoteRow } from '../state/rows.ts';
import { forgetShare } from './forgotten-share.ts';
import type { TreeStore } from '../state/trees.ts';
import type { FollowedWorkspace, WorkspaceStore } from '../state/workspaces.ts';

const sha256 = (bytes: Uint8Array) => hash('sha256', bytes);

/** As the protocol has it, read-only. */
export type ServerRecord = CallAnswer<'objects'>['objects'][number];

export interface RemoteTreeDeps {
  readonly trees: TreeStore;
  readonly workspaces: WorkspaceStore;
  readonly chunks: ChunkIndex;
  readonly newId: () => ObjectId;
  /** What lies in this folder lies in another one now. */
  readonly folderMoved: (id: ObjectId) => void;
  /** A share that was followed has ended. */
  readonly shareEnded: () => void;
}

/**
 * Keeps the Remote tree and each workspace's digest in step with the records that the server sends. Root ids of the
 * wire become mount ids on the way in, and mount ids root ids again in fingerprints (H103: the digest must be the
 * server's).
 */
export class RemoteTree {
  readonly #deps: RemoteTreeDeps;

  constructor(deps: RemoteTreeDeps) {
    this.#deps = deps;
  }

  /**
   * Takes in one record. A folder that has become a mount takes what lies below it into its workspace. Records that
   * no honest server sends (a name with a slash, an id of the device's own) are refused by a RangeError (H49).
   */
  take(workspace: FollowedWorkspace, record: ServerRecord, digest: Digest): Digest {
    const { trees, chunks } = this.#deps;
    if (record.deleted !== true && nameFault(record.name) !== undefined) {
      throw new RangeError(`the server sent an object with the name ${JSON.stringify(record.name)}`);
    }
    if (isDevicePlace(record.objectId))
      throw new RangeError(`the server sent an object with the id ${record.objectId}`);
    const before = trees.remote.get(record.objectId);
    // RACE: a listing that was on its way while a commit was answered; taking it would undo what the commit did.
    if (before !== undefined && before.workspaceId === workspace.workspaceId && before.seq > record.seq) return digest;
    let next = digest;
    let isSplit = false;
    if (before !== undefined && before.deleted !== true && before.workspaceId === workspace.workspaceId) {
      next = removeFrom(next, this.#fingerprint(workspace, before));
    }
    // Also where nothing is known of it there: the answer to the commit that made it has not come yet.
    const isBorder = before === undefined || before.content.kind === 'folder';
    if (isBorder && record.deleted !== true && record.mounts !== undefined) {
      next = this.#splitOff(workspace, record.objectId, { to: record.mounts, digest: next });
      isSplit = true;
    }
    const row = rowOf(workspace, record);
    const { version } = record;
    if (version?.chunks !== undefined) chunks.putManifest(version.contentHash, version.chunks);
    if (row.deleted !== true) next = addTo(next, this.#fingerprint(workspace, row));
    const isKnown = (): boolean =>
      trees.synced.get(row.objectId) !== undefined || trees.local.get(row.objectId) !== undefined;
    if (row.deleted === true && !isKnown()) trees.removeRemote(row.objectId);
    else trees.putRemote(row);
    if (before?.mounts !== undefined && before.deleted !== true) {
      if (row.deleted === true) this.#endShare(before.mounts);
      else if (row.mounts === undefined) forgetShare(this.#deps, { ...before, mounts: before.mounts }, 'kept');
    }
    if (isSplit) renumberAcrossBorders(trees, workspace.workspaceId, this.#deps.newId);
    if (before !== undefined && !samePlace(before, row) && isFolder(row.content)) this.#deps.folderMoved(row.objectId);
    return next;
  }

  /**
   * After the answer to a commit, which may come when its folder has been shared: what it made lies beyond the border
   * here by now, and has to be another object there (P15).
   */
  crossBorders({ workspaceId, mountId }: FollowedWorkspace, answered: readonly ServerRecord[]): void {
    const { trees, newId } = this.#deps;
    const isAcross = ({ objectId, deleted }: ServerRecord): boolean => {
      const local = trees.local.get(objectId);
      return deleted !== true && local !== undefined && local.workspaceId !== workspaceId;
    };
    if (mountId === DEVICE_PLACES.top && answered.some(isAcross)) renumberAcrossBorders(trees, workspaceId, newId);
  }

  /** An object that a complete listing did not mention: `gone` becomes a tombstone, `forgotten` was never agreed on. */
  drop(workspace: FollowedWorkspace, id: ObjectId, digest: Digest, how: 'gone' | 'forgotten'): Digest {
    const { trees } = this.#deps;
    const row = trees.remote.get(id);
    if (row === undefined) return digest;
    const next = row.deleted === true ? digest : removeFrom(digest, this.#fingerprint(workspace, row));
    const { mounts } = row;
    if (mounts !== undefined && row.deleted !== true) {
      if (how === 'gone') this.#endShare(mounts);
      else forgetShare(this.#deps, { ...row, mounts }, 'new');
    }
    this.#bury(row, how);
    return next;
  }

  #bury(row: RemoteRow, how: 'gone' | 'forgotten'): void {
    const { trees } = this.#deps;
    if (how === 'gone' && trees.synced.get(row.objectId) !== undefined) trees.putRemote({ ...row, deleted: true });
    else trees.removeRemote(row.objectId);
  }

  /** H98: no member any more. What is as synced goes into the local trash; what was changed here is kept. */
  #endShare(workspaceId: WorkspaceId): void {
    const { trees, workspaces, shareEnded } = this.#deps;
    for (const row of trees.remoteIn(workspaceId)) this.#bury(row, 'gone');
    workspaces.remove(workspaceId);
    shareEnded();
  }

  /** The sum over the live rows of a workspace. */
  digestOf(workspace: FollowedWorkspace): Digest {
    let sum: Digest = 0n;
    for (const row of this.#deps.trees.remoteIn(workspace.workspaceId))
      if (row.deleted !== true) sum = addTo(sum, this.#fingerprint(workspace, row));
    return sum;
  }

  /** Rows of a workspace below one of its folders, tombstones included; not those of workspaces mounted in it. */
  *#below(workspace: FollowedWorkspace, folderId: ObjectId): Generator<RemoteRow> {
    const waiting: ObjectId[] = [folderId];
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      for (const row of this.#deps.trees.remote.children(at)) {
        if (row.workspaceId !== workspace.workspaceId) continue;
        yield row;
        if (row.content.kind === 'folder') waiting.push(row.objectId);
      }
    }
  }

  #splitOff(
    workspace: FollowedWorkspace,
    folderId: ObjectId,
    { to, digest }: { to: WorkspaceId; digest: Digest },
  ): Digest {
    let next = digest;
    for (const row of this.#below(workspace, folderId)) {
      if (row.deleted !== true) next = removeFrom(next, this.#fingerprint(workspace, row));
    }
    this.#deps.trees.moveBelowToWorkspace(folderId, to);
    return next;
  }

  #fingerprint(workspace: FollowedWorkspace, row: RemoteRow): bigint {
    const { content } = row;
    const fields = {
      objectId: row.objectId,
      parentId: row.parentId === workspace.mountId ? workspace.rootId : row.parentId,
      name: row.name,
      kind: content.kind,
      contentHash: content.kind === 'file' ? content.hash : undefined,
      executable: content.kind === 'file' && content.executable,
      symlinkTarget: content.kind === 'symlink' ? content.target : undefined,
    };
    return objectFingerprint(fields, sha256);
  }
}

export function digestFrom(text: string): Digest {
  return parseDigest(text) ?? 0n;
}

/** Ids of a root on the wire and in the trees differ; see `core/tree.ts`. */
export function toTree(workspace: FollowedWorkspace, parentId: ObjectId): ObjectId {
  return parentId === workspace.rootId ? workspace.mountId : parentId;
}

export function toWire(workspace: FollowedWorkspace, parentId: ObjectId): ObjectId {
  return parentId === workspace.mountId ? workspace.rootId : parentId;
}

export function rowOf(workspace: FollowedWorkspace, record: ServerRecord): RemoteRow {
  return {
    objectId: record.objectId,
    workspaceId: workspace.workspaceId,
    parentId: toTree(workspace, record.parentId),
    name: record.name,
    content: contentOf(record),
    ...(record.version === undefined ? {} : { versionId: record.version.versionId }),
    placeVersion: record.placeVersion,
    seq: record.seq,
    ...(record.deleted === true ? { deleted: true } : {}),
    ...(record.mounts === undefined ? {} : { mounts: record.mounts }),
  };
}

function contentOf(record: ServerRecord): Content {
  const { kind, version, target } = record;
  if (kind === 'folder' || kind === 'mount') return { kind };
  if (kind === 'symlink') {
    if (target === undefined || target.length > LIMITS.symlinkTargetBytes)
      throw new RangeError('the server sent a symlink without a target');
    return { kind, target };
  }
  if (version === undefined) throw new RangeError('the server sent a file without a version');
  const { contentHash, size, executable, mtimeMs } = version;
  return { kind, hash: contentHash, size, executable, mtimeMs };
}
