import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRateLimit } from './rate-limit.ts';
import { createHastyClock } from './testing/device.ts';

const never = new AbortController().signal;

test('without a limit nothing waits', () => {
  const limit = createRateLimit(createHastyClock());
  assert.equal(limit.take(1e12, never), undefined);
  assert.equal(limit.pieceBytes(), Infinity);
});

test('over time no more than the limit passes, and what waits goes in turn', async () => {
  const clock = createHastyClock();
  const limit = createRateLimit(clock, 100_000);
  const start = clock.monotonic();
  const order: number[] = [];
  await Promise.all(
    Array.from({ length: 50 }, async (_, index) => {
      await limit.take(20_000, never);
      order.push(index);
    }),
  );
  const seconds = (clock.monotonic() - start) / 1000;
  assert.ok(seconds >= 9.5, `${seconds} s`);
  assert.deepEqual(
    order,
    order.toSorted((a, b) => a - b),
  );
});

test('a limit that is lifted frees those who wait', async () => {
  const clock = createHastyClock();
  const limit = createRateLimit(clock, 1);
  const waiting = limit.take(1_000_000, never);
  limit.set(undefined);
  await waiting;
  assert.ok(clock.waits.length <= 1);
});

test('waiting ends with the reason of an abort', async () => {
  const stop = new AbortController();
  const waiting = createRateLimit(createHastyClock(), 1).take(1_000_000, stop.signal);
  stop.abort(new Error('paused'));
  await assert.rejects(waiting ?? Promise.resolve(), { message: 'paused' });
});
