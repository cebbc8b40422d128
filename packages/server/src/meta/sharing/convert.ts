import { CodedError } from '@satchel/protocol/errors.ts';
import type { ChunkId, ObjectId, WorkspaceId } from '@satchel/protocol/ids.ts';
import { closeCommit, openCommit } from '../commit/commit.ts';
import type { CommitState } from '../commit/state.ts';
import { CHUNKS } from '../ledger/chunk-statements.ts';
import { OBJECTS, VERSIONS } from '../object-statements.ts';
import { createWorkspace, newWorkspace } from '../people.ts';
import { chunkListOf } from '../records.ts';
import { shardOfChunk, type TransactionOf } from '../shards.ts';
import { createTurns } from '../turns.ts';
import { WORKSPACE_CHUNKS } from '../workspace-statements.ts';
import type { ObjectRow } from '../../ports/schema.ts';

const OBJECTS_PER_TURN = 64;

/** Chunks that change workspace: their sizes and how many versions take them along. */
type ChunkCounts = Map<ChunkId, { readonly size: number; count: number }>;

/**
 * Turns a folder of a personal workspace into a shared workspace of its own, in one transaction: the folder keeps its
 * id and place and becomes the mount; what lies below it, dead things included, keeps its ids, gets new seqs, and
 * belongs to the new workspace, with its versions and what they hold of chunks. The new workspace lies on the same
 * shard. Costs what lies below the folder.
 * @throws CodedError('forbidden' | 'kind_mismatch')
 */
export async function convertToShared(
  state: CommitState,
  txOf: TransactionOf,
  folder: ObjectRow,
): Promise<WorkspaceId> {
  if (folder.kind !== 'folder')
    throw new CodedError('kind_mismatch', `“${folder.name}” is a ${folder.kind}; only folders can be shared.`);
  const { parts, on, caller } = state;
  const below = await descendants(state, folder.object_id);
  const mount = below.find((row) => row.kind === 'mount' && row.deleted_at === null);
  if (mount !== undefined)
    throw new CodedError(
      'forbidden',
      `“${folder.name}” contains the shared folder “${mount.name}”. Move that one out first.`,
    );
  const row = newWorkspace(parts, 'shared', state.workspace.owner_id);
  await createWorkspace(txOf, on.shard, row, folder.object_id);
  const shared = await openCommit(parts, on, caller, row.workspace_id);
  const chunks: ChunkCounts = new Map();
  const step = createTurns(OBJECTS_PER_TURN);
  for (const object of below) {
    await step();
    state.expel(object);
    const parentId = object.parent_id === folder.object_id ? row.root_id : object.parent_id;
    await shared.apply({
      action: 'adopt',
      before: undefined,
      after: { ...object, parent_id: parentId },
      operationId: null,
    });
    if (object.kind === 'file') await adoptVersions(shared, object.object_id, chunks);
  }
  await adoptChunks(state, shared.workspaceId, txOf, chunks);
  await closeCommit(shared);
  const after = { ...folder, kind: 'mount' as const, mounts: row.workspace_id };
  await state.apply({ action: 'share', before: folder, after, operationId: null });
  return row.workspace_id;
}

/** Everything below a folder, dead things included, parents before what lies in them. */
async function descendants(state: CommitState, folderId: ObjectId): Promise<readonly ObjectRow[]> {
  const { workspaceId, tx } = state;
  const found: ObjectRow[] = [];
  const folders = [folderId];
  const step = createTurns(OBJECTS_PER_TURN);
  for (const parentId of folders) {
    await step();
    for (const row of await tx.all(OBJECTS.children, { workspaceId, parentId })) {
      found.push(row);
      if (row.kind === 'folder') folders.push(row.object_id);
    }
  }
  return found;
}

async function adoptVersions(shared: CommitState, objectId: ObjectId, chunks: ChunkCounts): Promise<void> {
  for (const version of await shared.tx.all(VERSIONS.ofObject, { objectId })) {
    for (const [id, size] of new Map(chunkListOf(version).map((chunk) => [chunk.id, chunk.size]))) {
      const known = chunks.get(id);
      if (known === undefined) chunks.set(id, { size, count: 1 });
      else known.count++;
    }
  }
  await shared.tx.run(VERSIONS.adopt, { objectId, workspaceId: shared.workspaceId });
}

/** The old workspace stays linked for the grace, without the references; the new one is linked with them. */
async function adoptChunks(
  { tx, now, workspaceId, parts }: CommitState,
  sharedId: WorkspaceId,
  txOf: TransactionOf,
  chunks: ChunkCounts,
): Promise<void> {
  const step = createTurns(OBJECTS_PER_TURN);
  for (const [id, { size, count }] of chunks) {
    await step();
    const chunkId = Uint8Array.fromHex(id);
    await txOf(shardOfChunk(parts.database, chunkId)).run(CHUNKS.addLink, { chunkId });
    await tx.run(WORKSPACE_CHUNKS.insert, { workspaceId: sharedId, chunkId, size, refs: count, now });
    await tx.run(WORKSPACE_CHUNKS.removeRefs, { workspaceId, chunkId, count, now });
  }
}
