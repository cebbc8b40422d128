import { backoffMs, type BackoffPolicy } from '@satchel/core/backoff.ts';
import { CodedError } from '@satchel/protocol/errors.ts';
import type { BlockStore } from '../../ports/block-store.ts';
import type { Clock, Random } from '../../ports/clock.ts';

export interface RetryPolicy {
  readonly tries: number;
  readonly backoff: BackoffPolicy;
}

export const STORE_RETRIES: RetryPolicy = { tries: 3, backoff: { firstMs: 20, capMs: 500, jitter: 'equal' } };

/** Tries again what failed with `unavailable`; a full disk or a bad range is not mended by trying. */
export function retryingBlockStore(
  store: BlockStore,
  ports: { readonly clock: Clock; readonly random: Random },
  policy: RetryPolicy = STORE_RETRIES,
): BlockStore {
  const { clock, random } = ports;
  async function tried<T>(action: () => Promise<T>): Promise<T> {
    for (let failures = 1; ; failures++) {
      try {
        return await action();
      } catch (error) {
        const transient = error instanceof CodedError && error.code === 'unavailable';
        if (!transient || failures >= policy.tries) throw error;
        const chance = Buffer.from(random.bytes(4)).readUInt32BE() / 2 ** 32;
        await clock.delay(backoffMs(policy.backoff, failures, chance));
      }
    }
  }
  return {
    put: (key, bytes) => tried(() => store.put(key, bytes)),
    get: (key, range) => tried(() => store.get(key, range)),
    size: (key) => tried(() => store.size(key)),
    delete: (key) => tried(() => store.delete(key)),
    list: (prefix) => store.list(prefix),
  };
}
