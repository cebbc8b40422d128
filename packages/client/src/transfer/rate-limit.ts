import type { Clock } from '../ports/clock.ts';
import type { RateLimit } from '../ports/rate-limit.ts';

/** What this long a pause has saved up may be used at once. */
const BURST_MS = 250;
const MIN_PIECE_BYTES = 4096;
const MAX_PIECE_BYTES = 256 * 1024;
/** A lifted or changed limit is noticed by those who wait after at most this long. */
const LONGEST_WAIT_MS = 500;

export function createRateLimit(clock: Clock, bytesPerSecond?: number): RateLimit {
  let rate = bytesPerSecond;
  /** Monotonic time at which everything granted so far has been paid for. */
  let paidAt = 0;

  async function waitFor(until: number, signal: AbortSignal): Promise<void> {
    const isLimited = (): boolean => rate !== undefined;
    for (let left = until - clock.monotonic(); left > 0 && isLimited(); left = until - clock.monotonic()) {
      await clock.delay(Math.min(left, LONGEST_WAIT_MS), signal);
      signal.throwIfAborted();
    }
  }

  return {
    take(bytes, signal) {
      if (rate === undefined) return undefined;
      const now = clock.monotonic();
      const from = Math.max(paidAt, now - BURST_MS);
      paidAt = from + (bytes / rate) * 1000;
      return paidAt <= now ? undefined : waitFor(paidAt, signal);
    },
    set(next) {
      rate = next;
      paidAt = 0;
    },
    pieceBytes: () =>
      rate === undefined ? Infinity : Math.min(Math.max(MIN_PIECE_BYTES, Math.floor(rate / 20)), MAX_PIECE_BYTES),
  };
}
