import { randomBytes } from 'node:crypto';
import type { Random } from '../../ports/clock.ts';

/** The random source of the machine. */
export const systemRandom: Random = { bytes: (length) => randomBytes(length) };
