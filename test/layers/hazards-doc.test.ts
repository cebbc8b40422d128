import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { titlesIn } from './hazard-tests.ts';
import { HAZARDS } from './hazards.ts';

const ROOT = join(import.meta.dirname, '../..');
const LAST_HAZARD = 106;

interface Row {
  readonly number: number;
  readonly cell: string;
}

function rowsOf(document: string): Row[] {
  return [...document.matchAll(/^\| H(\d+) \| [^|]+ \| (.*) \|$/gm)].map((match) => ({
    number: Number(match[1]),
    cell: match[2] ?? '',
  }));
}

/** What a row says that is not so. */
function faultsOf({ number, cell }: Row): string[] {
  const named = [...cell.matchAll(/\[[^\]]+\]\(\.\.\/([^)]+)\): ([^<]+)/g)];
  const links = [...cell.matchAll(/\]\(\.\.\/([^)]+)\)/g)].map((match) => match[1] ?? '');
  const missing = links
    .filter((file) => !existsSync(join(ROOT, file)))
    .map((file) => `H${number}: ${file} is not there`);
  const untrue = named.flatMap(([, file = '', title = '']) => {
    if (!existsSync(join(ROOT, file)) || !/\.(?:test|contract)\.ts$/.test(file)) return [];
    const isThere = titlesIn(readFileSync(join(ROOT, file), 'utf8')).some((one) =>
      new RegExp(`\\bH${number}\\b`).test(one),
    );
    return isThere ? [] : [`H${number}: no test of ${file} names it (${title})`];
  });
  const says = named.length > 0 || /^(?:by design|not yet|not tested|not yet tested|measured)/.test(cell);
  return [...missing, ...untrue, ...(says ? [] : [`H${number}: neither a test nor a reason`])];
}

const rows = rowsOf(readFileSync(join(ROOT, 'docs/HAZARDS.md'), 'utf8'));

test('docs/HAZARDS.md has a row for every hazard', () => {
  const wanted = Array.from({ length: LAST_HAZARD }, (_, at) => at + 1);
  assert.deepEqual(
    rows.map(({ number }) => number),
    wanted,
  );
  assert.deepEqual(
    HAZARDS.map(({ number }) => number),
    wanted,
  );
});

test('docs/HAZARDS.md names only tests that name the hazard in a title', () => {
  assert.deepEqual(rows.flatMap(faultsOf), [], 'run: node scripts/hazards-doc.ts');
});

test('docs/HAZARDS.md: a row that names a test in vain is noticed', () => {
  const file = 'test/layers/house.test.ts';
  assert.equal(faultsOf({ number: 5, cell: `[house.test.ts](../${file}): house: H 5` }).length, 1);
  assert.equal(faultsOf({ number: 5, cell: '[x](../test/e2e/never.test.ts): H5 x' }).length, 1);
  assert.equal(faultsOf({ number: 5, cell: '' }).length, 1);
  assert.equal(faultsOf({ number: 5, cell: 'not yet: nobody has thought of it' }).length, 0);
});
