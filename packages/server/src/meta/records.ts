import { hash } from 'node:crypto';
import { objectFingerprint } from '@satchel/core/digest.ts';
import { decodeManifest, encodeManifest, type Manifest } from '@satchel/core/manifest.ts';
import type { Sha256Hex } from '@satchel/core/hash-function.ts';
import type { ChunkId, ContentHash } from '@satchel/protocol/ids.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import type { ObjectRecord, Version } from '@satchel/protocol/objects.ts';
import type { ObjectRow, VersionRow } from '../ports/schema.ts';

export const sha256Hex: Sha256Hex = (bytes) => hash('sha256', bytes);

/** The columns from which a chunk list can be had. */
export type StoredList = Pick<VersionRow, 'size' | 'content_hash' | 'chunk_count' | 'manifest'>;

/** @throws Error when the stored manifest is damaged, which only a fault of the database can cause */
export function chunkListOf(stored: StoredList): Manifest {
  if (stored.chunk_count === 0) return [];
  if (stored.chunk_count === 1) return [{ id: stored.content_hash.toHex() as ChunkId, size: stored.size }];
  const decoded = decodeManifest(stored.manifest ?? new Uint8Array(0));
  if (!decoded.ok) throw new Error(`A stored manifest is damaged: ${decoded.fault.reason}.`);
  return decoded.value;
}

/** The manifest as it is stored: none where size and hash say it all. */
export function storedManifest(manifest: Manifest): Uint8Array | null {
  return manifest.length < 2 ? null : encodeManifest(manifest);
}

type StoredVersion = StoredList & Pick<VersionRow, 'version_id' | 'mtime_ms' | 'executable'>;

function versionWithoutList(row: StoredVersion): Version {
  return {
    versionId: row.version_id,
    size: row.size,
    contentHash: row.content_hash.toHex() as ContentHash,
    mtimeMs: row.mtime_ms,
    executable: row.executable === 1,
  };
}

export function versionOf(row: StoredVersion): Version {
  const version = versionWithoutList(row);
  if (row.chunk_count <= LIMITS.inlineChunks) version.chunks = [...chunkListOf(row)];
  return version;
}

/** Whether the row is that of a file with a version, which every row of a file is. */
function hasVersion(
  row: ObjectRow,
): row is ObjectRow & { readonly version_id: NonNullable<ObjectRow['version_id']>; readonly content_hash: Uint8Array } {
  return row.version_id !== null && row.content_hash !== null;
}

export function recordOf(row: ObjectRow): ObjectRecord {
  const record: ObjectRecord = {
    objectId: row.object_id,
    parentId: row.parent_id,
    name: row.name,
    kind: row.kind,
    seq: row.seq,
    placeVersion: row.place_version,
    changedAt: row.changed_at,
  };
  if (row.deleted_at !== null) record.deleted = true;
  // Of what is dead nobody wants the chunks before it lives again.
  if (hasVersion(row)) record.version = row.deleted_at === null ? versionOf(row) : versionWithoutList(row);
  if (row.target !== null) record.target = row.target;
  if (row.mounts !== null) record.mounts = row.mounts;
  if (row.device_id !== null) record.deviceId = row.device_id;
  return record;
}

/** What the live object adds to the workspace's digest. */
export function fingerprintOf(row: ObjectRow): bigint {
  return objectFingerprint(
    {
      objectId: row.object_id,
      parentId: row.parent_id,
      name: row.name,
      kind: row.kind,
      contentHash: row.content_hash === null ? undefined : (row.content_hash.toHex() as ContentHash),
      executable: row.executable === 1,
      symlinkTarget: row.target ?? undefined,
    },
    sha256Hex,
  );
}
