import { sideOf, type ServerStep, type Step } from '@satchel/core/step.ts';
import { CodedError } from '@satchel/protocol/errors.ts';
import type { ObjectId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { Applied, Applier, StepOf } from '../apply/applier.ts';
import { makeFolder, makeSymlink } from '../apply/arriving.ts';
import { Making, type MakingStep } from '../apply/making.ts';
import { rearrange, type RearrangingStep } from '../apply/rearranging.ts';
import { isShortage } from '../ports/shortage.ts';
import { Removals } from '../apply/removing.ts';
import { AnswerInvalidError, OfflineError } from '../ports/server-api.ts';
import type { Intent } from '../state/intents.ts';
import { contentBytes, type Bundle, type Dispatch } from './bundles.ts';
import type { Committer, StepOutcome } from './committer.ts';
import type { DeleteGuard } from './delete-guard.ts';
import type { FileDownloads } from './file-downloads.ts';
import type { Following } from './following.ts';
import type { ObjectProblems } from './object-problems.ts';

export interface TasksDeps {
  readonly applier: Applier;
  readonly committer: Committer;
  readonly downloads: FileDownloads;
  readonly following: Following;
  readonly problems: ObjectProblems;
  readonly guard: DeleteGuard;
  /** A step is over: its object is to be looked at again. */
  readonly finished: (id: ObjectId) => void;
  /** The server could not be reached, or wants a pause: nothing is planned until it answers again. */
  readonly offline: () => void;
  readonly done: (step: Step) => void;
  readonly transaction: <T>(work: () => T) => T;
  readonly log: (message: string, details: Readonly<Record<string, unknown>>) => void;
}

const SMALL_AT_ONCE = 6;
const LARGE_AT_ONCE = 2;

/** Codes after which a listing and a new plan will know better. */
const STALE: ReadonlySet<string> = new Set([
  'stale',
  'name_taken',
  'parent_missing',
  'folder_not_empty',
  'would_cycle',
  'object_exists',
  'kind_mismatch',
  'not_found',
]);

/** Runs the steps of plans: the disk's rearrangements at once, transfers beside each other, commits in order. */
export class Tasks {
  readonly #deps: TasksDeps;
  readonly #running = new Set<Step>();
  /** Steps under way of each object: one plan may move a file and give it new content. */
  readonly #busy = new Map<ObjectId, number>();
  /** Per workspace, the last commit on its way: commits keep the order of the plans. */
  readonly #commitChain = new Map<WorkspaceId, Promise<unknown>>();
  readonly #largeQueue: (() => Promise<void>)[] = [];
  #small = 0;
  #large = 0;

  constructor(deps: TasksDeps) {
    this.#deps = deps;
  }

  isBusy(id: ObjectId): boolean {
    return this.#busy.has(id);
  }

  isIdle(): boolean {
    return this.#running.size === 0;
  }

  /** No room for another plan's work. */
  isFull(): boolean {
    return this.#small >= SMALL_AT_ONCE || this.#largeQueue.length > 50;
  }

  /** Steps under way, with the bytes of their contents. */
  running(): {
    readonly uploads: number;
    readonly downloads: number;
    readonly bytesUp: number;
    readonly bytesDown: number;
  } {
    const sum = { uploads: 0, downloads: 0, bytesUp: 0, bytesDown: 0 };
    for (const step of this.#running) {
      const isUp = sideOf(step) === 'server';
      sum[isUp ? 'uploads' : 'downloads']++;
      sum[isUp ? 'bytesUp' : 'bytesDown'] += contentBytes(step);
    }
    return sum;
  }

  async start(dispatch: Dispatch, signal: AbortSignal): Promise<void> {
    for (const { steps } of [...dispatch.downloads, ...dispatch.commits]) for (const step of steps) this.#begin(step);
    for (const step of dispatch.rearranging) this.#begin(step);
    for (const bundle of dispatch.commits) this.#launch(bundle, () => this.#commit(bundle, signal), signal);
    try {
      await this.#rearrange(dispatch.rearranging);
    } catch (error) {
      const begun = [...dispatch.rearranging, ...dispatch.downloads.flatMap(({ steps }): readonly Step[] => steps)];
      return this.#fail(
        begun.filter((step) => this.#running.has(step)),
        error,
        signal,
      );
    }
    for (const bundle of dispatch.downloads) {
      const run = async () => this.#settle(bundle.steps, await this.#deps.downloads.run(bundle.steps, signal), signal);
      this.#launch(bundle, run, signal);
    }
  }

  async #rearrange(steps: Dispatch['rearranging']): Promise<void> {
    const { intents } = this.#deps.applier.deps;
    // Of a way station nothing is agreed upon: a scan finds the object there just as it would have been recorded.
    using making = new Making(
      this.#deps.applier,
      steps.filter((step) => isMaking(step)),
    );
    const intended = steps.flatMap((step): readonly Intent[] => {
      if (step.kind === 'removeLocal' && !step.excluded) return [];
      if (step.kind === 'moveLocal' && step.remote === undefined) return [];
      const made = isMaking(step) ? making.made(step) : undefined;
      return [{ step, ...(made === undefined ? {} : { made }) }];
    });
    const noted = intents.add(intended);
    const removals = new Removals(
      this.#deps.applier,
      steps.filter((step) => step.kind === 'removeLocal'),
    );
    const failed = new Set<number>();
    const skipped: Step[] = [];
    const concluded: { readonly step: Step; readonly outcome: StepOutcome }[] = [];
    for (const step of steps) {
      if (step.after.some((index) => failed.has(index))) {
        failed.add(step.index);
        skipped.push(step);
        continue;
      }
      const outcome = await this.#applyOne(step, { removals, making }).catch((error: unknown) =>
        this.#outcomeOf(error, step),
      );
      if (outcome.outcome !== 'done') failed.add(step.index);
      concluded.push({ step, outcome });
    }
    this.#deps.transaction(() => {
      removals.close();
      intents.drop(noted);
      for (const { step, outcome } of concluded) this.#conclude(step, outcome);
      for (const step of skipped) this.#release(step);
    });
  }

  async #applyOne(
    step: Dispatch['rearranging'][number],
    { removals, making }: { readonly removals: Removals; readonly making: Making },
  ): Promise<StepOutcome> {
    const { applier } = this.#deps;
    if (step.kind === 'removeLocal') return { outcome: await removals.remove(step) };
    removals.record();
    const applied = await applyStep(applier, making, step);
    if (applied !== 'refused') return { outcome: applied };
    return {
      outcome: 'refused',
      code: 'symlink_outside',
      detail: 'the link points outside the synced folder: it is not made on this device',
    };
  }

  #launch(bundle: Bundle<ServerStep | StepOf<'download'>>, work: () => Promise<void>, signal: AbortSignal): void {
    const guarded = async () => {
      try {
        await work();
      } catch (error) {
        await this.#fail(bundle.steps, error, signal);
      }
    };
    if (bundle.large) {
      this.#largeQueue.push(guarded);
      this.#startLarge();
      return;
    }
    this.#small++;
    void guarded().finally(() => this.#small--);
  }

  #startLarge(): void {
    while (this.#large < LARGE_AT_ONCE) {
      const next = this.#largeQueue.shift();
      if (next === undefined) return;
      this.#large++;
      void next().finally(() => {
        this.#large--;
        this.#startLarge();
      });
    }
  }

  async #commit({ workspaceId, steps, large }: Bundle<ServerStep>, signal: AbortSignal): Promise<void> {
    const { committer, guard } = this.#deps;
    const before = large ? Promise.resolve() : (this.#commitChain.get(workspaceId) ?? Promise.resolve());
    const mine = Promise.withResolvers<void>();
    if (!large) this.#commitChain.set(workspaceId, mine.promise);
    try {
      const prepared = await committer.prepare(workspaceId, steps, signal);
      await before;
      const ready = steps.filter((_, index) => prepared[index] === undefined);
      const deletions = ready.filter(({ kind }) => kind === 'delete').map(({ objectId }) => objectId);
      if (guard.mustTell(workspaceId, deletions)) {
        await committer.acceptDeletes(workspaceId, signal);
        guard.told(workspaceId);
      }
      const committed = ready.length === 0 ? [] : await committer.commit(workspaceId, ready, signal);
      const done = ready.filter((_, index) => committed[index]?.outcome === 'done');
      guard.sent(done.filter(({ kind }) => kind === 'delete').map(({ objectId }) => objectId));
      const outcomes = new Map(ready.map((step, index) => [step, committed[index]]));
      const all = steps.map((step, index) => prepared[index] ?? outcomes.get(step) ?? { outcome: 'dropped' as const });
      await this.#settle(steps, all, signal);
    } finally {
      mine.resolve();
    }
  }

  async #settle(steps: readonly Step[], outcomes: readonly StepOutcome[], signal: AbortSignal): Promise<void> {
    const stale = steps.filter((_, index) => {
      const outcome = outcomes[index];
      return outcome?.outcome === 'refused' && STALE.has(outcome.code);
    });
    for (const workspaceId of new Set(stale.map((step) => step.workspaceId)))
      await this.#deps.following.list(workspaceId, signal);
    this.#deps.transaction(() => {
      for (const [index, step] of steps.entries()) this.#conclude(step, outcomes[index] ?? { outcome: 'dropped' });
    });
  }

  #conclude(step: Step, outcome: StepOutcome): void {
    const { problems, finished, done, guard } = this.#deps;
    this.#end(step);
    finished(step.objectId);
    if (outcome.outcome === 'done') {
      problems.succeeded(step.objectId);
      done(step);
    } else if (outcome.outcome === 'refused' && outcome.code === 'held') guard.hold([step.objectId]);
    else if (outcome.outcome === 'dropped') problems.stalled(step.objectId, `${step.kind} found the disk changed`);
    else if (STALE.has(outcome.code) || outcome.code === 'chunk_missing')
      problems.stalled(step.objectId, `${step.kind}: ${outcome.detail}`);
    else problems.add(step.objectId, outcome.code, outcome.detail);
  }

  /** A whole bundle came to nothing. */
  async #fail(steps: readonly Step[], error: unknown, signal: AbortSignal): Promise<void> {
    const refusal = refusalOf(error);
    const passes =
      signal.aborted || isShortage(error) || error instanceof OfflineError || error instanceof AnswerInvalidError;
    if (passes || (error instanceof CodedError && ['unavailable', 'rate_limited', 'internal'].includes(error.code))) {
      for (const step of steps) this.#release(step);
      if (!signal.aborted) this.#deps.offline();
      return;
    }
    const text = error instanceof CodedError ? String(error) : error instanceof Error ? error.stack : String(error);
    this.#deps.log('a bundle of steps failed', { error: text, steps: steps.length, kind: steps[0]?.kind });
    for (const step of steps)
      this.#conclude(step, refusal ?? { outcome: 'refused', code: 'internal', detail: String(error) });
  }

  /** An unknown failure is a defect: it is logged and shown, and the other steps go on. */
  #outcomeOf(error: unknown, step: Step): StepOutcome {
    const refusal = refusalOf(error);
    if (refusal !== undefined) return refusal;
    this.#deps.log('a step failed', { kind: step.kind, error: error instanceof Error ? error.stack : String(error) });
    return { outcome: 'refused', code: 'internal', detail: String(error) };
  }

  #begin(step: Step): void {
    this.#running.add(step);
    this.#busy.set(step.objectId, (this.#busy.get(step.objectId) ?? 0) + 1);
  }

  #end(step: Step): void {
    if (!this.#running.delete(step)) return;
    const left = (this.#busy.get(step.objectId) ?? 1) - 1;
    if (left === 0) this.#busy.delete(step.objectId);
    else this.#busy.set(step.objectId, left);
  }

  #release(step: Step): void {
    this.#end(step);
    this.#deps.finished(step.objectId);
  }
}

