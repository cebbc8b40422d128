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
      const woken = Promise.withResolvers<void>();
      const wake = (): void => woken.resolve();
      this.#wake = wake;
      signal.addEventListener('abort', wake, { once: true });
      await (dueMs === undefined ? woken.promise : wokenOrDue(woken.promise, clock, dueMs));
      signal.removeEventListener('abort', wake);
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
    const aborted = Promise.withResolvers<void>();
    const end = (): void => aborted.resolve();
    signal.addEventListener('abort', end, { once: true });
    await Promise.race([this.#turn.promise, aborted.promise]);
    signal.removeEventListener('abort', end);
  }
}

async function wokenOrDue(woken: Promise<void>, clock: Clock, dueMs: number): Promise<void> {
  const cancel = new AbortController();
  await Promise.race([woken, clock.delay(Math.max(0, dueMs - clock.monotonic()), cancel.signal)]);
  // With a reason of its own: the default one is an error with a stack, made anew each time.
  cancel.abort('woken');
}
