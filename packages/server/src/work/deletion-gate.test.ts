import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDeletionGate } from './deletion-gate.ts';

const never = new AbortController().signal;

test('a hold ends what deletes and is granted when it has ended; nothing deletes until it is released', async () => {
  const gate = createDeletionGate();
  const events: string[] = [];
  const deleting = gate.run(async (signal) => {
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    await new Promise(setImmediate);
    events.push('ended');
    return 'part';
  }, never);
  const holding = gate.hold().then((hold) => {
    events.push('held');
    return hold;
  });
  assert.equal(await deleting, 'part');
  const hold = await holding;
  assert.deepEqual(events, ['ended', 'held']);
  assert.equal(await gate.run(async () => 'ran', never), undefined);
  const second = await gate.hold();
  hold[Symbol.dispose]();
  hold[Symbol.dispose]();
  assert.equal(await gate.run(async () => 'ran', never), undefined, 'another one holds');
  second[Symbol.dispose]();
  assert.equal(await gate.run(async () => 'ran', never), 'ran');
});

test('what deletes hears its own signal too, and its failure is its caller’s', async () => {
  const gate = createDeletionGate();
  const stopping = new AbortController();
  const seen = gate.run(async (signal) => {
    stopping.abort();
    return signal.aborted;
  }, stopping.signal);
  assert.equal(await seen, true);
  const failing = gate.run(async () => {
    await new Promise(setImmediate);
    throw new Error('planted');
  }, never);
  const refused = assert.rejects(failing, /planted/);
  using hold = await gate.hold();
  await refused;
  assert.ok(hold);
});
