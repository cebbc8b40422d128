import { systemClock, systemRandom } from '../adapters/system-clock.ts';
import type { RetryDeps } from '../transfer/retry.ts';

/** Time and chance of this machine, for commands that wait and try again. */
export const PATIENCE: RetryDeps = { clock: systemClock, random: systemRandom };
