import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deletesAllowed, treeSizeThatCounts } from './mass-deletes.ts';

test('H69 fifty deletions in a small tree, a tenth of a larger one, the limit in a large one', () => {
  assert.equal(deletesAllowed(1000, 0), 50);
  assert.equal(deletesAllowed(1000, 509), 50);
  assert.equal(deletesAllowed(1000, 5000), 500);
  assert.equal(deletesAllowed(1000, 1_000_000), 1000);
  assert.equal(deletesAllowed(10, 5000), 10, 'a lower limit is a limit');
});

test('H69 objects beyond the size that counts change nothing', () => {
  for (const limit of [0, 7, 50, 1000]) {
    const size = treeSizeThatCounts(limit);
    assert.equal(deletesAllowed(limit, size), deletesAllowed(limit, size * 100 + 1));
  }
});
