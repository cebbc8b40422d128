import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ObjectId } from '@satchel/protocol/ids.ts';
import { ObjectProblems } from './object-problems.ts';

const id = '1'.repeat(26) as ObjectId;

test('H102 a failing object waits longer and longer and is tried again', () => {
  const clock = { now: 0 };
  const problems = new ObjectProblems(() => clock.now);
  const waits: number[] = [];
  for (let tries = 0; tries < 12; tries++) {
    problems.add(id, 'quota_exceeded', 'full');
    assert.equal(problems.isWaiting(id), true);
    const at = problems.nextRetryAt() ?? 0;
    waits.push(at - clock.now);
    clock.now = at;
    assert.equal(problems.isWaiting(id), false);
  }
  assert.deepEqual(waits.slice(0, 4), [5000, 10_000, 20_000, 40_000]);
  assert.equal(waits.at(-1), 600_000);
});

test('H104 an object that makes no progress becomes a named problem', () => {
  const problems = new ObjectProblems(() => 0);
  for (let tries = 0; tries < 7; tries++) problems.stalled(id, 'the disk changed');
  assert.equal(problems.size, 0);
  problems.stalled(id, 'the disk changed');
  assert.equal(problems.all()[0]?.code, 'stuck');
});

test('H102 a change of the object, or success, ends its problem at once', () => {
  const problems = new ObjectProblems(() => 0);
  problems.addLasting(id, 'read_only', 'viewer');
  assert.equal(problems.isWaiting(id), true);
  assert.equal(problems.nextRetryAt(), undefined);
  problems.changed(id);
  assert.equal(problems.isWaiting(id), false);
  problems.add(id, 'disk_full', 'full');
  problems.succeeded(id);
  assert.equal(problems.size, 0);
});

test('H104 what is stuck is tried again soon, and less and less often', () => {
  let now = 0;
  const problems = new ObjectProblems(() => now);
  const pauses: number[] = [];
  for (let tries = 0; tries < 11; tries++) {
    problems.stalled(id, 'nothing');
    const retryAt = problems.nextRetryAt();
    if (retryAt !== undefined) pauses.push(retryAt - now);
    now = retryAt ?? now;
  }
  assert.deepEqual(pauses, [5000, 10_000, 20_000, 40_000]);
});
