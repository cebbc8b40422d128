/**
 * Keeps stored bytes while somebody copies them. What deletes runs through the gate; a backup holds it.
 * A hold ends what is deleting at its next safe point and waits for that, so that once it is granted nothing goes.
 */
export interface DeletionGate {
  /** Runs what deletes stored bytes, with a signal that aborts for a hold. Undefined, and not run, while one is held. */
  run<T>(work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T | undefined>;
  /** Several may hold at once; disposing ends one. */
  hold(): Promise<Disposable>;
}

export function createDeletionGate(): DeletionGate {
  const holds = new Set<object>();
  const running = new Map<AbortController, Promise<unknown>>();
  return {
    run: async (work, signal) => {
      if (holds.size > 0) return undefined;
      const stop = new AbortController();
      const task = work(AbortSignal.any([signal, stop.signal]));
      running.set(stop, task);
      try {
        return await task;
      } finally {
        running.delete(stop);
      }
    },
    hold: async () => {
      const held = { [Symbol.dispose]: () => void holds.delete(held) };
      holds.add(held);
      for (const stop of running.keys()) stop.abort();
      // How they end is their callers' business.
      await Promise.allSettled(running.values());
      return held;
    },
  };
}
