import { parseDigest, digestText } from '@satchel/core/digest.ts';
import { CodedError } from '@satchel/protocol/errors.ts';
import type { CommitAnswer, Operation, OperationResult } from '@satchel/protocol/commit.ts';
import type { ObjectId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { Caller } from '../../ports/chunk-ledger.ts';
import { folderKey } from '../folder-contents.ts';
import type { MetaParts } from '../parts.ts';
import type { OnShard } from '../shards.ts';
import { WORKSPACES } from '../workspace-statements.ts';
import { answeredBefore } from './answered-before.ts';
import { remove } from './delete.ts';
import { mkdir } from './mkdir.ts';
import { move } from './move.ts';
import { put } from './put.ts';
import { CommitState } from './state.ts';
import { symlink } from './symlink.ts';

/** What a commit has changed, for those who have to hear of it. */
export interface Changes {
  readonly workspaceId: WorkspaceId;
  /** The new head, where it has moved. */
  readonly head: number | undefined;
  readonly folders: ReadonlySet<ObjectId>;
}

/**
 * Applies the operations in order, each on its own: a refused one has changed nothing. Quota is checked under the
 * workspace's lock (S8), as is the role of who acts.
 */
export async function applyOperations(state: CommitState, operations: readonly Operation[]): Promise<CommitAnswer> {
  const results: OperationResult[] = [];
  state.deletesAsked = operations.filter(({ op }) => op === 'delete').length;
  state.holdsDeletes = undefined;
  for (const operation of operations)
    results.push((await answeredBefore(state, operation)) ?? (await run(state, operation)));
  return { results, head: state.head, epoch: state.workspace.epoch };
}

/** Takes the workspace's lock. @throws CodedError('not_found') */
export async function openCommit(
  parts: MetaParts,
  on: OnShard,
  caller: Caller,
  workspaceId: WorkspaceId,
): Promise<CommitState> {
  const workspace = await on.tx.first(WORKSPACES.lock, { workspaceId });
  const digest = workspace === undefined ? undefined : parseDigest(workspace.digest);
  if (workspace === undefined || digest === undefined)
    throw new CodedError('not_found', `There is no workspace ${workspaceId} for you.`);
  return new CommitState({ parts, on, caller, workspace, digest });
}

/** Writes the workspace's new head, if anything has changed. */
export async function closeCommit(state: CommitState): Promise<Changes> {
  const { workspaceId, touchedFolders: folders } = state;
  if (state.head === state.workspace.head_seq) return { workspaceId, head: undefined, folders };
  await state.tx.run(WORKSPACES.advance, {
    workspaceId: state.workspace.workspace_id,
    headSeq: state.head,
    digest: digestText(state.digest),
    usedBytes: state.usedBytes,
  });
  return { workspaceId, head: state.head, folders };
}

/**
 * To be called when the changes are committed, before whoever made them hears of it.
 * RACE: a reader may fill the cache between the commit and this; what it read before the commit is refused (K2).
 */
export async function announce({ cache, bus }: MetaParts, { workspaceId, head, folders }: Changes): Promise<void> {
  for (const folder of folders) await cache.delete(folderKey(workspaceId, folder));
  if (head !== undefined) bus.publish({ workspace: workspaceId }, { workspace: workspaceId, seq: head });
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
