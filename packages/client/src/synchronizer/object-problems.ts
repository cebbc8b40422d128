import type { ObjectId } from '@satchel/protocol/ids.ts';

/** Why an object makes no progress, and when it is tried again. */
export interface ObjectProblem {
  readonly objectId: ObjectId;
  readonly code: string;
  readonly message: string;
  /** Monotonic ms; undefined: when something about the object changes. */
  readonly retryAt: number | undefined;
}

const FIRST_RETRY_MS = 5000;
const LAST_RETRY_MS = 10 * 60_000;
/** Steps of one object that were dropped or refused one after the other before it is called stuck (H104). */
const PATIENCE = 8;

/** Objects that are stuck; one of them never holds up the others (H102). */
export class ObjectProblems {
  readonly #problems = new Map<ObjectId, ObjectProblem>();
  readonly #tries = new Map<ObjectId, number>();
  readonly #now: () => number;

  /** @param now monotonic ms */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** A failure that a retry may mend, later and later. */
  add(objectId: ObjectId, code: string, message: string): void {
    this.#hold({ objectId, code, message }, this.#tried(objectId));
  }

  /** A state that only a change ends. */
  addLasting(objectId: ObjectId, code: string, message: string): void {
    this.#problems.set(objectId, { objectId, code, message, retryAt: undefined });
  }

  /** A step came to nothing and is planned anew; called stuck when that goes on. */
  stalled(objectId: ObjectId, why: string): void {
    const tries = this.#tried(objectId);
    if (tries < PATIENCE) return;
    this.#hold({ objectId, code: 'stuck', message: `no progress after ${tries} tries: ${why}` }, tries - PATIENCE + 1);
  }

  #tried(objectId: ObjectId): number {
    const tries = (this.#tries.get(objectId) ?? 0) + 1;
    this.#tries.set(objectId, tries);
    return tries;
  }

  /** @param times that it was held back, this one included */
  #hold(problem: Omit<ObjectProblem, 'retryAt'>, times: number): void {
    const waitMs = Math.min(FIRST_RETRY_MS * 2 ** (times - 1), LAST_RETRY_MS);
    this.#problems.set(problem.objectId, { ...problem, retryAt: this.#now() + waitMs });
  }

  succeeded(objectId: ObjectId): void {
    this.#tries.delete(objectId);
    this.#problems.delete(objectId);
  }

  /** Something about it changed: it may be tried at once. Whether there was a problem. */
  changed(objectId: ObjectId): boolean {
    return this.#problems.delete(objectId);
  }

  /** Tries everything again now (`sync now`, room made, a plan changed). */
  retryAll(): readonly ObjectId[] {
    const ids = [...this.#problems.keys()];
    this.#problems.clear();
    return ids;
  }

  isWaiting(objectId: ObjectId): boolean {
    const problem = this.#problems.get(objectId);
    return problem !== undefined && (problem.retryAt === undefined || problem.retryAt > this.#now());
  }

  nextRetryAt(): number | undefined {
    let next: number | undefined;
    for (const { retryAt } of this.#problems.values()) {
      if (retryAt !== undefined && retryAt > this.#now()) next = Math.min(next ?? Infinity, retryAt);
    }
    return next;
  }

  all(): readonly ObjectProblem[] {
    return [...this.#problems.values()];
  }

  get size(): number {
    return this.#problems.size;
  }
}
