import type { z } from 'zod';
import { spliceOf } from '@satchel/core/splice.ts';
import { CodedError } from '@satchel/protocol/errors.ts';
import type { ObjectId, VersionId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { ChunkList, MetadataAnswer, MetadataQuery } from '@satchel/protocol/objects.ts';
import type { Caller } from '../ports/chunk-ledger.ts';
import type { Reader } from '../ports/database.ts';
import type { ObjectRow, VersionRow } from '../ports/schema.ts';
import { expectReader } from './access.ts';
import { folderPage } from './folder-contents.ts';
import { OBJECTS, VERSIONS } from './object-statements.ts';
import type { MetaParts } from './parts.ts';
import { chunkListOf, recordOf, versionOf } from './records.ts';
import { shardOfWorkspace } from './shards.ts';
import { WORKSPACES } from './workspace-statements.ts';

type Query = z.output<typeof MetadataQuery>;

/**
 * One object, or one folder's contents in name order. Dead objects are found by id, for history.
 * @throws CodedError('not_found' | 'request_invalid')
 */
export async function metadata(parts: MetaParts, caller: Caller, query: Query): Promise<MetadataAnswer> {
  const { workspace_id: workspaceId, file_id: fileId, folder_id: folderId, path } = query;
  if ([fileId, folderId, path].filter((way) => way !== undefined).length !== 1)
    throw new CodedError('request_invalid', 'Give exactly one of file_id, folder_id and path.');
  await expectReader(parts, caller, workspaceId);
  if (folderId !== undefined) return folderPage(parts, workspaceId, folderId, query);
  const shard = await shardOfWorkspace(parts, workspaceId);
  const found = await parts.database.read(shard, async (reader) => {
    const row =
      fileId === undefined
        ? await rowAt(reader, workspaceId, path ?? '')
        : await reader.first(OBJECTS.byId, { objectId: fileId });
    if (row === undefined || (row !== 'root' && row.workspace_id !== workspaceId))
      throw new CodedError(
        'not_found',
        path === undefined ? `There is no object ${String(fileId)} here.` : `There is nothing at ${path}.`,
      );
    if (row === 'root') return (await expectWorkspace(reader, workspaceId)).root_id;
    return row.kind === 'folder' && fileId === undefined ? row.object_id : fileAnswer(reader, row, query);
  });
  return typeof found === 'string' ? folderPage(parts, workspaceId, found, query) : found;
}

async function expectWorkspace(reader: Reader, workspaceId: WorkspaceId) {
  const workspace = await reader.first(WORKSPACES.find, { workspaceId });
  if (workspace === undefined) throw new CodedError('not_found', `There is no workspace ${workspaceId} for you.`);
  return workspace;
}

/** The live object at a path; slashes at the ends do not matter. */
async function rowAt(reader: Reader, workspaceId: WorkspaceId, path: string): Promise<ObjectRow | 'root' | undefined> {
  const names = path.split('/').filter((name) => name !== '');
  let parentId: ObjectId = (await expectWorkspace(reader, workspaceId)).root_id;
  let row: ObjectRow | 'root' = 'root';
  for (const name of names) {
    const next: ObjectRow | undefined = await reader.first(OBJECTS.liveNamed, { workspaceId, parentId, name });
    if (next === undefined) return undefined;
    row = next;
    parentId = next.object_id;
  }
  return row;
}

async function fileAnswer(reader: Reader, row: ObjectRow, query: Query): Promise<MetadataAnswer> {
  const record = recordOf(row);
  const versionId = query.version_id ?? row.version_id;
  if (row.kind !== 'file' || versionId === null) return { object: record };
  const version = await reader.first(VERSIONS.find, { objectId: row.object_id, versionId });
  if (version === undefined) throw new CodedError('not_found', `“${row.name}” has no version ${versionId} (any more).`);
  record.version = versionOf(version);
  return { object: record, chunkList: await listAgainst(reader, version, query.base_version_id) };
}

/** The chunk list, as edits against the base where the base is known and the edits are shorter. */
async function listAgainst(reader: Reader, version: VersionRow, baseId: VersionId | undefined): Promise<ChunkList> {
  const chunks = chunkListOf(version);
  const base = baseId && (await reader.first(VERSIONS.find, { objectId: version.object_id, versionId: baseId }));
  if (base === undefined) return { chunks: [...chunks] };
  const edits = spliceOf(chunkListOf(base), chunks);
  let entries = edits.length;
  for (const edit of edits) entries += edit.insert.length;
  return entries < chunks.length ? { baseVersionId: base.version_id, edits: [...edits] } : { chunks: [...chunks] };
}
