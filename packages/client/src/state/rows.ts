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

function contentOf(row: SqlRow): Content {
  switch (row['kind']) {
    case 'folder':
      return { kind: 'folder' };
    case 'mount':
      return { kind: 'mount' };
    case 'symlink':
      return { kind: 'symlink', target: String(row['target']) };
    default:
      return {
        kind: 'file',
        hash: row['hash'] as ContentHash,
        size: Number(row['size']),
        executable: row['executable'] === 1,
        mtimeMs: Number(row['mtime_ms']),
      };
  }
}

/** kind, hash, size, executable, mtime_ms, target: in the order of the tables. */
export function contentColumns(content: Content): (string | number | null)[] {
  if (content.kind === 'file')
    return ['file', content.hash, content.size, content.executable ? 1 : 0, content.mtimeMs, null];
  return [content.kind, null, null, null, null, content.kind === 'symlink' ? content.target : null];
}

function nodeOf(row: SqlRow) {
  return {
    objectId: row['object_id'] as ObjectId,
    workspaceId: row['workspace_id'] as WorkspaceId,
    parentId: row['parent_id'] as ObjectId,
    name: row['name'] as string,
    content: contentOf(row),
  };
}

export function remoteOf(row: SqlRow): RemoteRow {
  return {
    ...nodeOf(row),
    ...(row['version_id'] === null ? {} : { versionId: row['version_id'] as VersionId }),
    placeVersion: Number(row['place_version']),
    seq: Number(row['seq']),
    ...(row['deleted'] === 1 ? { deleted: true } : {}),
    ...(row['mounts'] === null ? {} : { mounts: row['mounts'] as WorkspaceId }),
  };
}

export function syncedOf(row: SqlRow): SyncedNode {
  return {
    ...nodeOf(row),
    ...(row['version_id'] === null ? {} : { versionId: row['version_id'] as VersionId }),
    placeVersion: Number(row['place_version']),
  };
}

export function localOf(row: SqlRow): LocalRow {
  return {
    ...nodeOf(row),
    presence: row['presence'] === 'unknown' ? 'unknown' : 'present',
    ...(row['moved_from'] === null ? {} : { movedFrom: row['moved_from'] as ObjectId }),
    ...(row['disk_name'] === null ? {} : { diskName: row['disk_name'] as string }),
    stat: {
      dev: Number(row['dev']),
      ino: Number(row['ino']),
      size: Number(row['size'] ?? 0),
      mtimeNs: String(row['mtime_ns']),
      ctimeNs: String(row['ctime_ns']),
      ...(row['birth_ns'] === null ? {} : { birthNs: String(row['birth_ns']) }),
      mode: Number(row['mode']),
    },
    seenMs: Number(row['seen_ms']),
  };
}
