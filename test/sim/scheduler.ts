import { createHash } from 'node:crypto';
import type { Chance } from './chance.ts';

/** A process that may be killed: what it has scheduled does not happen any more. */
export interface Life {
  isAlive: boolean;
}

interface Due {
  readonly at: number;
  /** Drawn by lot, so that what is due at the same time happens in any order. */
  readonly lot: number;
  readonly run: () => void;
  readonly life: Life | undefined;
  isCancelled: boolean;
}

/** At a clock, in one event: some thousands are usual. */
const MOST_LOOKS = 1_000_000;

const realSetImmediate = globalThis.setImmediate;

/**
 * The one source of time and order of a history. An event runs in a turn of the event loop of its own, so that all
 * promises that it settles are worked off before the next one: between two events every process is at rest, and may be
 * killed there.
 */
export class Scheduler {
  /** Virtual ms since the beginning of the history. */
  now = 0;
  readonly #chance: Chance;
  readonly #heap: Due[] = [];
  readonly #trace = createHash('sha256');
  readonly #listeners: ((line: string) => void)[] = [];
  events = 0;
  failure: unknown;
  /** Looks at a clock since the last event. */
  #looks = 0;

  constructor(chance: Chance) {
    this.#chance = chance;
  }

  /** Part of the trace by which two runs of a seed are compared. */
  note(line: string): void {
    const text = `${this.now.toFixed(3)} ${line}`;
    this.#trace.update(text).update('\n');
    for (const listener of this.#listeners) listener(text);
  }

  /** For listeners only: no part of what two runs are compared by. */
  tell(line: string): void {
    for (const listener of this.#listeners) listener(`${this.now.toFixed(3)} ${line}`);
  }

  onNote(listener: (line: string) => void): void {
    this.#listeners.push(listener);
  }

  digest(): string {
    return this.#trace.copy().digest('hex');
  }

  /**
   * Somebody looks at a monotonic clock, which takes so long. Whoever does nothing else, from promise to promise, would
   * never come to the next event: that is a busy loop, and ends the history.
   */
  look(tookMs: number): number {
    if (++this.#looks > MOST_LOOKS) {
      const error = new Error('a busy loop: no event comes any more');
      this.failure ??= error;
      throw error;
    }
    return (this.now += tookMs);
  }

  after(delayMs: number, run: () => void, life?: Life): Disposable {
    const due: Due = {
      at: this.now + Math.max(0, delayMs),
      lot: this.#chance.below(2 ** 30),
      run,
      life,
      isCancelled: false,
    };
    push(this.#heap, due);
    return { [Symbol.dispose]: () => void (due.isCancelled = true) };
  }

  /** Never resolves once the life is over. */
  sleep(delayMs: number, life?: Life): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, resolve, life));
  }

  /** Runs events until the condition holds between two of them; false when time is up or nothing is left to happen. */
  async run(until: () => boolean, limitMs: number): Promise<boolean> {
    const patched = globalThis.setImmediate;
    // The database's group commit waits for a turn of the event loop; here all turns are the scheduler's.
    globalThis.setImmediate = ((run: () => void) => this.after(0, run)) as unknown as typeof setImmediate;
    try {
      return await new Promise<boolean>((resolve, reject) => {
        const turn = (): void => {
          try {
            if (this.failure !== undefined) throw this.failure;
            if (until()) return resolve(true);
            const next = pop(this.#heap);
            if (next === undefined) return resolve(false);
            if (next.at > limitMs) {
              push(this.#heap, next);
              return resolve(false);
            }
            if (!next.isCancelled && next.life?.isAlive !== false) {
              this.now = Math.max(this.now, next.at);
              this.events++;
              this.#looks = 0;
              next.run();
            }
          } catch (error) {
            return reject(error);
          }
          realSetImmediate(turn);
        };
        realSetImmediate(turn);
      });
    } finally {
      globalThis.setImmediate = patched;
    }
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.at < b.at || (a.at === b.at && a.lot < b.lot);
}

function push(heap: Due[], due: Due): void {
  let at = heap.push(due) - 1;
  while (at > 0) {
    const above = (at - 1) >> 1;
    if (!isBefore(due, heap[above]!)) break;
    heap[at] = heap[above]!;
    at = above;
  }
  heap[at] = due;
}

function pop(heap: Due[]): Due | undefined {
  const first = heap[0];
  const last = heap.pop();
  if (first === undefined || last === undefined || heap.length === 0) return first;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
    if (!isBefore(heap[child]!, last)) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = last;
  return first;
}
