import type { Clock } from '../ports/clock.ts';
import type { JobKind, WorkQueue } from '../ports/work-queue.ts';
import type { WorkLog } from './worker.ts';

const HOUR_MS = 3_600_000;

/** How often each kind of upkeep is begun. A scrub continues where the last one stopped. */
export const UPKEEP: Readonly<Record<JobKind, number>> = {
  collect: 6 * HOUR_MS,
  scrub: HOUR_MS,
  purge: 24 * HOUR_MS,
  repack: 24 * HOUR_MS,
  doctor: 24 * HOUR_MS,
};

/** The first round comes soon after the start, but not on top of it. */
const FIRST_MS = 60_000;

/**
 * Puts the periodic jobs into the queue until disposed. Keyed, so that several nodes that do the same double nothing
 * while a job waits; each kind is idempotent, so that doing one twice costs time only.
 */
export function startSchedule(
  ports: { readonly queue: WorkQueue; readonly clock: Clock; readonly log: WorkLog },
  upkeep: Readonly<Record<JobKind, number>> = UPKEEP,
): AsyncDisposable {
  const stopping = new AbortController();
  const { signal } = stopping;
  async function repeat(kind: JobKind): Promise<void> {
    for (let waitMs = FIRST_MS; ; waitMs = upkeep[kind]) {
      await ports.clock.delay(waitMs, signal);
      if (signal.aborted) return;
      try {
        await ports.queue.add(kind, {}, { key: 'periodic' });
      } catch (error) {
        ports.log.warn({ kind, err: error }, 'a periodic job could not be queued; the next round tries again');
      }
    }
  }
  const running = Promise.all((Object.keys(upkeep) as JobKind[]).map(repeat));
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await running;
    },
  };
}
