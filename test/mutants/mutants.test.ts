import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeCopy, mutate, ROOT } from './copy.ts';
import { control, examine } from './examine.ts';
import { outcomeOf } from './outcome.ts';
import { planner, simulation, tests } from './mutant.ts';
import { MUTANTS } from './table.ts';

test('mutants: what each replaces stands in its file exactly once', () => {
  assert.ok(MUTANTS.length >= 40, `only ${MUTANTS.length} mutants`);
  const faults = MUTANTS.flatMap((mutant) => {
    try {
      mutate(readFileSync(join(ROOT, mutant.file), 'utf8'), mutant);
      return [];
    } catch (error) {
      return [String(error)];
    }
  });
  assert.deepEqual(faults, []);
  const [one] = MUTANTS;
  assert.ok(one);
  assert.throws(() => mutate('something else', one), RangeError);
  assert.throws(() => mutate(one.find + one.find, one), RangeError);
  assert.throws(() => mutate(one.find, { ...one, replace: one.find }), RangeError);
});

test('mutants: names are unique, and what should catch them is there', () => {
  assert.equal(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length);
  for (const { name, suites } of MUTANTS) {
    assert.ok(suites.length > 0, name);
    for (const suite of suites) if (suite.kind === 'tests') assert.ok(existsSync(join(ROOT, suite.file)), suite.file);
  }
});

test('mutants: a planted fault is caught, a change that breaks nothing survives, and the copy stays whole', async () => {
  const planted = MUTANTS.find(({ name }) => name === 'digest-ignores-a-field');
  assert.ok(planted);
  using copy = makeCopy(new AbortController().signal);
  assert.deepEqual(await control(copy, [planted]), []);
  const verdict = await examine(copy, planted);
  assert.deepEqual([verdict.fate, verdict.name], ['caught', planted.name]);
  assert.equal((await examine(copy, { ...planted, replace: `${planted.find} // the same` })).fate, 'survived');
  const seen = (root: string) => readFileSync(join(root, planted.file), 'utf8');
  assert.equal(seen(copy.path), seen(ROOT));
});

test('mutants: the table of docs/TESTING.md has them all', () => {
  const document = readFileSync(join(ROOT, 'docs/TESTING.md'), 'utf8');
  const rows = [...document.matchAll(/^\| `([a-z-]+)` \|/gm)].map((match) => match[1]);
  assert.deepEqual(
    rows,
    MUTANTS.map(({ name }) => name),
    'run: npm run test:mutants -- --markdown',
  );
});

const ended = (status: number | null, output: string) => ({ status, output, isCutOff: false });

test('mutants: what a suite printed is read rightly, and what it did not finish is no catch', () => {
  assert.deepEqual(outcomeOf(planner(5), ended(0, 'planner: 5 cases hold (seed 7): 1 steps')), {
    kind: 'held',
    count: 5,
  });
  const failedCase = 'case 2 of seed 7 fails (--cases 1):\nError: x is lost: [{}]\n';
  const again = ['test/sim/planner/main.ts', '--cases', '1', '--seed', '7', '--first', '2'];
  assert.deepEqual(outcomeOf(planner(5), ended(1, failedCase)), {
    kind: 'failed',
    count: 3,
    what: 'x is lost',
    again,
  });
  const history = 'seed 12: P1 x is in no tree\n{"histories":4,"failed":1}\n';
  const replay = ['test/sim/main.ts', '--seeds', '1', '--stop-after', '1', '--seed', '12'];
  assert.deepEqual(outcomeOf(simulation(9), ended(1, history)), {
    kind: 'failed',
    count: 4,
    what: 'P1 x is in no tree',
    again: replay,
  });
  const tap = 'TAP version 13\nok 1 - a\n    ok 1 - b # SKIP\nnot ok 2 - S4 c\n# fail 1\n';
  assert.deepEqual(outcomeOf(tests('x.test.ts'), ended(1, tap)), { kind: 'failed', count: 2, what: 'S4 c' });
  assert.equal(outcomeOf(tests('x.test.ts'), ended(null, 'TAP version 13\nok 1 - a\n')).kind, 'broken');
  assert.equal(outcomeOf(tests('x.test.ts'), ended(0, 'TAP version 13\n1..0\n')).kind, 'broken');
  assert.equal(outcomeOf(simulation(9), ended(1, 'SyntaxError')).kind, 'broken');
  const cutOff = { status: null, output: 'TAP version 13\nok 1 - a\n', isCutOff: true };
  assert.deepEqual(outcomeOf(tests('x.test.ts'), cutOff), {
    kind: 'failed',
    count: 1,
    what: 'does not end within 10 min',
  });
});
