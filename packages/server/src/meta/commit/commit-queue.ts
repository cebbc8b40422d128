import type { CommitAnswer, CommitRequest } from '@satchel/protocol/commit.ts';
import type { WorkspaceId } from '@satchel/protocol/ids.ts';
import { CodedError } from '@satchel/protocol/errors.ts';
import type { Caller } from '../../ports/chunk-ledger.ts';
import type { MetaParts } from '../parts.ts';
import { shardOfWorkspace, type OnShard } from '../shards.ts';
import type { CommitState } from './state.ts';
import { announce, applyOperations, closeCommit, openCommit, type Changes } from './commit.ts';

export interface CommitQueue {
  /** @throws CodedError('not_found' | 'read_only') */
  commit(caller: Caller, request: CommitRequest): Promise<CommitAnswer>;
}

interface Waiting {
  readonly caller: Caller;
  readonly request: CommitRequest;
  readonly resolve: (answer: CommitAnswer) => void;
  readonly reject: (error: unknown) => void;
}

type Outcome = { readonly answer: CommitAnswer } | { readonly error: CodedError };

/** Operations that one transaction takes from the queue. */
const MOST_OPERATIONS = 1000;

/**
 * Commits to workspaces. All writes of a workspace are serialised by its row lock in any case (S3), so those that
 * wait for the same one share a transaction: the lock, the head, roles and quota are read and written once for all
 * of them. Each request is answered as if it were alone: its checks come under the lock, after what went before it.
 */
export function createCommitQueue(parts: MetaParts): CommitQueue {
  const queues = new Map<WorkspaceId, Waiting[]>();

  const take = (workspaceId: WorkspaceId): readonly Waiting[] => {
    const queue = queues.get(workspaceId) ?? [];
    let operations = 0;
    let count = 0;
    for (const { request } of queue) {
      operations += request.operations.length;
      if (count > 0 && operations > MOST_OPERATIONS) break;
      count++;
    }
    const taken = queue.splice(0, count);
    if (queue.length === 0) queues.delete(workspaceId);
    else void drain(workspaceId);
    return taken;
  };

  const drain = async (workspaceId: WorkspaceId): Promise<void> => {
    let taken: readonly Waiting[] = [];
    try {
      const shard = await shardOfWorkspace(parts, workspaceId);
      const { outcomes, changes } = await parts.database.transact(shard, async (tx) => {
        // A work may be run again (D5): what it has taken stays taken.
        if (taken.length === 0) taken = take(workspaceId);
        return runAll(parts, { shard, tx }, workspaceId, taken);
      });
      await announce(parts, changes);
      for (const [index, waiting] of taken.entries()) tell(waiting, outcomes[index]);
    } catch (error) {
      if (taken.length === 0) {
        // The work was never begun: nobody will take what waits.
        taken = queues.get(workspaceId) ?? [];
        queues.delete(workspaceId);
      }
      for (const waiting of taken) waiting.reject(error);
    }
  };

  return {
    commit: async (caller, request) =>
      new Promise((resolve, reject) => {
        const waiting = { caller, request, resolve, reject };
        const queue = queues.get(request.workspaceId);
        if (queue !== undefined) queue.push(waiting);
        else {
          queues.set(request.workspaceId, [waiting]);
          void drain(request.workspaceId);
        }
      }),
  };
}

async function runAll(
  parts: MetaParts,
  on: OnShard,
  workspaceId: WorkspaceId,
  taken: readonly Waiting[],
): Promise<{ readonly outcomes: readonly Outcome[]; readonly changes: Changes }> {
  const [first] = taken;
  if (first === undefined) throw new Error('A commit was begun for nobody.');
  const state = await openCommit(parts, on, first.caller, workspaceId);
  const outcomes: Outcome[] = [];
  for (const { caller, request } of taken) {
    const refusal = await refusalOf(state, caller);
    if (refusal === undefined) outcomes.push({ answer: await applyOperations(state, request.operations) });
    else outcomes.push({ error: refusal });
  }
  return { outcomes, changes: await closeCommit(state) };
}

/** Why the caller may not write here; else the caller acts from now on. */
async function refusalOf(state: CommitState, caller: Caller): Promise<CodedError | undefined> {
  try {
    await state.actAs(caller);
    return undefined;
  } catch (error) {
    if (error instanceof CodedError) return error;
    throw error;
  }
}

function tell(waiting: Waiting, outcome: Outcome | undefined): void {
  if (outcome === undefined) waiting.reject(new Error('A commit was left without an answer.'));
  else if ('answer' in outcome) waiting.resolve(outcome.answer);
  else waiting.reject(outcome.error);
}
