import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PathProblems } from './problems.ts';

test('H77 that a folder is not watched stays told, however often it is looked at, until all are watched again', () => {
  const problems = new PathProblems();
  problems.add('a/b', 'watch_limit', 'no more watches');
  problems.add('a/c', 'unreadable', 'permission denied');
  for (const path of ['a/b', 'a/c']) problems.clear(path);
  problems.listed('a', new Set(['b']));
  assert.deepEqual(
    problems.all().map(({ path }) => path),
    ['a/b'],
  );
  problems.end('watch_limit');
  assert.deepEqual(problems.all(), []);
});

test('H77 a folder that is gone needs no watch', () => {
  const problems = new PathProblems();
  problems.add('a/b', 'watch_limit', 'no more watches');
  problems.listed('a', new Set());
  assert.deepEqual(problems.all(), []);
});
