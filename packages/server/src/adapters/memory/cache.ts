import type { Cache } from '../../ports/cache.ts';
import { RecencyMap } from './recency-map.ts';

export interface MemoryCacheOptions {
  /** Most entries. */
  readonly entries: number;
  /** Deletions that are remembered exactly; older ones refuse every fill from before them (K2). */
  readonly deletions?: number;
}

const DELETIONS = 10_000;

/** An LRU cache in the process. Values are kept by reference and must not be changed by whoever gets them. */
export function createMemoryCache(options: MemoryCacheOptions): Cache {
  const values = new RecencyMap<unknown>();
  const deletedAt = new RecencyMap<number>();
  const mostDeletions = options.deletions ?? DELETIONS;
  let time = 1;
  /** Fills from before this are refused whatever their key. */
  let floor = 0;

  return {
    stamp: () => time,
    get: async <T>(key: string) => {
      const value = values.get(key);
      if (value !== undefined) values.set(key, value);
      return value as T | undefined;
    },
    set: async (key, value, stamp) => {
      if (stamp <= floor || stamp <= (deletedAt.get(key) ?? 0)) return;
      values.set(key, value);
      if (values.size > options.entries) values.takeOldest();
    },
    delete: async (key) => {
      values.delete(key);
      deletedAt.set(key, time++);
      if (deletedAt.size > mostDeletions) floor = deletedAt.takeOldest() ?? floor;
    },
  };
}
