import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FolderTree } from './folders.ts';

test('W3 W4 a folder in which something appeared while it was away is surveyed, whether it comes back alone or not', () => {
  const tree = new FolderTree(1);
  const outer = tree.create(2, tree.root, 'outer');
  const inner = tree.create(3, outer, 'inner');
  const beside = tree.create(4, outer, 'beside');
  tree.takeAway(outer);
  tree.touch(inner);
  assert.equal(outer.touched, true);
  assert.equal(beside.touched, false);
  tree.place(inner, tree.root, 'alone');
  assert.equal(inner.touched, true);
  assert.equal(tree.pathOf(inner), 'alone');
});
