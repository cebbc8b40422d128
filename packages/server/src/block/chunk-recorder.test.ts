import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DeviceId, UserId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { StoredChunk } from '../ports/chunk-ledger.ts';
import type { Clock } from '../ports/clock.ts';
import { createChunkRecorder } from './chunk-recorder.ts';

const caller = { userId: 'u' as UserId, deviceId: 'd' as DeviceId };
const workspaceId = 'w' as WorkspaceId;
const chunk = (id: string): StoredChunk => ({ id }) as unknown as StoredChunk;

function open() {
  const recorded: string[][] = [];
  const waits: { readonly end: () => void }[] = [];
  const clock: Clock = {
    now: () => 0,
    monotonic: () => 0,
    delay: (_ms, signal) =>
      new Promise((resolve) => {
        waits.push({ end: resolve });
        signal?.addEventListener('abort', () => resolve());
      }),
  };
  const ledger = {
    recordStored: async (_caller: unknown, _workspaceId: unknown, chunks: readonly StoredChunk[]) =>
      void recorded.push(chunks.map(({ id }) => id)),
  };
  const recorder = createChunkRecorder(ledger, clock);
  return { recorded, waits, recorder, record: (id: string) => recorder.record(caller, workspaceId, [chunk(id)]) };
}

test('S5 a lone record is made at once, and those that were expected share its transaction', async () => {
  const { recorded, waits, recorder, record } = open();
  await record('a');
  assert.deepEqual([recorded, waits.length], [[['a']], 0]);
  const near = recorder.expect();
  const first = record('b');
  await new Promise(setImmediate);
  assert.equal(recorded.length, 1);
  near[Symbol.dispose]();
  near[Symbol.dispose]();
  await Promise.all([first, record('c')]);
  assert.deepEqual(recorded, [['a'], ['b', 'c']]);
});

test('a record waits a moment only for one that does not come', async () => {
  const { recorded, waits, recorder, record } = open();
  using near = recorder.expect();
  const recording = record('a');
  await new Promise(setImmediate);
  assert.deepEqual([recorded.length, waits.length], [0, 1]);
  waits[0]?.end();
  await recording;
  assert.deepEqual(recorded, [['a']]);
  assert.ok(near);
});
