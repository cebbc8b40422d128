import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freshSeed } from '../support/random.ts';
import { REGRESSIONS } from './regressions.ts';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));

/** In a process of its own: there a promise that a killed daemon leaves behind is nobody's failure. */
function simulate(...args: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', MAIN, ...args],
    { encoding: 'utf8' },
  );
  assert.equal(status, 0, stdout + stderr);
}

test(`P1 P4 P5 the ${REGRESSIONS.length} seeds that once failed end well`, () => simulate('--regressions'));

test('P1–P9 H6 H63 H74 H83 H87 H88 H91 H103 histories of fresh seeds end in equal trees with nothing lost', () =>
  simulate('--seed', String(freshSeed()), '--seeds', '1000000', '--for-seconds', '10'));

test('a seed run twice gives the same trace', () => simulate('--seed', String(freshSeed()), '--seeds', '5', '--twice'));
