import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createContents, type ContentEvent, type Contents, type Judgement } from './contents.ts';

const wrote = (content: string): ContentEvent => ({ kind: 'wrote', content });
const letGo = (content: string): ContentEvent => ({ kind: 'letGo', content });

function after(...events: readonly ContentEvent[]): Contents {
  const contents = createContents();
  events.forEach(contents.record);
  return contents;
}

function judged(contents: Contents, there: readonly string[], trash: readonly string[] = []): Judgement {
  const visible = new Map<string, number>();
  for (const content of there) visible.set(content, (visible.get(content) ?? 0) + 1);
  return contents.judge({ visible, isInTrash: (content) => trash.includes(content) });
}

test('all well: written, overwritten by one who saw it, removed', () => {
  const contents = after(wrote('a'), wrote('b'), letGo('a'), wrote('c'));
  assert.deepEqual(judged(contents, ['b', 'c']).violations, []);
  contents.record(letGo('b'));
  assert.deepEqual(judged(contents, ['c']).violations, []);
});

test('all well: removed by one and moved by another, it may live', () => {
  assert.deepEqual(judged(after(wrote('a'), letGo('a')), ['a']).violations, []);
});

test('caught: a lost write', () => {
  assert.match(judged(after(wrote('a')), []).violations.join(), /a is lost/);
  assert.deepEqual(judged(after(wrote('a')), [], ['a']), { violations: [], onlyInTrash: ['a'] });
});

test('caught: an old value that comes back', () => {
  const contents = after(wrote('a'), letGo('a'), wrote('b'));
  assert.deepEqual(judged(contents, ['b']).violations, []);
  assert.match(judged(contents, ['a', 'b']).violations.join(), /a was gone when all were in sync and is back/);
  const again = after(wrote('a'), letGo('a'));
  judged(again, []);
  again.record(wrote('a'));
  assert.deepEqual(judged(again, ['a']).violations, []);
});

test('caught: a value from nowhere, and one that is there twice', () => {
  assert.match(judged(after(), ['x']).violations.join(), /from nowhere/);
  assert.match(judged(after(wrote('a')), ['a', 'a']).violations.join(), /2 places/);
  assert.deepEqual(judged(after(wrote('a'), wrote('a')), ['a', 'a']).violations, []);
});

test('a content between two system calls may be found and need not be kept', () => {
  const contents = after({ kind: 'passed', content: 'p' });
  assert.deepEqual(judged(contents, ['p']).violations, []);
  assert.deepEqual(judged(contents, []).violations, []);
});
