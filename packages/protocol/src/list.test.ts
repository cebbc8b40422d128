import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { list } from './list.ts';

const Entry = z.object({ n: z.int() });

test('a list is what an array is, for what is right', () => {
  const right = [{ n: 1 }, { n: 2, more: 3 }];
  assert.deepEqual(list(Entry, { min: 1, max: 2 }).parse(right), [{ n: 1 }, { n: 2 }]);
  assert.deepEqual(list(Entry).parse([]), []);
  assert.deepEqual(
    z.toJSONSchema(list(Entry, { min: 1, max: 2 })),
    z.toJSONSchema(z.array(Entry).min(1).max(2)),
    'and is described as one',
  );
});

test('a list is refused for what an array is, and tells of the first fault only', () => {
  const looked: unknown[] = [];
  const watched = z.custom<number>((value) => {
    looked.push(value);
    return typeof value === 'number';
  });
  const wrong = (schema: z.ZodType, value: unknown): readonly string[] =>
    schema.safeParse(value).error?.issues.map(({ code, path }) => [code, ...path].join(' ')) ?? [];
  assert.deepEqual(wrong(list(Entry), 7), ['invalid_type']);
  assert.deepEqual(wrong(list(Entry, { min: 1, max: 2 }), []), ['too_small']);
  assert.deepEqual(wrong(z.object({ of: list(watched, { max: 5 }) }), { of: [1, 'a', 2, 'b'] }), ['custom of 1']);
  assert.deepEqual(looked.splice(0), [1, 'a']);
  assert.deepEqual(wrong(list(watched, { max: 3 }), [1, 'a', 2, 'b']), ['too_big']);
  assert.deepEqual(looked, [], 'none is looked at when there are too many');
});
