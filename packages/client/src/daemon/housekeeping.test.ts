import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Housekeeping, type HousekeepingDeps } from './housekeeping.ts';

const HOUR_MS = 3_600_000;

test('everything is compared once a day at a quiet moment, and listed anew once a week', async () => {
  const stopping = new AbortController();
  const checks: { readonly hour: number; readonly relist: boolean }[] = [];
  let now = 0;
  let isQuiet = true;
  const deps = {
    trash: { editedSince: () => [], purge: () => undefined },
    isInSync: () => false,
    chunks: { sweep: () => undefined },
    indexer: { hint: () => undefined, retryUnreadable: () => undefined },
    recover: async () => undefined,
    trashLimits: () => ({ maxAgeMs: 0, maxBytes: 0 }),
    check: async ({ relist }: { readonly relist: boolean }) => {
      if (isQuiet) checks.push({ hour: Math.round(now / HOUR_MS), relist });
      return isQuiet;
    },
    clock: {
      now: () => now,
      monotonic: () => now,
      // Ten minutes a tick: the machine sleeps a lot, which is no reason to check.
      delay: async () => {
        now += HOUR_MS / 6;
        isQuiet = now < 30 * HOUR_MS || now > 52 * HOUR_MS;
        if (now > 9 * 24 * HOUR_MS) stopping.abort();
      },
    },
  } as unknown as HousekeepingDeps;
  await new Housekeeping(deps).run(stopping.signal);
  assert.deepEqual(
    checks.map(({ hour }) => hour),
    [24, 52, 76, 101, 125, 149, 173, 197],
  );
  assert.deepEqual(checks.filter(({ relist }) => relist).length, 1);
});

test('C5 H102 everything is looked at once an hour also while the trash cannot be looked at', async () => {
  const stopping = new AbortController();
  const scans: number[] = [];
  let now = 0;
  const deps = {
    isInSync: () => false,
    indexer: { hint: () => void scans.push(Math.floor(now / HOUR_MS)), retryUnreadable: () => undefined },
    trash: {
      editedSince() {
        throw new Error('EIO');
      },
    },
    recover: async () => undefined,
    clock: {
      now: () => now,
      monotonic: () => now,
      delay: async (ms: number) => {
        now += ms;
        if (now > 4 * HOUR_MS) stopping.abort();
      },
    },
  } as unknown as HousekeepingDeps;
  const housekeeping = new Housekeeping(deps);
  // As the daemon runs its loops: one that fails is begun anew.
  while (!stopping.signal.aborted) await assert.rejects(housekeeping.run(stopping.signal), /EIO/);
  assert.deepEqual(scans, [1, 2, 3]);
});

test('H15 a late write is looked for in all of the trash every ten minutes, however long a program held the file open', async () => {
  const stopping = new AbortController();
  const looks: number[] = [];
  const wallMs = 1_800_000_000_000;
  let now = 0;
  const deps = {
    isInSync: () => false,
    chunks: { sweep: () => undefined },
    indexer: { hint: () => undefined, retryUnreadable: () => undefined },
    trash: {
      editedSince(since: number) {
        if (since === 0) looks.push(Math.floor(now / HOUR_MS));
        return [];
      },
      purge: () => undefined,
    },
    recover: async () => undefined,
    trashLimits: () => ({ maxAgeMs: 0, maxBytes: 0 }),
    clock: {
      now: () => wallMs + now,
      monotonic: () => now,
      delay: async (ms: number) => {
        now += ms;
        if (now > 3 * HOUR_MS) stopping.abort();
      },
    },
  } as unknown as HousekeepingDeps;
  await new Housekeeping(deps).run(stopping.signal);
  assert.deepEqual([...new Set(looks)], [0, 1, 2]);
  assert.deepEqual(looks.filter((hour) => hour === 2).length, 6);
});
