/** Lets at most so many works run at once; the others wait in the order in which they came. */
export interface Lane {
  run<T>(work: () => Promise<T>): Promise<T>;
}

export function createLane(width: number): Lane {
  let running = 0;
  const waiting: (() => void)[] = [];
  return {
    async run(work) {
      if (running >= width) await new Promise<void>((resolve) => waiting.push(resolve));
      else running++;
      try {
        return await work();
      } finally {
        const next = waiting.shift();
        if (next === undefined) running--;
        else next();
      }
    },
  };
}

/**
 * Runs the works through the lane; the first failure aborts the signal the others were given, and is thrown when all
 * have ended.
 */
export async function allIn<Item>(
  lane: Lane,
  items: Iterable<Item>,
  signal: AbortSignal,
  work: (item: Item, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failing = new AbortController();
  const either = AbortSignal.any([signal, failing.signal]);
  let failure: { readonly error: unknown } | undefined;
  await Promise.all(
    Array.from(items, async (item) => {
      try {
        await lane.run(async () => {
          either.throwIfAborted();
          await work(item, either);
        });
      } catch (error) {
        failure ??= { error };
        failing.abort(error);
      }
    }),
  );
  if (failure !== undefined) throw failure.error;
}
