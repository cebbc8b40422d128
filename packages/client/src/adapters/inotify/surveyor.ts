import type { Folder } from './folders.ts';

/** How to look at one folder. */
export interface Survey {
  /** Report each entry as dirty, those of new folders below included. */
  readonly report: boolean;
  /** Go down into folders that are known already, too; new ones are always gone into. */
  readonly recurse: boolean;
}

/** 'stale': the folder is not where we believe it to be; events that say so are on their way. */
export type SurveyOutcome = 'done' | 'stale';

export interface SurveyorEvents {
  survey(folder: Folder, survey: Survey): Promise<SurveyOutcome>;
  /** Nothing is waiting or running. */
  idle(): void;
  /** The folder could not be found at its place again and again. */
  lost(folder: Folder): void;
  failed(error: Error): void;
}

/** Half the time of one at a time; more gains nothing, with the four threads of the pool. */
const CONCURRENCY = 8;
const RETRY_ROUNDS = 5;
const RETRY_MS = 100;

/** Runs the surveys that are asked for, a few at a time, each folder at most once in the queue. */
export class Surveyor {
  readonly #events: SurveyorEvents;
  readonly #queue = new Map<Folder, Survey>();
  readonly #stale = new Map<Folder, { readonly survey: Survey; readonly rounds: number }>();
  readonly #running = new Set<Promise<void>>();
  #retryTimer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(events: SurveyorEvents) {
    this.#events = events;
  }

  get isIdle(): boolean {
    return this.#queue.size === 0 && this.#running.size === 0 && this.#stale.size === 0;
  }

  request(folder: Folder, survey: Survey): void {
    if (this.#stopped) return;
    const waiting = this.#queue.get(folder);
    this.#queue.set(folder, {
      report: survey.report || (waiting?.report ?? false),
      recurse: survey.recurse || (waiting?.recurse ?? false),
    });
    this.#pump();
  }

  /** Tries stale folders again: to be called when events have been read, which may have told their new places. */
  retryStale(): void {
    for (const [folder, { survey }] of this.#stale) this.request(folder, survey);
  }

  /** Resolves when the surveys that run have ended; no more are begun. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#retryTimer);
    this.#queue.clear();
    this.#stale.clear();
    await Promise.all(this.#running);
  }

  #pump(): void {
    for (const [folder, survey] of this.#queue) {
      if (this.#running.size >= CONCURRENCY) return;
      this.#queue.delete(folder);
      const run = this.#run(folder, survey).finally(() => {
        this.#running.delete(run);
        if (this.#stopped) return;
        this.#pump();
        if (this.isIdle) this.#events.idle();
      });
      this.#running.add(run);
    }
  }

  async #run(folder: Folder, survey: Survey): Promise<void> {
    // A turn of the loop between surveys: events are read in between, and `request` never runs one on its caller's stack.
    await new Promise((resolve) => setImmediate(resolve));
    try {
      const outcome = this.#stopped ? 'done' : await this.#events.survey(folder, survey);
      if (outcome === 'done' || this.#stopped) {
        this.#stale.delete(folder);
        return;
      }
      this.#stale.set(folder, { survey, rounds: this.#stale.get(folder)?.rounds ?? 0 });
      this.#retryTimer ??= setTimeout(() => this.#retryRound(), RETRY_MS);
    } catch (error) {
      this.#events.failed(error as Error);
    }
  }

  #retryRound(): void {
    this.#retryTimer = undefined;
    for (const [folder, { survey, rounds }] of this.#stale) {
      if (rounds + 1 < RETRY_ROUNDS) {
        this.#stale.set(folder, { survey, rounds: rounds + 1 });
        this.request(folder, survey);
      } else {
        this.#stale.delete(folder);
        this.#events.lost(folder);
      }
    }
    if (this.isIdle) this.#events.idle();
  }
}
