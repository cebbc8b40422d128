import { randomBytes } from 'node:crypto';
import type { Clock, Random } from '../ports/clock.ts';

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  delay: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) {
        resolve();
        return;
      }
      const end = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal?.addEventListener('abort', end, { once: true });
    }),
};

export const systemRandom: Random = { bytes: (length) => randomBytes(length), fraction: () => Math.random() };

const POOL_BYTES = 4096;

/** As `systemRandom`, for many ids: each call of the system's generator costs more than all that is done with it. */
export function createPooledRandom(): Random {
  let pool = randomBytes(POOL_BYTES);
  let at = 0;
  return {
    ...systemRandom,
    bytes(length) {
      if (length > POOL_BYTES) return randomBytes(length);
      if (at + length > POOL_BYTES) {
        pool = randomBytes(POOL_BYTES);
        at = 0;
      }
      at += length;
      return pool.subarray(at - length, at);
    },
  };
}
