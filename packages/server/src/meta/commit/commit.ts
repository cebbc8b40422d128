import { parseDigest, digestText } from '@satchel/core/digest.ts';
import { CodedError } from '@satchel/protocol/errors.ts';
import type { CommitAnswer, CommitRequest, Operation, OperationResult } from '@satchel/protocol/commit.ts';
import type { ObjectId } from '@satchel/protocol/ids.ts';
import type { Caller } from '../../ports/chunk-ledger.ts';
import { expectRole } from '../access.ts';
import { folderKey } from '../folder-contents.ts';
import type { MetaParts } from '../parts.ts';
import { shardOfWorkspace, type OnShard } from '../shards.ts';
import { WORKSPACES } from '../workspace-statements.ts';
import { answeredBefore } from './answered-before.ts';
import { remove } from './delete.ts';
import { mkdir } from './mkdir.ts';
import { move } from './move.ts';
import { put } from './put.ts';
import { CommitState } from './state.ts';
import { symlink } from './symlink.ts';

interface Done {
  readonly answer: CommitAnswer;
  readonly changed: boolean;
  readonly folders: ReadonlySet<ObjectId>;
}

/**
 * Applies the operations in order in one transaction, each on its own: a refused one has changed nothing.
 * The workspace's row lock is held throughout (S3); role and quota are checked under it (S8).
 * @throws CodedError('not_found' | 'read_only')
 */
export async function commit(parts: MetaParts, caller: Caller, request: CommitRequest): Promise<CommitAnswer> {
  const { workspaceId } = request;
  const shard = await shardOfWorkspace(parts, workspaceId);
  const { answer, changed, folders } = await parts.database.transact(shard, async (tx) =>
    apply(parts, { shard, tx }, caller, request),
  );
  // RACE: between the commit and this a reader may fill the cache; what it read before the commit is refused (K2).
  for (const folder of folders) await parts.cache.delete(folderKey(workspaceId, folder));
  if (changed) parts.bus.publish({ workspace: workspaceId }, { workspace: workspaceId, seq: answer.head });
  return answer;
}

async function apply(parts: MetaParts, on: OnShard, caller: Caller, request: CommitRequest): Promise<Done> {
  const { workspaceId, operations } = request;
  await expectRole(parts, on, { caller, workspaceId }, 'editor');
  const state = await openCommit(parts, on, caller, workspaceId);
  const before = state.head;
  const results: OperationResult[] = [];
  for (const operation of operations)
    results.push((await answeredBefore(state, operation)) ?? (await run(state, operation)));
  await closeCommit(state);
  return { answer: { results, head: state.head }, changed: state.head > before, folders: state.touchedFolders };
}

/** Takes the workspace's lock. @throws CodedError('not_found') */
export async function openCommit(
  parts: MetaParts,
  on: OnShard,
  caller: Caller,
  workspaceId: CommitRequest['workspaceId'],
): Promise<CommitState> {
  const workspace = await on.tx.first(WORKSPACES.lock, { workspaceId });
  const digest = workspace === undefined ? undefined : parseDigest(workspace.digest);
  if (workspace === undefined || digest === undefined)
    throw new CodedError('not_found', `There is no workspace ${workspaceId} for you.`);
  return new CommitState({ parts, on, caller, workspace, digest });
}

/** Writes the workspace's new head, if anything has changed. */
export async function closeCommit(state: CommitState): Promise<void> {
  if (state.head === state.workspace.head_seq) return;
  await state.tx.run(WORKSPACES.advance, {
    workspaceId: state.workspace.workspace_id,
    headSeq: state.head,
    digest: digestText(state.digest),
    usedBytes: state.usedBytes,
  });
}

async function run(state: CommitState, operation: Operation): Promise<OperationResult> {
  switch (operation.op) {
    case 'put':
      return put(state, operation);
    case 'mkdir':
      return mkdir(state, operation);
    case 'symlink':
      return symlink(state, operation);
    case 'move':
      return move(state, operation);
    case 'delete':
      return remove(state, operation);
  }
}
