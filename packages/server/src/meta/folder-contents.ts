import { CodedError } from '@satchel/protocol/errors.ts';
import type { ObjectId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { MetadataAnswer, ObjectRecord } from '@satchel/protocol/objects.ts';
import { OBJECTS } from './object-statements.ts';
import type { MetaParts } from './parts.ts';
import { recordOf } from './records.ts';
import { shardOfWorkspace } from './shards.ts';
import { WORKSPACES } from './workspace-statements.ts';

/** A folder with all its contents, as it is kept in the cache. Never changed. */
interface Folder {
  /** Absent for the root. */
  readonly object: ObjectRecord | undefined;
  /** In name order, at most MOST_CACHED. */
  readonly children: readonly ObjectRecord[];
  readonly isWhole: boolean;
}

export interface PageQuery {
  readonly after?: string | undefined;
  readonly limit?: number | undefined;
}

const PAGE = 1000;
/** Folders with more in them are cached as far as this: a first page, and one more to know that it is not the last. */
const MOST_CACHED = PAGE + 1;

/** The cache key of a folder's record and contents. */
export function folderKey(workspaceId: WorkspaceId, folderId: ObjectId): string {
  return `workspace:${workspaceId}:folder:${folderId}:contents`;
}

/**
 * One page of a folder's contents in name order, cache-aside: every commit drops the folders that it has touched.
 * @throws CodedError('not_found')
 */
export async function folderPage(
  parts: MetaParts,
  workspaceId: WorkspaceId,
  folderId: ObjectId,
  { after, limit = PAGE }: PageQuery,
): Promise<MetadataAnswer> {
  const key = folderKey(workspaceId, folderId);
  let folder = await parts.cache.get<Folder>(key);
  if (folder === undefined) {
    const stamp = parts.cache.stamp();
    folder = await readFolder(parts, workspaceId, folderId);
    await parts.cache.set(key, folder, stamp);
  }
  const from = after === undefined ? 0 : folder.children.findIndex((child) => child.name === after) + 1;
  const isKnown = (after === undefined || from > 0) && (folder.isWhole || from + limit < folder.children.length);
  const found = isKnown
    ? folder.children.slice(from, from + limit + 1)
    : await readPage(parts, { workspaceId, folderId, after: after ?? '', limit: limit + 1 });
  return pageOf(folder.object, found, limit);
}

function pageOf(object: ObjectRecord | undefined, found: readonly ObjectRecord[], limit: number): MetadataAnswer {
  const hasMore = found.length > limit;
  const children = found.slice(0, limit);
  const last = children.at(-1);
  return {
    ...(object ? { object } : {}),
    children,
    ...(hasMore && last ? { after: last.name } : {}),
  };
}

interface PageArgs {
  readonly workspaceId: WorkspaceId;
  readonly folderId: ObjectId;
  readonly after: string;
  readonly limit: number;
}

async function readPage(
  parts: MetaParts,
  { workspaceId, folderId, after, limit }: PageArgs,
): Promise<readonly ObjectRecord[]> {
  return parts.database.read(await shardOfWorkspace(parts, workspaceId), async (reader) => {
    const rows = await reader.all(OBJECTS.liveChildren, { workspaceId, parentId: folderId, after, limit });
    return rows.map(recordOf);
  });
}

async function readFolder(parts: MetaParts, workspaceId: WorkspaceId, folderId: ObjectId): Promise<Folder> {
  return parts.database.read(await shardOfWorkspace(parts, workspaceId), async (reader) => {
    const workspace = await reader.first(WORKSPACES.find, { workspaceId });
    const row = workspace?.root_id === folderId ? undefined : await reader.first(OBJECTS.byId, { objectId: folderId });
    const isThere = workspace?.root_id === folderId || (row?.workspace_id === workspaceId && row.deleted_at === null);
    if (!isThere) throw new CodedError('not_found', `There is no folder ${folderId} here.`);
    if (row !== undefined && row.kind !== 'folder')
      throw new CodedError('kind_mismatch', `“${row.name}” is a ${row.kind} and not a folder of this workspace.`);
    const rows = await reader.all(OBJECTS.liveChildren, {
      workspaceId,
      parentId: folderId,
      after: '',
      limit: MOST_CACHED,
    });
    return {
      object: row && recordOf(row),
      children: rows.map(recordOf),
      isWhole: rows.length < MOST_CACHED,
    };
  });
}
