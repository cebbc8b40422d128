import { seededRandom } from '../support/random.ts';

/** Seeded chance of one history: same seed, same answers in the same order. */
export interface Chance {
  /** An integer from 0 to below `bound`. */
  below(bound: number): number;
  /** In [0, 1). */
  fraction(): number;
  /** True with this probability. */
  happens(probability: number): boolean;
  between(least: number, most: number): number;
  pick<T>(items: readonly T[]): T;
  bytes(length: number): Uint8Array;
}

export function createChance(seed: number): Chance {
  const random = seededRandom(seed);
  const fraction = () => random.below(2 ** 31) / 2 ** 31;
  return {
    below: random.below,
    fraction,
    happens: (probability) => probability > 0 && fraction() < probability,
    between: (least, most) => least + fraction() * (most - least),
    pick: (items) => random.pick(items),
    bytes: (length) => new Uint8Array(random.bytes(length)),
  };
}
