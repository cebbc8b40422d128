import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CodedError } from '@satchel/protocol/errors.ts';
import type { BlockKey, BlockStore } from '../../ports/block-store.ts';
import type { Clock } from '../../ports/clock.ts';
import { breakingBlockStore } from './breaking-block-store.ts';
import { retryingBlockStore } from './retrying-block-store.ts';

/** A store whose `size` fails as it is told. */
function faultyStore(faults: { code: 'unavailable' | 'storage_full'; left: number }) {
  const state = { calls: 0, faults };
  const store: BlockStore = {
    put: async () => undefined,
    get: async () => undefined,
    async size() {
      state.calls++;
      if (faults.left-- > 0) throw new CodedError(faults.code, 'planted');
      return 7;
    },
    delete: async () => undefined,
    async *list() {
      // nothing is stored
    },
  };
  return { store, state };
}

function manualClock() {
  let at = 0;
  const waits: number[] = [];
  const clock: Clock = {
    now: () => at,
    monotonic: () => at,
    async delay(ms) {
      waits.push(ms);
      at += ms;
    },
  };
  return { clock, waits, advance: (ms: number) => (at += ms) };
}

const key = 'packs/00/x' as BlockKey;
const random = { bytes: (length: number) => new Uint8Array(length) };
const unavailable = (error: unknown) => error instanceof CodedError && error.code === 'unavailable';

test('S11 a passing fault of the store is tried again with growing waits', async () => {
  const { store, state } = faultyStore({ code: 'unavailable', left: 2 });
  const { clock, waits } = manualClock();
  assert.equal(await retryingBlockStore(store, { clock, random }).size(key), 7);
  assert.equal(state.calls, 3);
  assert.ok((waits[0] ?? 0) < (waits[1] ?? 0));
});

test('S11 a lasting fault is passed on, a full disk at once', async () => {
  const { clock } = manualClock();
  const lasting = faultyStore({ code: 'unavailable', left: 100 });
  await assert.rejects(retryingBlockStore(lasting.store, { clock, random }).size(key), unavailable);
  assert.equal(lasting.state.calls, 3);
  const full = faultyStore({ code: 'storage_full', left: 100 });
  await assert.rejects(retryingBlockStore(full.store, { clock, random }).size(key), CodedError);
  assert.equal(full.state.calls, 1);
});

test('S11 a broken store trips the breaker, which answers at once with Retry-After and closes again', async () => {
  const { store, state } = faultyStore({ code: 'unavailable', left: 6 });
  const { clock, advance } = manualClock();
  const breaking = breakingBlockStore(store, clock, { faults: 5, openMs: 5000 });
  for (let time = 0; time < 5; time++) await assert.rejects(breaking.size(key), unavailable);
  assert.equal(breaking.isOpen(), true);
  await assert.rejects(breaking.size(key), (error) => error instanceof CodedError && error.retryAfterS === 5);
  assert.equal(state.calls, 5);
  advance(5000);
  await assert.rejects(breaking.size(key), unavailable);
  assert.equal(state.calls, 6);
  assert.equal(breaking.isOpen(), true);
  advance(5000);
  const [first, second] = await Promise.allSettled([breaking.size(key), breaking.size(key)]);
  assert.equal(first.status, 'fulfilled');
  assert.equal(second.status, 'rejected');
  assert.equal(breaking.isOpen(), false);
  assert.equal(await breaking.size(key), 7);
});

test('S11 a full disk does not trip the breaker: reads go on', async () => {
  const { store, state } = faultyStore({ code: 'storage_full', left: 50 });
  const breaking = breakingBlockStore(store, manualClock().clock);
  for (let time = 0; time < 50; time++) await assert.rejects(breaking.size(key), CodedError);
  assert.equal(state.calls, 50);
  assert.equal(breaking.isOpen(), false);
});
