import { CodedError } from '@satchel/protocol/errors.ts';
import type { BlockStore } from '../../ports/block-store.ts';
import type { Clock } from '../../ports/clock.ts';

export interface BreakerPolicy {
  /** This many faults in a row open the breaker. */
  readonly faults: number;
  /** So long nothing is tried; then one call at a time is, until one succeeds. */
  readonly openMs: number;
}

export const STORE_BREAKER: BreakerPolicy = { faults: 5, openMs: 5000 };

export interface BreakingBlockStore extends BlockStore {
  /** Whether calls are refused now; for readiness. */
  isOpen(): boolean;
}

/** S11: a broken store answers `unavailable` at once instead of filling the process with waiting calls. */
export function breakingBlockStore(
  store: BlockStore,
  clock: Clock,
  policy: BreakerPolicy = STORE_BREAKER,
): BreakingBlockStore {
  let faultsInRow = 0;
  let openUntil = 0;
  let trying = false;
  const isBroken = (): boolean => faultsInRow >= policy.faults;

  async function guarded<T>(action: () => Promise<T>): Promise<T> {
    const broken = isBroken();
    if (broken && (trying || clock.monotonic() < openUntil))
      throw new CodedError('unavailable', 'The block store has failed and is given time to recover', {
        retryAfterS: Math.ceil(policy.openMs / 1000),
      });
    trying = broken;
    try {
      const result = await action();
      faultsInRow = 0;
      return result;
    } catch (error) {
      if (error instanceof CodedError && error.code === 'unavailable') {
        faultsInRow++;
        openUntil = clock.monotonic() + policy.openMs;
      } else faultsInRow = 0;
      throw error;
    } finally {
      if (broken) trying = false;
    }
  }
  return {
    put: (key, bytes) => guarded(() => store.put(key, bytes)),
    get: (key, range) => guarded(() => store.get(key, range)),
    size: (key) => guarded(() => store.size(key)),
    delete: (key) => guarded(() => store.delete(key)),
    list: (prefix) => store.list(prefix),
    isOpen: () => isBroken() && clock.monotonic() < openUntil,
  };
}
