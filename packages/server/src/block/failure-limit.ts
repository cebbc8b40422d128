import type { Clock } from '../ports/clock.ts';

/** Counts failures per name in a span of time; bounded in memory, so that the oldest count is forgotten first. */
export interface FailureLimit {
  isReached(name: string): boolean;
  add(name: string): void;
}

interface Count {
  readonly since: number;
  failures: number;
}

export function createFailureLimit(
  limit: { readonly failures: number; readonly spanMs: number; readonly names: number },
  clock: Clock,
): FailureLimit {
  const counts = new Map<string, Count>();
  function current(name: string): Count | undefined {
    const count = counts.get(name);
    if (count !== undefined && clock.monotonic() - count.since < limit.spanMs) return count;
    counts.delete(name);
    return undefined;
  }
  return {
    isReached: (name) => (current(name)?.failures ?? 0) >= limit.failures,
    add(name) {
      const count = current(name);
      if (count !== undefined) {
        count.failures++;
        return;
      }
      counts.set(name, { since: clock.monotonic(), failures: 1 });
      for (const oldest of counts.keys()) {
        if (counts.size <= limit.names) break;
        counts.delete(oldest);
      }
    },
  };
}
