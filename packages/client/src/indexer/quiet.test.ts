import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChangeRate, isBackupName } from './quiet.ts';

test('H2 a file that never stops changing is read less and less often, and others are not held up', () => {
  const rate = new ChangeRate();
  let now = 0;
  for (let reads = 0; reads < 8; reads++) {
    assert.equal(rate.delay('log'), 0);
    rate.read('log', (now += 100), now);
  }
  assert.equal(rate.delay('log'), 2000);
  rate.read('log', (now += 2000), now);
  assert.equal(rate.delay('log'), 4000);
  assert.equal(rate.delay('other'), 0);
});

test('H2 the wait is bounded, and ends after a calm time', () => {
  const rate = new ChangeRate();
  let now = 0;
  for (let reads = 0; reads < 60; reads++) rate.read('log', (now += 100), now);
  assert.equal(rate.delay('log'), 600_000);
  const rested = now + 600_000;
  rate.read('log', rested, rested - 501);
  assert.equal(rate.delay('log'), 0);
});

test('H105 only so many files are remembered', () => {
  const rate = new ChangeRate();
  for (let reads = 0; reads < 20; reads++) rate.read('old', reads, reads);
  assert.notEqual(rate.delay('old'), 0);
  for (let other = 0; other < 1000; other++) rate.read(`f${other}`, 100, 100);
  assert.equal(rate.delay('old'), 0);
});

for (const [from, to, expected] of [
  ['f.txt', 'f.txt~', true],
  ['f.txt', 'f.txt.bak', true],
  ['report.docx', '~WRL0001.tmp', true],
  ['f.psd', '3F2504E0', true],
  ['a', 'b', false],
  ['f.txt', 'g.txt', false],
  ['photo.jpg', 'holiday.jpg', false],
] as const) {
  test(`H9 ${from} renamed to ${to} ${expected ? 'is a backup of a save' : 'is a rename'}`, () => {
    assert.equal(isBackupName(from, to), expected);
  });
}
