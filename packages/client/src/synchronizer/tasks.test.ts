/** What is under way: an object is planned anew only when all of it is over. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RemoteNode } from '@satchel/core/tree.ts';
import type { ContentHash, VersionId } from '@satchel/protocol/ids.ts';
import { indexedFile, openWorld } from '../daemon/assembled.fixture.ts';
import { TREE_ROOT } from '../daemon/assembly.ts';
import { dispatchOf } from './bundles.ts';

const never = new AbortController().signal;

const name = 'C1 an object that was moved here is busy until its download, of the same plan, has ended too';
test(name, { timeout: 20_000 }, async () => {
  await using world = openWorld();
  const row = await indexedFile(world, 'a', 'old');
  const asked = Promise.withResolvers<void>();
  const answered = Promise.withResolvers<never>();
  world.meddling.answer = () => {
    asked.resolve();
    return answered.promise;
  };
  const of = { objectId: row.objectId, workspaceId: row.workspaceId };
  const [from, to] = [
    { parentId: TREE_ROOT, name: 'a' },
    { parentId: TREE_ROOT, name: 'b' },
  ];
  const remote: RemoteNode = {
    ...of,
    ...to,
    content: { kind: 'file', hash: 'f'.repeat(64) as ContentHash, size: 6 << 20, executable: false, mtimeMs: 1 },
    versionId: 'v'.repeat(26) as VersionId,
    placeVersion: 2,
  };
  const { tasks } = world.parts;
  const moving = { ...of, kind: 'moveLocal', from, to, remote, after: [] } as const;
  const loading = { ...of, kind: 'download', remote, expected: row, executable: false, after: [0] } as const;
  await tasks.start(dispatchOf([moving, loading]), never);
  await asked.promise;
  assert.equal(world.parts.tree.pathOf(row.objectId), 'b');
  assert.deepEqual([tasks.isBusy(row.objectId), tasks.isIdle(), tasks.running().downloads], [true, false, 1]);
  answered.reject(new Error('the answer does not come'));
  while (!tasks.isIdle()) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(tasks.isBusy(row.objectId), false);
});
