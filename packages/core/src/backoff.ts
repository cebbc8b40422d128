/**
 * Waiting times as pure functions. `random` is a number in [0, 1), passed in, so that tests and simulations own it.
 * Jitter follows Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).
 */

export interface BackoffPolicy {
  readonly firstMs: number;
  readonly capMs: number;
  /**
   * full: anywhere in [0, bound), spreads a crowd best; for reconnects after a server came back (H100).
   * equal: anywhere in [bound / 2, bound), never immediate; for the retry of one request.
   */
  readonly jitter: 'full' | 'equal';
}

/** 1-2-4-8 s for the retry of a request. */
export const REQUEST_BACKOFF: BackoffPolicy = { firstMs: 1000, capMs: 8000, jitter: 'equal' };

/** For connections and for problems that last: grows to 5 minutes. */
export const RECONNECT_BACKOFF: BackoffPolicy = { firstMs: 1000, capMs: 5 * 60_000, jitter: 'full' };

/**
 * Milliseconds to wait before the next try.
 * @param failures tries that have failed in a row, 1 after the first
 * @param retryAfterMs what the server asked for (Retry-After); the wait is never shorter, the jitter comes on top
 */
export function backoffMs(policy: BackoffPolicy, failures: number, random: number, retryAfterMs = 0): number {
  const doublings = Math.min(Math.max(failures - 1, 0), 52);
  const boundMs = Math.min(policy.capMs, policy.firstMs * 2 ** doublings);
  const waitMs = policy.jitter === 'full' ? boundMs * random : (boundMs / 2) * (1 + random);
  return Math.round(retryAfterMs > 0 ? retryAfterMs + waitMs / 2 : waitMs);
}

const ACTIVE_POLL_MS = 10_000;
const IDLE_POLL_MS = 5 * 60_000;
/** The interval is this part of the time without activity: 1 minute idle polls every 10 s, 30 minutes every 5. */
const IDLE_SHARE = 1 / 6;
const POLL_JITTER = 0.2;

/**
 * Milliseconds until the next poll while push is down: 10 s while the user is active, growing to 5 minutes, both
 * 20 % up or down.
 * @param idleMs time since the last local or remote change, or request of the user
 */
export function pollIntervalMs(idleMs: number, random: number): number {
  const intervalMs = Math.min(Math.max(idleMs * IDLE_SHARE, ACTIVE_POLL_MS), IDLE_POLL_MS);
  return Math.round(intervalMs * (1 - POLL_JITTER + 2 * POLL_JITTER * random));
}
