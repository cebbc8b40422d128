import type { ContentHash, ObjectId, VersionId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { Content, LocalNode, RemoteNode, SyncedNode } from '@satchel/core/tree.ts';
import type { StatIdentity } from '../ports/disk.ts';

/** A node of the Local tree with what the disk said of it. */
export interface LocalRow extends LocalNode {
  /** The name's bytes on disk where they are not its NFC form. */
  readonly diskName?: string;
  readonly stat: StatIdentity;
  /** Wall time of the stat, ms; a stat taken within 2 s of mtime is racy (H3). */
  readonly seenMs: number;
}

/** As much of a Local row as tells whether the disk still shows the same. */
export interface StandingRow extends Pick<LocalRow, 'objectId' | 'presence' | 'stat' | 'seenMs'> {
  readonly kind: Content['kind'];
  /** Name on disk. */
  readonly diskName: string;
}

export interface RemoteRow extends RemoteNode {
  readonly seq: number;
  /** The shared workspace that appears at this mount. */
  readonly mounts?: WorkspaceId;
}

export type SqlRow = Readonly<Record<string, string | number | null>>;

/** A row as its columns in the order in which they were asked for: read in half the time that an object takes. */
export type ColumnRow = readonly (string | number | null)[];

const NODE = 'object_id, workspace_id, parent_id, name, kind, hash, size, executable, mtime_ms, target';
const NODE_COLUMNS = NODE.split(', ').length;

/** What is written and read of a node of each tree, in this order. */
export const COLUMNS = {
  remote: `${NODE}, version_id, place_version, seq, deleted, mounts`,
  local: `${NODE}, presence, moved_from, disk_name, dev, ino, mtime_ns, ctime_ns, birth_ns, mode, seen_ms`,
  synced: `${NODE}, version_id, place_version`,
} as const;

/** kind, hash, size, executable, mtime_ms, target: in the order of the tables. */
export function contentColumns(content: Content): (string | number | null)[] {
  if (content.kind === 'file')
    return ['file', content.hash, content.size, content.executable ? 1 : 0, content.mtimeMs, null];
  return [content.kind, null, null, null, null, content.kind === 'symlink' ? content.target : null];
}

function nodeOf(row: ColumnRow) {
  const [objectId, workspaceId, parentId, name] = row;
  return {
    objectId: objectId as ObjectId,
    workspaceId: workspaceId as WorkspaceId,
    parentId: parentId as ObjectId,
    name: name as string,
    content: contentOf(row),
  };
}

function contentOf([, , , , kind, hash, size, executable, mtimeMs, target]: ColumnRow): Content {
  switch (kind) {
    case 'folder':
      return { kind: 'folder' };
    case 'mount':
      return { kind: 'mount' };
    case 'symlink':
      return { kind: 'symlink', target: String(target) };
    default:
      return {
        kind: 'file',
        hash: hash as ContentHash,
        size: Number(size),
        executable: executable === 1,
        mtimeMs: Number(mtimeMs),
      };
  }
}

export function remoteOf(row: ColumnRow): RemoteRow {
  const [versionId, placeVersion, seq, deleted, mounts] = row.slice(NODE_COLUMNS);
  return {
    ...nodeOf(row),
    ...(versionId === null ? {} : { versionId: versionId as VersionId }),
    placeVersion: Number(placeVersion),
    seq: Number(seq),
    ...(deleted === 1 ? { deleted: true } : {}),
    ...(mounts === null ? {} : { mounts: mounts as WorkspaceId }),
  };
}

export function syncedOf(row: ColumnRow): SyncedNode {
  const [versionId, placeVersion] = row.slice(NODE_COLUMNS);
  return {
    ...nodeOf(row),
    ...(versionId === null ? {} : { versionId: versionId as VersionId }),
    placeVersion: Number(placeVersion),
  };
}

export function localOf(row: ColumnRow): LocalRow {
  const [presence, movedFrom, diskName, dev, ino, mtimeNs, ctimeNs, birthNs, mode, seenMs] = row.slice(NODE_COLUMNS);
  const node = nodeOf(row);
  return {
    ...node,
    presence: presence === 'unknown' ? 'unknown' : 'present',
    ...(movedFrom === null ? {} : { movedFrom: movedFrom as ObjectId }),
    ...(diskName === null ? {} : { diskName: diskName as string }),
    stat: {
      dev: Number(dev),
      ino: Number(ino),
      size: node.content.kind === 'file' ? node.content.size : 0,
      mtimeNs: String(mtimeNs),
      ctimeNs: String(ctimeNs),
      ...(birthNs === null ? {} : { birthNs: String(birthNs) }),
      mode: Number(mode),
    },
    seenMs: Number(seenMs),
  };
}
