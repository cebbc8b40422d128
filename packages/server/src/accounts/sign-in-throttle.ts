import { CodedError } from '@satchel/protocol/errors.ts';
import type { Clock } from '../ports/clock.ts';

/**
 * Slows guessing down: each key (an account, an address) has a bucket of failures that drains with time. A success
 * gives nothing back, so that an attacker's own account does not reset the bucket of their address.
 */
export interface SignInThrottle {
  /** @throws CodedError('rate_limited') when one of the buckets is full */
  expectRoom(account: string, address: string): void;
  recordFailure(account: string, address: string): void;
}

interface Bucket {
  failures: number;
  at: number;
}

const ACCOUNT = { size: 10, drainMs: 60_000 } as const;
/** A household or an office shares an address. */
const ADDRESS = { size: 50, drainMs: 12_000 } as const;
const MOST_BUCKETS = 20_000;

export function createSignInThrottle(clock: Clock): SignInThrottle {
  const buckets = new Map<string, Bucket>();

  function level(key: string, drainMs: number): number {
    const bucket = buckets.get(key);
    if (!bucket) return 0;
    return Math.max(0, bucket.failures - (clock.monotonic() - bucket.at) / drainMs);
  }

  function add(key: string, drainMs: number): void {
    const failures = level(key, drainMs) + 1;
    buckets.delete(key);
    buckets.set(key, { failures, at: clock.monotonic() });
    const oldest = buckets.size > MOST_BUCKETS ? buckets.keys().next().value : undefined;
    if (oldest !== undefined) buckets.delete(oldest);
  }

  return {
    expectRoom: (account, address) => {
      for (const [key, { size, drainMs }] of [
        [`account ${account}`, ACCOUNT],
        [`address ${address}`, ADDRESS],
      ] as const) {
        const over = level(key, drainMs) - size + 1;
        if (over > 0)
          throw new CodedError('rate_limited', 'Too many failed sign-ins; try again later.', {
            retryAfterS: (over * drainMs) / 1000,
          });
      }
    },
    recordFailure: (account, address) => {
      add(`account ${account}`, ACCOUNT.drainMs);
      add(`address ${address}`, ADDRESS.drainMs);
    },
  };
}
