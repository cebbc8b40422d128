import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { columns, displayText, displayWidth, shortened } from './display.ts';
import { bar, createRate } from './progress.ts';

test('nothing that is shown can control the terminal', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.doesNotMatch(displayText(text), /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    }),
  );
  assert.equal(displayText('👨‍👩‍👧 می‌خواهم'), '👨‍👩‍👧 می‌خواهم', 'names as people write them');
  assert.equal(displayText('a\nb\u001b[1m\u202egpj'), 'a\\nb\\u{1b}[1m\\u{202e}gpj');
});

test('a shortened text fits and keeps beginning and end', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 60 }), (text, width) => {
      assert.ok(displayWidth(shortened(text, width)) <= width);
    }),
  );
  assert.equal(shortened('photos/2026/summer/beach.jpeg', 16), 'photos…each.jpeg');
  assert.equal(shortened('short', 16), 'short');
});

test('columns line up by what a terminal shows', () => {
  assert.deepEqual(
    columns([
      ['a', 'x'],
      ['日本', 'y'],
      ['\u001b[1mb\u001b[22m', 'z'],
    ]),
    ['a     x', '日本  y', '\u001b[1mb\u001b[22m     z'],
  );
});

test('a bar is as wide as asked at any fraction', () => {
  fc.assert(
    fc.property(fc.double({ min: -1, max: 2, noNaN: true }), (fraction) => {
      assert.equal([...bar(fraction, 24)].length, 24);
    }),
  );
  assert.equal(bar(0.5, 4), '██  ');
});

test('the rate is that of the last seconds', () => {
  let now = 0;
  const rate = createRate(() => now);
  assert.equal(rate.bytesPerSecond(), 0);
  for (now = 0; now <= 20_000; now += 200) rate.at(now < 10_000 ? 0 : (now - 10_000) * 5);
  assert.equal(Math.round(rate.bytesPerSecond()), 5000);
});