function applyStep(applier: Applier, making: Making, step: RearrangingStep | MakingStep): Promise<Applied | 'refused'> {
  if (step.kind === 'makeFolder') return makeFolder(applier, making, step);
  if (step.kind === 'makeSymlink') return makeSymlink(applier, making, step);
  return rearrange(applier, step);
}

/** Whether it brings something that is new on this disk. */
function isMaking(step: Step): step is MakingStep {
  return step.kind === 'makeFolder' || (step.kind === 'makeSymlink' && step.expected === undefined);
}

/** Failures of the disk and refusals of the server as outcomes with a stable code and the next step to take. */
function refusalOf(error: unknown): Extract<StepOutcome, { readonly outcome: 'refused' }> | undefined {
  if (error instanceof CodedError) return { outcome: 'refused', code: error.code, detail: error.message };
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  switch (code) {
    case undefined:
      return undefined;
    case 'ENOSPC':
    case 'EDQUOT':
      return {
        outcome: 'refused',
        code: 'disk_full',
        detail: 'the disk of this device is full: make room, it goes on by itself',
      };
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return {
        outcome: 'refused',
        code: 'not_writable',
        detail: `the folder cannot be written (${code}): give yourself write access`,
      };
    case 'ENAMETOOLONG':
      return { outcome: 'refused', code: 'name_too_long', detail: 'the path is too long for this disk: shorten it' };
    default:
      return { outcome: 'refused', code: 'disk_error', detail: `the disk reports ${code}: ${String(error)}` };
  }
}
