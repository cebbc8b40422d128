import type { OperationResult, PutOperation } from '@satchel/protocol/commit.ts';
import type { VersionId } from '@satchel/protocol/ids.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import type { Manifest } from '@satchel/core/manifest.ts';
import type { ObjectRow } from '../../ports/schema.ts';
import { VERSIONS } from '../object-statements.ts';
import { freshId } from '../parts.ts';
import { storedManifest } from '../records.ts';
import { forgetUpload } from '../ledger/uploads.ts';
import { useChunks } from './chunk-use.ts';
import { chunkListFault, resolveList } from './content.ts';
import { newRow, revivedRow } from './new-row.ts';
import { done, doneAlready, refused, type Refusal } from './outcome.ts';
import { idFault, isAt, placeFault } from './place.ts';
import { roomFault } from './room.ts';
import type { CommitState } from './state.ts';

/** A new version of a file: of a new one, of a live one, or of a dead one that comes back. */
export async function put(state: CommitState, operation: PutOperation): Promise<OperationResult> {
  const { objectId, operationId, content } = operation;
  const present = await state.load(objectId);
  const fault = idFault(state, operation.objectId, present) ?? expectationFault(operation, present);
  if (fault === 'equal' && present !== undefined) return doneAlready(state, operationId, present);
  if (fault !== undefined && fault !== 'equal') return fault;
  const list = await resolveList(state, operation, present);
  if ('outcome' in list) return list;
  const before = present?.deleted_at === null ? present : undefined;
  const { place } = operation;
  const refusal =
    (before === undefined && place !== undefined
      ? await placeFault(state, { objectId, place, present, height: 0 })
      : undefined) ??
    chunkListFault(content, list, present) ??
    (await roomFault(state, content.size - (before?.size ?? 0), present)) ??
    (await useChunks(state, list, present));
  if (refusal !== undefined) return refusal;
  return done(await write(state, operation, present, list));
}

/** `equal`: the live file has this content already, whatever it is based on (H18). */
function expectationFault(operation: PutOperation, present: ObjectRow | undefined): Refusal | 'equal' | undefined {
  const { objectId, place, baseVersionId, content } = operation;
  if (present === undefined)
    return place ? undefined : refused('not_found', `There is no object ${objectId}; give a place to make it.`);
  if (present.kind !== 'file') return refused('kind_mismatch', `“${present.name}” is a ${present.kind}.`, { present });
  if (present.deleted_at === null) {
    if (place !== undefined && !isAt(present, place))
      return refused('object_exists', `The file stands elsewhere, as “${present.name}”; move it.`, { present });
    if (hasContent(present, content)) return 'equal';
  } else if (place === undefined) return refused('stale', `“${present.name}” was deleted.`, { present });
  if (present.version_id === baseVersionId) return undefined;
  return refused('stale', `“${present.name}” has been edited since.`, { present });
}

function hasContent(row: ObjectRow, content: PutOperation['content']): boolean {
  return (
    row.size === content.size &&
    row.executable === (content.executable ? 1 : 0) &&
    row.content_hash?.toHex() === content.contentHash
  );
}

async function write(
  state: CommitState,
  { objectId, operationId, place, content }: PutOperation,
  present: ObjectRow | undefined,
  list: Manifest,
): Promise<ObjectRow> {
  const dead = present !== undefined && present.deleted_at !== null;
  const base =
    place !== undefined && (present === undefined || dead)
      ? ((present && revivedRow(present, place)) ?? newRow(state, { objectId, kind: 'file', place }))
      : present;
  if (base === undefined) throw new Error(`A put of ${objectId} without a place passed the checks.`);
  const version = {
    version_id: freshId<VersionId>(state.parts),
    size: content.size,
    content_hash: Uint8Array.fromHex(content.contentHash),
    mtime_ms: content.mtimeMs,
    executable: content.executable ? 1 : 0,
    chunk_count: list.length,
    manifest: storedManifest(list),
  };
  if (present !== undefined && present.version_id !== null)
    await state.tx.run(VERSIONS.supersede, { objectId, versionId: present.version_id, at: state.now });
  await state.tx.run(VERSIONS.insert, {
    ...version,
    object_id: objectId,
    workspace_id: state.workspaceId,
    device_id: state.caller.deviceId,
    user_id: state.caller.userId,
    created_at: state.now,
    superseded_at: null,
  });
  await forgetUpload(state, objectId);
  const manifest = list.length > LIMITS.inlineChunks ? null : version.manifest;
  const action = present === undefined ? 'create' : dead ? 'revive' : 'edit';
  return state.apply({ action, before: present, after: { ...base, ...version, manifest }, operationId });
}
