import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { CodedError } from '@satchel/protocol/errors.ts';
import type { BlockKey, BlockStore } from './block-store.ts';

export interface StoreUnderTest {
  readonly store: BlockStore;
  /** The same stored objects, seen by a process that has just started. */
  reopen(): Promise<BlockStore>;
}

const key = (text: string): BlockKey => text as BlockKey;

async function keysOf(store: BlockStore, prefix: string): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const object of store.list(prefix)) keys.push(object.key);
  return keys.sort();
}

/** The rules of `BlockStore`, run against one adapter. `open` gives an empty store each time. */
export function blockStoreContract(name: string, open: () => Promise<StoreUnderTest & AsyncDisposable>): void {
  test(`${name}: B1 an object is there, whole, for whoever comes after the put, also after a restart`, async () => {
    await using setup = await open();
    const parts = [randomBytes(3), randomBytes(1 << 20), new Uint8Array(0), randomBytes(1)];
    await setup.store.put(key('chunks/ab/cd'), parts);
    const whole = Buffer.concat(parts);
    assert.ok(whole.equals((await setup.store.get(key('chunks/ab/cd'))) ?? new Uint8Array()));
    const later = await setup.reopen();
    assert.ok(whole.equals((await later.get(key('chunks/ab/cd'))) ?? new Uint8Array()));
    assert.equal(await later.size(key('chunks/ab/cd')), whole.length);
  });

  test(`${name}: B1 objects of every length, in parts of every length, come back as they were, at once and later`, async () => {
    await using setup = await open();
    const kib = 1024;
    const lengths = [0, 1, 128 * kib - 1, 128 * kib, 128 * kib + 1, 1024 * kib, 4160 * kib, 4160 * kib + 1, 9000 * kib];
    const contents = lengths.map((length) => randomBytes(length));
    const partsOf = (bytes: Buffer): Buffer[] => [
      bytes.subarray(0, 17),
      bytes.subarray(17, 70_000),
      bytes.subarray(70_000),
    ];
    await Promise.all(contents.map((bytes, at) => setup.store.put(key(`chunks/ab/n${at}`), partsOf(bytes))));
    for (const store of [setup.store, await setup.reopen()]) {
      for (const [at, bytes] of contents.entries()) {
        assert.ok(bytes.equals((await store.get(key(`chunks/ab/n${at}`))) ?? randomBytes(1)), `${bytes.length} bytes`);
        assert.equal(await store.size(key(`chunks/ab/n${at}`)), bytes.length);
      }
    }
  });

  test(`${name}: B1 a reader sees an object absent or whole while it is put`, async () => {
    await using setup = await open();
    const bytes = randomBytes(3 << 20);
    const put = setup.store.put(key('packs/aa/bb'), [bytes]);
    for (let seen: Uint8Array | undefined; seen === undefined;) {
      seen = await setup.store.get(key('packs/aa/bb'));
      assert.ok(seen === undefined || bytes.equals(seen));
    }
    await put;
  });

  test(`${name}: B1 many puts at once all survive`, async () => {
    await using setup = await open();
    const names = Array.from({ length: 40 }, (_, index) => key(`chunks/${(index % 5).toString(16)}0/n${index}`));
    await Promise.all(names.map((each) => setup.store.put(each, [Buffer.from(each)])));
    const later = await setup.reopen();
    for (const each of names) assert.equal(Buffer.from((await later.get(each)) ?? []).toString(), each);
  });

  test(`${name}: B7 what was put may be overwritten, and what was read is the reader's alone`, async () => {
    await using setup = await open();
    const bytes = randomBytes(1000);
    const given = new Uint8Array(bytes);
    await setup.store.put(key('chunks/ab/own'), [given]);
    given.buffer.transfer(0);
    for (const range of [undefined, { offset: 0, length: 1000 }]) {
      const read = await setup.store.get(key('chunks/ab/own'), range);
      assert.ok(read !== undefined && bytes.equals(read));
      (read.buffer as ArrayBuffer).transfer(0);
    }
    assert.ok(bytes.equals((await setup.store.get(key('chunks/ab/own'))) ?? new Uint8Array()));
  });

  test(`${name}: B2 a second put of a name is harmless`, async () => {
    await using setup = await open();
    const bytes = randomBytes(1000);
    await setup.store.put(key('chunks/ab/x'), [bytes]);
    await Promise.all([setup.store.put(key('chunks/ab/x'), [bytes]), setup.store.put(key('chunks/ab/x'), [bytes])]);
    assert.ok(bytes.equals((await setup.store.get(key('chunks/ab/x'))) ?? new Uint8Array()));
    assert.deepEqual(await keysOf(setup.store, 'chunks/'), ['chunks/ab/x']);
  });

  test(`${name}: B3 an absent object is undefined, a range is exact, one outside is an error`, async () => {
    await using setup = await open();
    const bytes = randomBytes(1000);
    await setup.store.put(key('packs/00/r'), [bytes]);
    assert.equal(await setup.store.get(key('packs/00/none')), undefined);
    assert.equal(await setup.store.get(key('none/00/none'), { offset: 5, length: 5 }), undefined);
    assert.equal(await setup.store.size(key('packs/00/none')), undefined);
    const part = await setup.store.get(key('packs/00/r'), { offset: 100, length: 900 });
    assert.ok(bytes.subarray(100).equals(part ?? new Uint8Array()));
    for (const range of [
      { offset: 999, length: 2 },
      { offset: 1000, length: 1 },
      { offset: 5000, length: 10 },
    ])
      await assert.rejects(
        setup.store.get(key('packs/00/r'), range),
        (error) => error instanceof CodedError && error.code === 'range_invalid',
      );
  });

  test(`${name}: B4 deleting makes absent; deleting what is absent is no error`, async () => {
    await using setup = await open();
    await setup.store.put(key('packs/00/d'), [randomBytes(10)]);
    await setup.store.delete(key('packs/00/d'));
    assert.equal(await setup.store.get(key('packs/00/d')), undefined);
    await setup.store.delete(key('packs/00/d'));
    await setup.store.delete(key('never/00/d'));
  });

  test(`${name}: B5 a listing yields what exists throughout, with sizes, by prefix`, async () => {
    await using setup = await open();
    const expected: string[] = [];
    for (let index = 0; index < 30; index++) {
      const object = `chunks/${(index % 3).toString()}a/o${index}`;
      expected.push(object);
      await setup.store.put(key(object), [randomBytes(index + 1)]);
    }
    await setup.store.put(key('packs/aa/p'), [randomBytes(7)]);
    const seen = new Map<string, number>();
    for await (const listed of setup.store.list('chunks/')) {
      if (seen.size === 0) await setup.store.put(key('chunks/zz/late'), [randomBytes(1)]);
      seen.set(listed.key, listed.sizeBytes);
    }
    for (const each of expected) assert.equal(seen.get(each), Number(each.split('/o')[1]) + 1);
    assert.ok([...seen.keys()].every((each) => each.startsWith('chunks/')));
    assert.deepEqual(await keysOf(setup.store, 'packs/'), ['packs/aa/p']);
    assert.equal(
      (await keysOf(setup.store, 'chunks/1a/o1')).every((each) => each.startsWith('chunks/1a/o1')),
      true,
    );
    assert.deepEqual(await keysOf(setup.store, 'absent/'), []);
  });
}
