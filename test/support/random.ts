/** Seeded chance and contents. A failing test prints its seed; SATCHEL_TEST_SEED replays it. */
import { createHash } from 'node:crypto';

export type Random = {
  readonly seed: number;
  /** An integer from 0 to below `bound`. */
  readonly below: (bound: number) => number;
  readonly pick: <T>(items: readonly T[]) => T;
  readonly bytes: (length: number) => Buffer;
};

/** A small generator (mulberry32, public domain algorithm by T. Ettinger): same seed, same history. */
export function seededRandom(seed: number = freshSeed()): Random {
  let state = seed | 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
  const below = (bound: number): number => next() % bound;
  return {
    seed,
    below,
    pick: (items) => {
      const item = items[below(items.length)];
      if (item === undefined) throw new Error('pick from nothing');
      return item;
    },
    bytes: (length) => {
      const words = new Uint32Array(Math.ceil(length / 4));
      for (let i = 0; i < words.length; i++) words[i] = next();
      return Buffer.from(words.buffer, 0, length);
    },
  };
}

/** The seed asked for in the environment, else one of the moment. */
export function freshSeed(): number {
  const wanted = process.env['SATCHEL_TEST_SEED'];
  return wanted === undefined ? Date.now() % 1_000_000_007 : Number(wanted);
}

/** Hex SHA-256. */
export function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}
