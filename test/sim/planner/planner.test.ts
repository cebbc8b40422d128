/** The planner against the model: a slice for every run; `npm run test:planner` plays as many cases as asked for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { freshSeed } from '../../support/random.ts';
import { generateCase } from './generate.ts';
import { ACTIONS, runCase, type Action } from './run-case.ts';
import { faultOf, shrink } from './shrink.ts';
import { USER_ACTIONS } from './model-user.ts';

const CASES = 3000;

/** Cases that failed once; index by seed. */
const KEPT: readonly (readonly [seed: number, index: number])[] = [
  [1, 4890],
  [1, 7409],
  [1, 8951],
  [1, 17174],
  [1, 25357],
  [78, 37407],
  [79, 11321],
  [79, 371403],
  [80, 160351],
  [20261120, 149223],
];

test('C6 random cases: all settle, agree, lose nothing, duplicate nothing and bring nothing back', () => {
  const seed = freshSeed();
  for (let index = 0; index < CASES; index++) {
    const given = generateCase(seed, index);
    const fault = faultOf(given);
    if (fault === undefined) continue;
    const small = shrink(given);
    assert.fail(`seed ${seed}, case ${index}: ${faultOf(small) ?? fault}\n${JSON.stringify(small)}`);
  }
});

test('C6 the cases that failed once', () => {
  for (const [seed, index] of KEPT) assert.doesNotThrow(() => runCase(generateCase(seed, index)), `${seed}/${index}`);
});

const number = fc.nat({ max: 999 });
const action = (names: readonly Action['name'][]): fc.Arbitrary<Action> =>
  fc.record({ device: fc.nat({ max: 11 }), name: fc.constantFrom(...names), first: number, second: number });

test('C6 cases as fast-check makes them, all actions mixed', () => {
  const cases = fc.record({
    devices: fc.integer({ min: 2, max: 4 }),
    limit: fc.constantFrom(1, 2, 5, 1000),
    viewer: fc.boolean(),
    beginning: fc.array(action(USER_ACTIONS), { maxLength: 20, size: 'max' }),
    actions: fc.array(action(ACTIONS), { maxLength: 60, size: 'max' }),
  });
  fc.assert(
    fc.property(cases, (given) => {
      runCase(given);
    }),
    { numRuns: 300, seed: freshSeed() },
  );
});
