import type { ObjectKind } from '@satchel/protocol/objects.ts';
import { kindOf, type RemoteObject } from './remote-drive.ts';

/** An object on the server as `--json` prints it. */
export interface RemoteEntry {
  readonly path: string;
  readonly name: string;
  readonly kind: ObjectKind;
  readonly objectId?: string;
  readonly workspaceId: string;
  /** Bytes. */
  readonly size?: number;
  readonly contentHash?: string;
  readonly versionId?: string;
  readonly executable?: boolean;
  /** ISO 8601, as the device that wrote it says. */
  readonly modifiedAt?: string;
  /** ISO 8601, server time of the last change of any kind. */
  readonly changedAt?: string;
  /** Of a symlink. */
  readonly target?: string;
  /** Of a shared folder: its workspace. */
  readonly mounts?: string;
}

export function entryOf(object: RemoteObject): RemoteEntry {
  const { path, workspaceId, record } = object;
  const kind = kindOf(object);
  if (record === undefined) return { path, name: '', kind, workspaceId };
  const { name, objectId, version, changedAt, target, mounts } = record;
  return {
    path,
    name,
    kind,
    objectId,
    workspaceId,
    ...(version === undefined
      ? {}
      : {
          size: version.size,
          contentHash: version.contentHash,
          versionId: version.versionId,
          executable: version.executable,
          modifiedAt: new Date(version.mtimeMs).toISOString(),
        }),
    changedAt: new Date(changedAt).toISOString(),
    ...(target === undefined ? {} : { target }),
    ...(mounts === undefined ? {} : { mounts }),
  };
}
