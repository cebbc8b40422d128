import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CodedError, type ErrorCode } from '@satchel/protocol/errors.ts';
import { OfflineError } from '../ports/server-api.ts';
import { retrying } from './retry.ts';
import { createHastyClock } from './testing/device.ts';

const never = new AbortController().signal;
const random = { bytes: (length: number) => new Uint8Array(length), fraction: () => 0.999 };

async function tried(failure: Error, failures = Infinity) {
  const clock = createHastyClock();
  let tries = 0;
  const outcome = await retrying({ clock, random }, never, async () => {
    if (++tries <= failures) throw failure;
    return 'done';
  }).catch((error: unknown) => error);
  return { outcome, tries, waits: clock.waits };
}

test('the waits are 1-2-4-8 s, then the failure is thrown', async () => {
  const failure = new OfflineError('away');
  const { outcome, tries, waits } = await tried(failure);
  assert.equal(outcome, failure);
  assert.equal(tries, 5);
  assert.deepEqual(waits, [1000, 1999, 3998, 7996]);
});

test('a success ends the retries', async () => {
  assert.deepEqual(await tried(new OfflineError('away'), 2), { outcome: 'done', tries: 3, waits: [1000, 1999] });
});

test('Retry-After is honoured', async () => {
  const { waits } = await tried(new CodedError('rate_limited', 'slow down', { retryAfterS: 30 }), 1);
  assert.ok(waits[0]! >= 30_000);
});

for (const code of ['stale', 'quota_exceeded', 'sign_in_required', 'hash_mismatch', 'signature_expired'] as ErrorCode[])
  test(`a refusal that stays one is not repeated: ${code}`, async () => {
    assert.equal((await tried(new CodedError(code, code))).tries, 1);
  });
