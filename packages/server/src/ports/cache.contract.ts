import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cache } from './cache.ts';

/** The rules of `Cache`, run against one adapter. `open` gives one with room for about `entries` entries. */
export function cacheContract(name: string, open: (entries: number) => Promise<Cache>): void {
  test(`${name}: K1 gives back what was set, until it is deleted`, async () => {
    const cache = await open(10);
    assert.equal(await cache.get('a'), undefined);
    await cache.set('a', { n: 1 }, cache.stamp());
    await cache.set('b', 'text', cache.stamp());
    assert.deepEqual(await cache.get('a'), { n: 1 });
    await cache.set('a', { n: 2 }, cache.stamp());
    assert.deepEqual(await cache.get('a'), { n: 2 });
    await cache.delete('a');
    assert.equal(await cache.get('a'), undefined);
    assert.equal(await cache.get('b'), 'text');
    await cache.set('a', { n: 3 }, cache.stamp());
    assert.deepEqual(await cache.get('a'), { n: 3 });
  });

  test(`${name}: K2 a fill from before a deletion has no effect`, async () => {
    const cache = await open(10);
    const stamp = cache.stamp();
    await cache.delete('a');
    await cache.set('a', 'stale', stamp);
    assert.equal(await cache.get('a'), undefined);
    await cache.set('b', 'untouched', stamp);
    assert.equal(await cache.get('b'), 'untouched');
    await cache.set('a', 'fresh', cache.stamp());
    assert.equal(await cache.get('a'), 'fresh');
  });

  test(`${name}: K2 holds after any number of other deletions`, async () => {
    const cache = await open(10);
    const stamp = cache.stamp();
    await cache.delete('a');
    for (let index = 0; index < 1000; index++) await cache.delete(`other${index}`);
    await cache.set('a', 'stale', stamp);
    assert.equal(await cache.get('a'), undefined);
    await cache.set('a', 'fresh', cache.stamp());
    assert.equal(await cache.get('a'), 'fresh');
  });

  test(`${name}: K3 the least recently used goes first`, async () => {
    const cache = await open(3);
    for (const key of ['a', 'b', 'c']) await cache.set(key, key, cache.stamp());
    await cache.get('a');
    await cache.set('d', 'd', cache.stamp());
    assert.equal(await cache.get('b'), undefined);
    assert.deepEqual([await cache.get('a'), await cache.get('c'), await cache.get('d')], ['a', 'c', 'd']);
  });
}
