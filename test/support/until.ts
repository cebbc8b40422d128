/** Waiting for conditions, the only kind of waiting that a test may do. */
import { setTimeout as delay } from 'node:timers/promises';

export type UntilOptions = {
  readonly timeoutMs: number;
  /** What is awaited, in words that make a good error message. */
  readonly what: string | (() => string);
  /** Pause between two looks; default 20 ms. */
  readonly everyMs?: number;
};

/** Polls until `condition` yields a value that is neither undefined nor false; throws when the time is over. */
export async function until<T>(
  condition: () => T | undefined | false | Promise<T | undefined | false>,
  options: UntilOptions,
): Promise<T> {
  const deadline = performance.now() + options.timeoutMs;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > deadline) {
      const what = typeof options.what === 'string' ? options.what : options.what();
      throw new Error(`gave up after ${options.timeoutMs} ms waiting until ${what}`);
    }
    await delay(options.everyMs ?? 20);
  }
}

/** Lets `ms` pass on the clock that a scenario is about (a writer that pauses); never to wait for an outcome. */
export async function writerPause(ms: number): Promise<void> {
  await delay(ms);
}
