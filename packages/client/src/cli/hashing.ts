import { createHashPool } from '../adapters/hash-pool.ts';
import type { Hashing } from '../ports/hashing.ts';

/** Threads for the length of one command; none is started before there is work. */
export function startHashing(): Hashing {
  return createHashPool();
}
