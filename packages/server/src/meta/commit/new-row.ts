import type { ObjectId } from '@satchel/protocol/ids.ts';
import type { ObjectKind } from '@satchel/protocol/objects.ts';
import type { ObjectRow } from '../../ports/schema.ts';
import type { Place } from './place.ts';
import type { CommitState } from './state.ts';

/** A row for an object that has none, without content. `seq`, device and time are set when it is applied. */
export function newRow(
  { workspaceId }: Pick<CommitState, 'workspaceId'>,
  object: { readonly objectId: ObjectId; readonly kind: ObjectKind; readonly place: Place },
): ObjectRow {
  return {
    workspace_id: workspaceId,
    object_id: object.objectId,
    parent_id: object.place.parentId,
    name: object.place.name,
    kind: object.kind,
    seq: 0,
    place_version: 1,
    deleted_at: null,
    version_id: null,
    size: 0,
    content_hash: null,
    mtime_ms: 0,
    executable: 0,
    chunk_count: 0,
    manifest: null,
    target: null,
    mounts: null,
    device_id: null,
    changed_at: 0,
  };
}

/** A dead object's row, live again at a place. */
export function revivedRow(row: ObjectRow, place: Place): ObjectRow {
  return {
    ...row,
    parent_id: place.parentId,
    name: place.name,
    deleted_at: null,
    place_version: row.place_version + 1,
  };
}
