import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WorkspaceId } from '@satchel/protocol/ids.ts';
import { OwnSeqs } from './own-seqs.ts';

const workspace = '0'.repeat(26) as WorkspaceId;

test('S3 the cursor moves over own seqs that join on to it', () => {
  const own = new OwnSeqs();
  for (const seq of [3, 4, 5]) own.add(workspace, seq);
  assert.equal(own.reach(workspace, 2), 5);
});

test("S3 the cursor never moves over somebody else's seq", () => {
  const own = new OwnSeqs();
  for (const seq of [3, 5]) own.add(workspace, seq);
  assert.equal(own.reach(workspace, 2), 3);
  assert.equal(own.reach(workspace, 3), 3);
  assert.equal(own.reach(workspace, 4), 5);
});

test('S3 the highest own seq is known, so that a digest is compared only where it can be equal', () => {
  const own = new OwnSeqs();
  assert.equal(own.highest(workspace), 0);
  own.add(workspace, 9);
  own.add(workspace, 7);
  assert.equal(own.highest(workspace), 9);
});
