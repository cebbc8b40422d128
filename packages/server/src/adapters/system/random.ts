import { randomBytes } from 'node:crypto';
import type { Random } from '../../ports/clock.ts';

const POOL_BYTES = 4096;

/** The random source of the machine. Short requests are served from a pool: the call itself costs 1 to 8 µs. */
export function createSystemRandom(): Random {
  let pool = randomBytes(POOL_BYTES);
  let used = 0;
  return {
    bytes: (length) => {
      if (length > POOL_BYTES / 16) return randomBytes(length);
      if (used + length > POOL_BYTES) {
        pool = randomBytes(POOL_BYTES);
        used = 0;
      }
      used += length;
      return pool.subarray(used - length, used);
    },
  };
}

export const systemRandom: Random = createSystemRandom();
