import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assert as holds, nat, property } from 'fast-check';
import { spanOf } from './range-header.ts';

test('a range names its first and last byte', () => {
  assert.deepEqual(spanOf('bytes=0-0', 10), { from: 0, to: 1 });
  assert.deepEqual(spanOf('bytes=3-', 10), { from: 3, to: 10 });
  assert.deepEqual(spanOf('bytes=-4', 10), { from: 6, to: 10 });
  assert.deepEqual(spanOf('bytes=-40', 10), { from: 0, to: 10 });
  assert.deepEqual(spanOf('bytes=8-99', 10), { from: 8, to: 10 });
});

test('what is no single good range is the whole', () => {
  for (const header of [undefined, '', 'bytes=-', 'bytes=5-3', 'bytes=0-1,4-5', 'items=0-1', 'bytes=a-b'])
    assert.equal(spanOf(header, 10), undefined);
});

test('a range outside the content is range_invalid', () => {
  for (const header of ['bytes=10-', 'bytes=10-20', 'bytes=-0'])
    assert.throws(() => spanOf(header, 10), { code: 'range_invalid' });
  assert.throws(() => spanOf('bytes=0-', 0), { code: 'range_invalid' });
});

test('a span always lies inside the content', () => {
  holds(
    property(nat(1000), nat(2000), nat(2000), (size, first, last) => {
      try {
        const span = spanOf(`bytes=${first}-${last}`, size);
        return span === undefined ? last < first : span.from === first && span.to <= size && span.to > span.from;
      } catch {
        return first >= size;
      }
    }),
  );
});
