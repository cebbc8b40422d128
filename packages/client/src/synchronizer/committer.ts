import { syncedAfterCommit } from '@satchel/core/record.ts';
import type { ServerStep } from '@satchel/core/step.ts';
import { CodedError } from '@satchel/protocol/errors.ts';
import type { ObjectId, OperationId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { Operation } from '@satchel/protocol/commit.ts';
import type { CallAnswer, ServerApi } from '../ports/server-api.ts';
import type { Disk } from '../ports/disk.ts';
import type { ChunkIndex } from '../state/chunk-index.ts';
import type { PendingCommits } from '../state/pending-commits.ts';
import type { TreeStore } from '../state/trees.ts';
import type { WorkspaceStore } from '../state/workspaces.ts';
import type { LocalTree } from '../indexer/local-tree.ts';
import type { EarlyUploads } from './early-uploads.ts';
import type { Following } from './following.ts';
import { operationOf, stepOf } from './operations.ts';
import type { ServerRecord } from './remote-tree.ts';
import type { FileToUpload } from '../transfer/upload-job.ts';
import { mayPass } from '../transfer/retry.ts';
import type { Uploader } from '../transfer/upload.ts';

export interface CommitterDeps {
  readonly api: ServerApi;
  readonly trees: TreeStore;
  readonly tree: LocalTree;
  readonly disk: Disk;
  readonly chunks: ChunkIndex;
  readonly workspaces: WorkspaceStore;
  readonly pending: PendingCommits;
  readonly following: Following;
  readonly uploader: Uploader;
  readonly earlyUploads: Pick<EarlyUploads, 'take'>;
  /** Bytes of files that are on the server now. */
  readonly progress: (bytes: number) => void;
  readonly newOperationId: () => OperationId;
  readonly transaction: <T>(work: () => T) => T;
  readonly recheck: (paths: readonly string[]) => void;
}

/** What became of a step. `refused` with a code that the server gave; `stale` ones are planned anew after a listing. */
export type StepOutcome =
  | { readonly outcome: 'done' }
  | { readonly outcome: 'dropped' }
  | { readonly outcome: 'refused'; readonly code: string; readonly detail: string };

type Results = CallAnswer<'commit'>['results'];
interface Asked {
  readonly index: number;
  readonly step: ServerStep;
  readonly operation: Operation;
}

/**
 * Brings steps of one workspace to the server: first the bytes, then one commit (S1), which is noted before it is
 * sent, so that after a crash the same operations are asked for again under the same ids (H88).
 */
export class Committer {
  readonly #deps: CommitterDeps;
  /** Notes of commits that were sent, and nobody knows whether they arrived. */
  readonly #unanswered: Set<number>;
  #resending: Promise<void> | undefined;

  constructor(deps: CommitterDeps) {
    this.#deps = deps;
    this.#unanswered = new Set(deps.pending.all().map(({ id }) => id));
  }

  /** Uploads what the puts need. The outcome per step is undefined where it may be committed. */
  async prepare(
    workspaceId: WorkspaceId,
    steps: readonly ServerStep[],
    signal: AbortSignal,
  ): Promise<readonly (StepOutcome | undefined)[]> {
    const outcomes: (StepOutcome | undefined)[] = steps.map(() => undefined);
    const files: { readonly index: number; readonly file: FileToUpload; readonly path: string }[] = [];
    for (const [index, step] of steps.entries()) {
      if (step.kind !== 'put' || step.content.size === 0) continue;
      if (this.#deps.earlyUploads.take(workspaceId, step.content.hash)) continue;
      const found = this.#fileOf(step);
      if (found === undefined) outcomes[index] = { outcome: 'dropped' };
      else files.push({ index, ...found });
    }
    if (files.length === 0) return outcomes;
    const request = { workspaceId, files: files.map(({ file }) => file), progress: this.#deps.progress };
    const uploaded = await this.#deps.uploader.uploadMany(request, signal);
    for (const [at, { index, path }] of files.entries()) {
      if (uploaded[at] === 'sent') continue;
      outcomes[index] = { outcome: 'dropped' };
      this.#deps.recheck([path]);
    }
    return outcomes;
  }

  /** Commits steps of one workspace in order; one outcome each. */
  async commit(
    workspaceId: WorkspaceId,
    steps: readonly ServerStep[],
    signal: AbortSignal,
  ): Promise<readonly StepOutcome[]> {
    const outcomes: StepOutcome[] = steps.map(() => ({ outcome: 'dropped' }));
    const asked = this.#deps.transaction(() => this.#operations(workspaceId, steps));
    if (asked.length === 0) return outcomes;
    const request = { workspaceId, operations: asked.map(({ operation }) => operation) };
    const aside = asked.flatMap(({ step, operation }) =>
      step.kind === 'move' && !step.agrees ? [operation.operationId] : [],
    );
    const noted = this.#deps.pending.add({ request, aside });
    const isTaken = await this.#deps.following.whileCommitting(workspaceId, async () => {
      const answer = await this.#deps.api.call('commit', { body: request }, signal).catch((error: unknown) => {
        // A refusal of the whole request is an answer; silence is not: then nothing is planned until it is known.
        if (isAnswer(error)) this.#deps.pending.remove(noted);
        else this.#unanswered.add(noted);
        throw error;
      });
      return this.#deps.transaction(() => {
        this.#deps.pending.remove(noted);
        return this.#take(workspaceId, asked, { answer, outcomes });
      });
    });
    if (!isTaken || this.#deps.following.hasGap()) await this.#deps.following.list(workspaceId, signal);
    return outcomes;
  }

  /** Whether it is not known what became of a commit: then no plan would be right. */
  hasUnanswered(): boolean {
    return this.#unanswered.size > 0;
  }

  /** Tells the server that the user has accepted deletions, so that it does not hold them as well (H69). */
  async acceptDeletes(workspaceId: WorkspaceId, signal: AbortSignal): Promise<void> {
    const input = { params: { workspace_id: workspaceId }, body: { decision: 'accept' } } as const;
    try {
      await this.#deps.api.call('decideHeld', input, signal);
    } catch (error) {
      // A server that knows no holds, or a workspace that is gone: the commit gets the answer that counts.
      if (!(error instanceof CodedError) || error.code !== 'not_found') throw error;
    }
  }

  /** Sends commits again that a crash or cut left without an answer, and records the answer as the first one's. */
  async resendPending(signal: AbortSignal): Promise<void> {
    this.#resending ??= this.#resend(signal).finally(() => (this.#resending = undefined));
    return this.#resending;
  }

  async #resend(signal: AbortSignal): Promise<void> {
    const { pending, api, following, workspaces, transaction } = this.#deps;
    for (const { id, request, aside } of pending.all()) {
      if (!this.#unanswered.has(id)) continue;
      const { workspaceId } = request;
      const isTaken = await following.whileCommitting(workspaceId, async () => {
        const answer = await api.call('commit', { body: request }, signal).catch((error: unknown) => {
          if (!isAnswer(error)) throw error;
          return undefined;
        });
        return transaction(() => {
          pending.remove(id);
          if (answer === undefined || workspaces.get(workspaceId) === undefined) return true;
          const asked = request.operations.map((operation, index) => ({
            index,
            step: stepOf(operation, { workspaceId, agrees: !aside.has(operation.operationId) }),
          }));
          return this.#take(workspaceId, asked, { answer, outcomes: [] });
        });
      });
      this.#unanswered.delete(id);
      if (!isTaken) await following.list(workspaceId, signal);
    }
  }

  #operations(workspaceId: WorkspaceId, steps: readonly ServerStep[]): Asked[] {
    const { workspaces, chunks, trees, newOperationId } = this.#deps;
    const workspace = workspaces.get(workspaceId);
    if (workspace === undefined) return [];
    const synced = (id: ObjectId) => trees.synced.get(id);
    return steps.flatMap((step, index) => {
      // Deleted here while its bytes were sent, or found to be another object: nobody should see it come and go.
      const creates = 'place' in step && step.place !== undefined;
      if (creates && trees.local.get(step.objectId) === undefined) return [];
      const operation = operationOf(step, { workspace, chunks, synced, newOperationId });
      return operation === undefined ? [] : [{ index, step, operation }];
    });
  }

  /**
   * Records an answer. False: it is of another epoch, in which nothing that was agreed on counts (S10). Its states taken
   * for newer ones would replace what is newer here; what the commit did comes with the listing of the new epoch.
   */
  #take(
    workspaceId: WorkspaceId,
    asked: readonly Pick<Asked, 'index' | 'step'>[],
    { answer, outcomes }: { answer: CallAnswer<'commit'>; outcomes: StepOutcome[] },
  ): boolean {
    const { following } = this.#deps;
    if (following.isOfAnotherEpoch(workspaceId, answer)) return false;
    this.#record(workspaceId, asked, { results: answer.results, outcomes });
    following.committed(workspaceId, answer);
    return true;
  }

  #record(
    workspaceId: WorkspaceId,
    asked: readonly Pick<Asked, 'index' | 'step'>[],
    { results, outcomes }: { results: Results; outcomes: StepOutcome[] },
  ): void {
    const { trees, following } = this.#deps;
    const answered: ServerRecord[] = [];
    for (const [at, { index, step }] of asked.entries()) {
      const result = results[at];
      if (result === undefined) continue;
      if (result.outcome === 'refused') {
        outcomes[index] = { outcome: 'refused', code: result.code, detail: result.detail };
        if (result.object !== undefined) following.takeRefused(workspaceId, result.object);
        continue;
      }
      const before = trees.synced.get(step.objectId);
      const answer = following.rowOf(workspaceId, result.object);
      const synced = syncedAfterCommit(step, answer, before);
      if (synced === undefined) trees.removeSynced(step.objectId);
      else if (synced !== before) trees.putSynced(synced);
      answered.push(result.object);
      outcomes[index] = { outcome: 'done' };
    }
    following.takeAnswered(workspaceId, answered);
  }

  #fileOf(step: Extract<ServerStep, { readonly kind: 'put' }>): { file: FileToUpload; path: string } | undefined {
    const { tree, trees, chunks, disk } = this.#deps;
    const path = tree.pathOf(step.objectId);
    const list = chunks.manifest(step.content.hash, step.content.size);
    if (path === undefined) return undefined;
    if (list === undefined) {
      this.#deps.recheck([path]);
      return undefined;
    }
    const before = trees.synced.get(step.objectId)?.content;
    const base = before?.kind === 'file' ? chunks.manifest(before.hash, before.size) : undefined;
    const { objectId } = step;
    const file = {
      objectId,
      path: disk.absolute(path),
      chunks: list,
      ...(base === undefined ? {} : { base }),
    };
    return { file, path };
  }
}

/** Whether the server has said what becomes of the request. */
function isAnswer(error: unknown): boolean {
  return error instanceof CodedError && !mayPass(error);
}
