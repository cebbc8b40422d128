import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { backoffMs, pollIntervalMs, RECONNECT_BACKOFF, REQUEST_BACKOFF } from './backoff.ts';

const ALMOST_ONE = 1 - Number.EPSILON;
const randoms = fc.double({ min: 0, max: ALMOST_ONE, noNaN: true });

test('requests wait at most 1-2-4-8-8 s and at least half of it', () => {
  const bounds = [1, 2, 3, 4, 5, 6].map((failures) => [
    backoffMs(REQUEST_BACKOFF, failures, 0),
    backoffMs(REQUEST_BACKOFF, failures, ALMOST_ONE),
  ]);
  assert.deepEqual(bounds, [
    [500, 1000],
    [1000, 2000],
    [2000, 4000],
    [4000, 8000],
    [4000, 8000],
    [4000, 8000],
  ]);
});

test('H100 reconnects spread over the whole time, which grows to 5 minutes', () => {
  assert.equal(backoffMs(RECONNECT_BACKOFF, 3, 0), 0);
  assert.equal(backoffMs(RECONNECT_BACKOFF, 3, 0.5), 2000);
  assert.equal(backoffMs(RECONNECT_BACKOFF, 1000, ALMOST_ONE), 300_000);
});

test('S11 a wait is never shorter than the server asked for', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10_000 }), randoms, fc.nat(3_600_000), (failures, random, retryAfterMs) => {
      for (const policy of [REQUEST_BACKOFF, RECONNECT_BACKOFF]) {
        const waitMs = backoffMs(policy, failures, random, retryAfterMs);
        assert(Number.isInteger(waitMs) && waitMs >= retryAfterMs && waitMs <= retryAfterMs + policy.capMs);
      }
    }),
  );
});

test('S9 polling slows down from 10 s while active to 5 minutes while idle', () => {
  assert.equal(pollIntervalMs(0, 0.5), 10_000);
  assert.equal(pollIntervalMs(60_000, 0.5), 10_000);
  assert.equal(pollIntervalMs(600_000, 0.5), 100_000);
  assert.equal(pollIntervalMs(Number.MAX_SAFE_INTEGER, 0.5), 300_000);
  assert.deepEqual([pollIntervalMs(0, 0), pollIntervalMs(0, ALMOST_ONE)], [8000, 12_000]);
  fc.assert(
    fc.property(fc.nat(10_000_000), fc.nat(10_000_000), randoms, (one, other, random) => {
      const [shorter, longer] = one < other ? [one, other] : [other, one];
      assert(pollIntervalMs(shorter, random) <= pollIntervalMs(longer, random));
    }),
  );
});
