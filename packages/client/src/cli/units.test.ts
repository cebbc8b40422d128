import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { CommandError } from './command-error.ts';
import { formatBytes, formatDuration, parseDuration, parseRate, parseSize, parseWholeNumber } from './units.ts';

const isUsage = (error: unknown): boolean => error instanceof CommandError && error.exit === 2;

test('sizes are read in powers of 1024, with and without units', () => {
  const cases: readonly (readonly [string, number])[] = [
    ['0', 0],
    ['1048576', 1048576],
    ['5M', 5 * 2 ** 20],
    ['1.5 GiB', 1.5 * 2 ** 30],
    ['10kb', 10240],
    ['2T', 2 ** 41],
  ];
  for (const [text, bytes] of cases) assert.equal(parseSize(text), bytes, text);
  for (const text of ['', '-1', '5X', 'M', '1e3', '1,5G', '99999999T'])
    assert.throws(() => parseSize(text), isUsage, text);
});

test('rates may be off; what would never end is refused', () => {
  assert.equal(parseRate('OFF'), 'off');
  assert.equal(parseRate('5M/s'), 5 * 2 ** 20);
  assert.throws(() => parseRate('0'), isUsage);
  assert.throws(() => parseRate('1023'), isUsage);
});

test('durations are seconds, or numbers with units put together', () => {
  const cases: readonly (readonly [string, number])[] = [
    ['60', 60_000],
    ['0.5', 500],
    ['2h', 7_200_000],
    ['1h30m', 5_400_000],
    ['1 d 2 h', 93_600_000],
    ['250ms', 250],
    ['2w', 1_209_600_000],
  ];
  for (const [text, ms] of cases) assert.equal(parseDuration(text), ms, text);
  for (const text of ['', 'h', '2x', '2h?', 'soon', '-5s', '1h 30'])
    assert.throws(() => parseDuration(text), isUsage, text);
});

test('whole numbers are whole', () => {
  assert.equal(parseWholeNumber('1000'), 1000);
  for (const text of ['', '-1', '1.5', 'ten', '99999999999999999'])
    assert.throws(() => parseWholeNumber(text), isUsage);
});

test('a size that is shown has at most four digits before its unit and reads back within five percent', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 49 }), (bytes) => {
      const text = formatBytes(bytes);
      assert.match(text, /^\d{1,4}(?:\.\d)? (?:[KMGTP]i)?B$/);
      assert.ok(Math.abs(parseSize(text) - bytes) <= bytes * 0.05 + 1, text);
    }),
  );
  assert.equal(formatBytes(1024 ** 2 - 1), '1 MiB');
});

test('durations are shown in two units at most', () => {
  const cases: readonly (readonly [number, string])[] = [
    [0, '0 s'],
    [59_400, '59 s'],
    [60_000, '1 min'],
    [200_000, '3 min 20 s'],
    [7_500_000, '2 h 5 min'],
    [273_600_000, '3 d 4 h'],
  ];
  for (const [ms, text] of cases) assert.equal(formatDuration(ms), text);
});
