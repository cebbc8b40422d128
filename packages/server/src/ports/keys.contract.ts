import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Keys } from './keys.ts';

/** What every `Keys` adapter does. `open` gives a key service; `reopen` the same one after a restart. */
export function keysContract(
  name: string,
  open: () => Promise<{ readonly keys: Keys; reopen(): Promise<Keys> } & AsyncDisposable>,
): void {
  test(`${name}: keys are 256 bits, differ, and unwrap to themselves, also after a restart`, async () => {
    await using setup = await open();
    const one = await setup.keys.create();
    const two = await setup.keys.create();
    assert.equal(one.key.length, 32);
    assert.notDeepEqual(Buffer.from(one.key), Buffer.from(two.key));
    assert.notDeepEqual(Buffer.from(one.wrapped), Buffer.from(two.wrapped));
    const later = await setup.reopen();
    assert.deepEqual(Buffer.from(await setup.keys.unwrap(one.wrapped)), Buffer.from(one.key));
    assert.deepEqual(Buffer.from(await later.unwrap(two.wrapped)), Buffer.from(two.key));
  });

  test(`${name}: a wrapped key does not contain the key, and a changed one is refused`, async () => {
    await using setup = await open();
    const { key, wrapped } = await setup.keys.create();
    assert.equal(Buffer.from(wrapped).includes(Buffer.from(key)), false);
    for (let at = 0; at < wrapped.length; at++) {
      const changed = Uint8Array.from(wrapped);
      changed[at] = (changed[at] ?? 0) ^ 1;
      await assert.rejects(setup.keys.unwrap(changed), `byte ${at} changed`);
    }
    await assert.rejects(setup.keys.unwrap(new Uint8Array(0)));
    await assert.rejects(setup.keys.unwrap(wrapped.subarray(0, wrapped.length - 1)));
  });

  test(`${name}: another key service cannot unwrap`, async () => {
    await using mine = await open();
    await using other = await open();
    const { wrapped } = await mine.keys.create();
    await assert.rejects(other.keys.unwrap(wrapped));
  });
}
