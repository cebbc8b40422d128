/** A short round over every parser of untrusted bytes; `npm run test:fuzz` is the long one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freshSeed } from '../support/random.ts';
import { allTargets, runTarget } from './run.ts';

const RUNS = 300;

test('hostile inputs: every parser answers or refuses, within its limits', async () => {
  await using stack = new AsyncDisposableStack();
  const targets = await allTargets(stack);
  assert.ok(targets.length >= 20, `only ${targets.length} targets`);
  const seed = freshSeed();
  for (const target of targets) {
    const { runs, failure } = await runTarget(target, { seed, runs: RUNS });
    assert.equal(failure, undefined, `${target.name}, seed ${seed}`);
    assert.equal(runs, RUNS);
  }
});
