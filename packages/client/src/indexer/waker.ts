import type { Clock } from '../ports/clock.ts';

/** Lets one loop sleep until it is woken or a time has come, and others wait for its turns. */
export class Waker {
  #woken = false;
  #wake: (() => void) | undefined;
  #turn = Promise.withResolvers<void>();

  /** The loop's next sleep ends at once, or its present one does. */
  wake(): void {
    this.#woken = true;
    this.#wake?.();
  }

  /** @param dueMs monotonic; undefined: until woken */
  async sleep(clock: Clock, dueMs: number | undefined, signal: AbortSignal): Promise<void> {
    if (!this.#woken && !signal.aborted) {
      const cancel = new AbortController();
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
        signal.addEventListener('abort', () => resolve(), { once: true, signal: cancel.signal });
      });
      const wait =
        dueMs === undefined
          ? woken
          : Promise.race([woken, clock.delay(Math.max(0, dueMs - clock.monotonic()), cancel.signal)]);
      await wait;
      cancel.abort();
    }
    this.#wake = undefined;
    this.#woken = false;
  }

  /** Called by the loop after each turn. */
  turn(): void {
    const done = this.#turn;
    this.#turn = Promise.withResolvers<void>();
    done.resolve();
  }

  /** Resolves after the loop's next turn, or when aborted. */
  async turned(signal: AbortSignal): Promise<void> {
    const cancel = new AbortController();
    const aborted = new Promise<void>((resolve) =>
      signal.addEventListener('abort', () => resolve(), { once: true, signal: cancel.signal }),
    );
    await Promise.race([this.#turn.promise, aborted]);
    cancel.abort();
  }
}
