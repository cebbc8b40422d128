/** What is seen of things that this device is about to record. */
import assert from 'node:assert/strict';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { indexing, openWorld, scanned } from '../daemon/assembled.fixture.ts';
import { TREE_ROOT } from '../daemon/assembly.ts';

test('C5 what was changed deep in a folder that this device moves is seen, though its move was told of before its record', async () => {
  await using world = openWorld();
  const { indexer, trees, tree } = world.parts;
  mkdirSync(world.path('a/sub'), { recursive: true });
  writeFileSync(world.path('a/sub/f'), 'old');
  await scanned(world);
  const [folder] = trees.local.children(TREE_ROOT);
  await indexing(world, async (signal) => {
    using moving = new DisposableStack();
    moving.use(indexer.reserve(['a', 'b'], [folder!.stat.ino]));
    writeFileSync(world.path('a/sub/f'), 'edited');
    renameSync(world.path('a'), world.path('b'));
    indexer.hint([{ kind: 'dirty', path: 'b', closed: true, deep: true }]);
    for (let turn = 0; turn < 20; turn++) await setImmediate();
    trees.putLocal({ ...folder!, name: 'b' });
    moving.dispose();
    await indexer.settled(signal, { waitForWriters: true });
  });
  const f = trees.local.childNamed({ parentId: tree.folderAt('b/sub')!.objectId, name: 'f' });
  assert.equal(f?.stat.size, 'edited'.length);
});
