import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { test } from 'node:test';
import { setUpWatch } from '../ports/watcher.contract.ts';
import { createWatcherFor, tellsAllChanges } from './watcher-choice.ts';

const neverAgain = {
  monotonic: () => 0,
  delay: (_: number, signal?: AbortSignal) =>
    new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve(), { once: true })),
};

test('H79 network file systems are polled, local ones are not', () => {
  for (const type of [0x6969, 0xff534d42, 0xff534d42 | 0])
    assert.equal(tellsAllChanges(type), false, type.toString(16));
  for (const type of [0xef53, 0x9123683e, 0x58465342, 0x01021994]) assert.equal(tellsAllChanges(type), true);
});

test('W1 on a local folder changes come without any poll', { skip: process.platform !== 'linux' }, async (t) => {
  const watcher = {
    watch: async (...[root, listener]: Parameters<Awaited<ReturnType<typeof createWatcherFor>>['watch']>) =>
      (await createWatcherFor(root, { privateFolder: '.satchel', intervalMs: 1, clock: neverAgain })).watch(
        root,
        listener,
      ),
  };
  const { at, seen } = await setUpWatch(t, watcher);
  fs.writeFileSync(at('file'), 'x');
  const end = performance.now() + 30_000;
  while (!seen.covers('file')) {
    assert.ok(performance.now() < end, 'no event');
    await new Promise((resolve) => setImmediate(resolve));
  }
});
