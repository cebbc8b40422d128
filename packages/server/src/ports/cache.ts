/**
 * Cache-aside with strict invalidation; losing it costs speed only.
 *
 * - K1 `get` returns a value that was `set` and not deleted since, or undefined.
 * - K2 A `set` whose `stamp` was taken before a `delete` of the key has no effect (no stale fill after invalidation).
 * - K3 Least recently used entries go first.
 */
export interface Cache {
  stamp(): number;
  get<T>(key: string): Promise<T | undefined>;
  set<T>(key: string, value: T, stamp: number): Promise<void>;
  delete(key: string): Promise<void>;
}
