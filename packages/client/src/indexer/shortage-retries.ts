import type { Clock } from '../ports/clock.ts';

const FIRST_MS = 250;
const LAST_MS = 30_000;
/** A shortage this soon after a retry is the same one. */
const SAME_MS = 1000;

/**
 * H60: paths that could not be looked at because this process or machine was short of something. That passes without
 * anything telling of it: they are looked at again, after longer each time while it lasts.
 */
export class ShortageRetries {
  readonly #clock: Clock;
  readonly #paths = new Set<string>();
  #waitMs = FIRST_MS;
  /** Monotonic ms. */
  #dueMs = Infinity;
  #takenMs = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isEmpty(): boolean {
    return this.#paths.size === 0;
  }

  add(path: string): void {
    if (this.#paths.size === 0) {
      const now = this.#clock.monotonic();
      this.#waitMs = now - this.#takenMs < SAME_MS ? Math.min(this.#waitMs * 2, LAST_MS) : FIRST_MS;
      this.#dueMs = now + this.#waitMs;
    }
    this.#paths.add(path);
  }

  /** Monotonic ms; Infinity: there are none. */
  nextAt(): number {
    return this.#dueMs;
  }

  /** The paths whose time has come. */
  take(now: number): readonly string[] {
    if (now < this.#dueMs) return [];
    const paths = [...this.#paths];
    this.#paths.clear();
    this.#takenMs = now;
    this.#dueMs = Infinity;
    return paths;
  }
}
