/** What is under way: an object is planned anew only when all of it is over. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RemoteNode } from '@satchel/core/tree.ts';
import type { ContentHash, VersionId } from '@satchel/protocol/ids.ts';
import { indexedFile, openWorld } from '../daemon/assembled.fixture.ts';
import { TREE_ROOT } from '../daemon/assembly.ts';
import type { LocalRow } from '../state/rows.ts';
import { dispatchOf, type Dispatch } from './bundles.ts';

const never = new AbortController().signal;

/** The plan for a file that was moved and edited elsewhere. */
function movedAndEdited(row: LocalRow): Dispatch {
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
  const moving = { ...of, kind: 'moveLocal', from, to, remote, after: [] } as const;
  const loading = { ...of, kind: 'download', remote, expected: row, executable: false, after: [0] } as const;
  return dispatchOf([moving, loading]);
}

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
  const { tasks } = world.parts;
  await tasks.start(movedAndEdited(row), never);
  await asked.promise;
  assert.equal(world.parts.tree.pathOf(row.objectId), 'b');
  assert.deepEqual([tasks.isBusy(row.objectId), tasks.isIdle(), tasks.running().downloads], [true, false, 1]);
  answered.reject(new Error('the answer does not come'));
  while (!tasks.isIdle()) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(tasks.isBusy(row.objectId), false);
});

test('H60 what was begun and could not be run is over: it is planned again', { timeout: 20_000 }, async () => {
  await using world = openWorld();
  const row = await indexedFile(world, 'a', 'old');
  const { tasks, applier } = world.parts;
  const shortage = Object.assign(new Error('EMFILE'), { code: 'EMFILE' });
  Object.assign(applier.deps.intents, {
    add() {
      throw shortage;
    },
  });
  await tasks.start(movedAndEdited(row), never);
  assert.deepEqual([tasks.isIdle(), tasks.isBusy(row.objectId)], [true, false]);
  assert.equal(world.parts.tree.pathOf(row.objectId), 'a');
});
