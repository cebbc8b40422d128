/** Folders and links in whose place another one stands (H32). */
import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { test } from 'node:test';
import { indexing, openWorld, scanned, type World } from '../daemon/assembled.fixture.ts';
import { TREE_ROOT } from '../daemon/assembly.ts';

const names = (world: World): string[] =>
  Array.from(world.parts.trees.local.children(TREE_ROOT), ({ name }) => name).sort();

/** The watcher says that something is dirty there. */
function hint(world: World, path: string): void {
  world.parts.indexer.hint([{ kind: 'dirty', path, closed: true, deep: false }]);
}

const makers = {
  folder: (path: string) => mkdirSync(path),
  link: (path: string) => symlinkSync(`to-${path.length}`, path),
};

for (const [kind, make] of Object.entries(makers)) {
  test(`H32 a ${kind} whose name is made anew at once has moved, also if the new name is told of late`, async () => {
    await using world = openWorld();
    const { trees, tree } = world.parts;
    make(world.path('old'));
    await scanned(world);
    const [row] = trees.local.children(TREE_ROOT);
    trees.putSynced({ ...row!, placeVersion: 1 });
    renameSync(world.path('old'), world.path('moved'));
    make(world.path('old'));
    // The watcher is late with the new name.
    world.meddling.caughtUp = () => hint(world, 'moved');
    hint(world, 'old');
    await indexing(world, (signal) => world.parts.indexer.settled(signal, { waitForWriters: true }));
    assert.equal(tree.pathOf(row!.objectId), 'moved');
    assert.deepEqual(names(world), ['moved', 'old']);
    // Told by a scan, which meets the old name first.
    renameSync(world.path('moved'), world.path('past'));
    make(world.path('moved'));
    await scanned(world);
    assert.equal(tree.pathOf(row!.objectId), 'past');
    assert.deepEqual(names(world), ['moved', 'old', 'past']);
  });

  test(`H32 H8 another ${kind} in the place of one that is gone takes over what it was`, async () => {
    await using world = openWorld();
    const { trees } = world.parts;
    make(world.path('a'));
    await scanned(world);
    const [before] = trees.local.children(TREE_ROOT);
    make(world.path('.satchel/b'));
    rmSync(world.path('a'), { recursive: true });
    renameSync(world.path('.satchel/b'), world.path('a'));
    hint(world, 'a');
    await indexing(world, (signal) => world.parts.indexer.settled(signal, { waitForWriters: true }));
    const [after] = trees.local.children(TREE_ROOT);
    assert.deepEqual([after?.objectId, after?.name, after?.presence], [before?.objectId, 'a', 'present']);
    assert.notEqual(after?.stat.ino, before?.stat.ino);
    assert.equal(world.parts.indexer.isIdle(), true);
  });
}
