import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { test } from 'node:test';
import type { Clock } from '../ports/clock.ts';
import { HoldOff } from './hold-off.ts';

const never = new AbortController().signal;

function held() {
  const waits: number[] = [];
  let pass = (): void => undefined;
  const clock: Clock = {
    now: () => 0,
    monotonic: () => 0,
    delay: (ms, signal) =>
      new Promise((resolve) => {
        waits.push(ms);
        pass = resolve;
        signal?.addEventListener('abort', () => resolve(), { once: true });
      }),
  };
  let overs = 0;
  const holdOff = new HoldOff({
    clock,
    over: async () => void overs++,
  });
  const passes = async (): Promise<void> => {
    pass();
    await setImmediate();
  };
  return { holdOff, waits, passes, overs: () => overs };
}

test('H100 a server that cannot serve is left alone, longer each time, and never for more than half a minute', async () => {
  const { holdOff, waits, passes } = held();
  for (let at = 0; at < 7; at++) {
    holdOff.begin(never);
    assert.equal(holdOff.isOn(), true);
    await passes();
    assert.equal(holdOff.isOn(), false);
  }
  assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  holdOff.succeeded();
  holdOff.begin(never);
  assert.equal(waits.at(-1), 1000);
});

test('what fails together is one failure', () => {
  const { holdOff, waits } = held();
  for (let at = 0; at < 5; at++) holdOff.begin(never);
  assert.deepEqual(waits, [1000]);
});

test('for somebody who waits it ends at once, and goes on as if the time had passed', async () => {
  const { holdOff, overs } = held();
  holdOff.begin(never);
  holdOff.end();
  await setImmediate();
  assert.deepEqual([holdOff.isOn(), overs()], [false, 1]);
  holdOff.end();
  assert.equal(overs(), 1);
});
