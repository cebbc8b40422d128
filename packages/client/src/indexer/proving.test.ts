/** C3: from what is absent to a deletion that is believed. */
import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, renameSync, rmdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { indexedFile, indexing, objectId, openWorld, scanned, type World } from '../daemon/assembled.fixture.ts';
import { TREE_ROOT } from '../daemon/assembly.ts';
import type { Disk } from '../ports/disk.ts';

const names = (world: World, parent = TREE_ROOT): string[] =>
  Array.from(world.parts.trees.local.children(parent), ({ name }) => name).sort();

/** The watcher says that something is dirty there. */
function hint(world: World, path: string): void {
  world.parts.indexer.hint([{ kind: 'dirty', path, closed: true, deep: false }]);
}

test('C3 what is gone is deleted once everything is looked at', async () => {
  await using world = openWorld();
  mkdirSync(world.path('a'));
  mkdirSync(world.path('b'));
  await scanned(world);
  assert.deepEqual(names(world), ['a', 'b']);
  rmdirSync(world.path('a'));
  hint(world, 'a');
  await indexing(world, (signal) => world.parts.indexer.settled(signal, { waitForWriters: true }));
  assert.deepEqual(names(world), ['b']);
});

test('C3 C5 what came back without an event is there, whatever an event said before', async () => {
  await using world = openWorld();
  mkdirSync(world.path('a'));
  await scanned(world);
  const [before] = world.parts.trees.local.children(TREE_ROOT);
  renameSync(world.path('a'), world.path('.satchel/aside'));
  hint(world, 'a');
  let times = 0;
  world.meddling.caughtUp = () => {
    if (times++ === 0) renameSync(world.path('.satchel/aside'), world.path('a'));
  };
  await indexing(world, (signal) => world.parts.indexer.settled(signal, { waitForWriters: true }));
  assert.ok(times > 0, 'it was asked for proof');
  const [after] = world.parts.trees.local.children(TREE_ROOT);
  assert.deepEqual([after?.objectId, after?.presence], [before?.objectId, 'present']);
});

test('C3 what lay in a folder that is gone is as unknown as the folder until that is proved', async () => {
  await using world = openWorld();
  mkdirSync(world.path('a/b/c'), { recursive: true });
  await scanned(world);
  const a = world.parts.tree.folderAt('a')!;
  const [b] = world.parts.trees.local.children(a.objectId);
  renameSync(world.path('a'), world.path('.satchel/aside'));
  mkdirSync(world.path('a'));
  assert.equal(world.parts.tree.absence(b!), 'unknown', 'another folder lies there');
  rmdirSync(world.path('a'));
  assert.equal(world.parts.tree.absence(b!), 'unknown', 'no folder lies there');
  renameSync(world.path('.satchel/aside'), world.path('a'));
  assert.equal(world.parts.tree.absence(b!), 'there');
  rmSync(world.path('a/b'), { recursive: true });
  assert.equal(world.parts.tree.absence(b!), 'absent');
});

test('C3 H69 a folder that is gone is proved once, with all that lay in it, and nothing of it is waited for', async () => {
  await using world = openWorld();
  mkdirSync(world.path('a/b'), { recursive: true });
  for (const name of ['a/f', 'a/b/f', 'a/b/g']) writeFileSync(world.path(name), name);
  mkdirSync(world.path('c'));
  await scanned(world);
  rmSync(world.path('a'), { recursive: true });
  let proofs = 0;
  world.meddling.caughtUp = () => void proofs++;
  for (const path of ['a/f', 'a/b/f', 'a/b/g', 'a/b', 'a']) hint(world, path);
  await indexing(world, (signal) => world.parts.indexer.settled(signal, { waitForWriters: true }));
  assert.deepEqual([names(world), world.parts.trees.local.count(), proofs], [['c'], 1, 1]);
});

test('C3 H63 nothing is deleted when the root goes while it is looked at', async () => {
  await using world = openWorld();
  mkdirSync(world.path('a'));
  await scanned(world);
  rmdirSync(world.path('a'));
  hint(world, 'a');
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  world.meddling.caughtUp = () => {
    resolve();
    world.meddling.rootProblem = { code: 'root_missing', message: 'unmounted' };
  };
  await indexing(world, async (signal) => {
    await asked;
    for (let turn = 0; turn < 20; turn++) {
      world.parts.indexer.recheck([]);
      await world.parts.indexer.turned(signal);
    }
    assert.deepEqual(names(world), ['a']);
    world.meddling.caughtUp = () => undefined;
    world.meddling.rootProblem = undefined;
    await world.parts.indexer.settled(signal, { waitForWriters: true });
  });
  assert.deepEqual(names(world), []);
});

/** What stood at `a` is looked for again and again, and is only gone once nothing is reserved any more. */
async function goesWhenReleased(world: World, reserved: DisposableStack): Promise<void> {
  const { indexer } = world.parts;
  await indexing(world, async (signal) => {
    for (let turn = 0; turn < 20; turn++) {
      indexer.recheck([]);
      await indexer.turned(signal);
      await setImmediate();
    }
    assert.deepEqual(names(world), ['a']);
    reserved.dispose();
    await indexer.settled(signal, { waitForWriters: true });
  });
  assert.deepEqual(names(world), []);
}

test('C3 what this device moves at this moment is not gone from where it was', async () => {
  await using world = openWorld();
  mkdirSync(world.path('a'));
  await scanned(world);
  const [before] = world.parts.trees.local.children(TREE_ROOT);
  const { indexer, tree } = world.parts;
  using moving = new DisposableStack();
  moving.use(indexer.reserve(['a'], [before!.stat.ino]));
  tree.vanish(before!);
  rmdirSync(world.path('a'));
  await goesWhenReleased(world, moving);
});

test('C3 a folder into which this device puts something at this moment is not gone before that is recorded', async () => {
  await using world = openWorld();
  mkdirSync(world.path('a'));
  await scanned(world);
  const { indexer } = world.parts;
  using putting = new DisposableStack();
  putting.use(indexer.reserve(['a/f'], []));
  rmdirSync(world.path('a'));
  hint(world, 'a');
  await goesWhenReleased(world, putting);
});

test('C3 what is gone may stand where this device is about to record something: moved there, it stays who it is', async () => {
  await using world = openWorld();
  mkdirSync(world.path('a'));
  await scanned(world);
  const [before] = world.parts.trees.local.children(TREE_ROOT);
  const { indexer } = world.parts;
  using putting = new DisposableStack();
  putting.use(indexer.reserve(['b'], []));
  renameSync(world.path('a'), world.path('b'));
  for (const path of ['a', 'b']) hint(world, path);
  await indexing(world, async (signal) => {
    for (let turn = 0; turn < 20; turn++) {
      indexer.recheck([]);
      await indexer.turned(signal);
      await setImmediate();
    }
    putting.dispose();
    await indexer.settled(signal, { waitForWriters: true });
  });
  const [after] = world.parts.trees.local.children(TREE_ROOT);
  assert.deepEqual([after?.objectId, after?.name], [before?.objectId, 'b']);
});

test('H63 while the root is gone, what was moved before is waited for without a busy loop', async () => {
  await using world = openWorld();
  mkdirSync(world.path('a'));
  await scanned(world);
  world.parts.indexer.unsettle(world.parts.tree.folderAt('a')!.objectId, 'moved');
  hint(world, 'a');
  let looks = 0;
  Object.defineProperty(world.meddling, 'rootProblem', {
    get() {
      assert.ok(++looks < 1000, 'it is asked for again and again');
      return { code: 'root_missing', message: 'unmounted' };
    },
  });
  await indexing(world, async () => {
    // Turns of the event loop: a busy one lets none of them come.
    for (let turn = 0; turn < 20; turn++) await setImmediate();
  });
  assert.ok(looks > 0);
});

test('C3 H68 a folder that cannot be listed is unknown, not empty', async () => {
  let isRefused = false;
  const refusing = (disk: Disk): Disk => ({
    ...disk,
    list(path) {
      if (isRefused && path === 'a') throw Object.assign(new Error('EACCES'), { code: 'EACCES', path });
      return disk.list(path);
    },
  });
  await using world = openWorld(refusing);
  mkdirSync(world.path('a/b'), { recursive: true });
  await scanned(world);
  const a = world.parts.tree.folderAt('a')!;
  isRefused = true;
  await scanned(world);
  assert.deepEqual(names(world, a.objectId), ['b']);
  assert.deepEqual(
    world.parts.pathProblems.all().map(({ path, code }) => [path, code]),
    [['a', 'unreadable']],
  );
});

test('H60 what could not be looked at for want of descriptors is looked at again, until it can be', async () => {
  let refusals = 0;
  const refuse = (path: string) => {
    if (refusals-- > 0) throw Object.assign(new Error('EMFILE'), { code: 'EMFILE', path });
  };
  const short = (disk: Disk): Disk => ({
    ...disk,
    list: (path) => (path === 'a' && refuse(path), disk.list(path)),
    stat: (path) => (path.startsWith('a/') && refuse(path), disk.stat(path)),
  });
  await using world = openWorld(short);
  mkdirSync(world.path('a/b'), { recursive: true });
  refusals = 3;
  await indexing(world, (signal) => world.parts.indexer.scanAll(signal));
  assert.equal(world.parts.pathProblems.all()[0]?.code, 'unreadable');
  await indexing(world, (signal) => world.parts.indexer.settled(signal, { waitForWriters: true }));
  assert.deepEqual(names(world, world.parts.tree.folderAt('a')?.objectId), ['b']);
  assert.deepEqual([refusals < 0, world.parts.pathProblems.all()], [true, []]);
});

test('C3 what is gone may be a file that waits to be read: moved and written on, it stays who it is', async () => {
  await using world = openWorld();
  writeFileSync(world.path('a'), 'one');
  await scanned(world);
  const [before] = world.parts.trees.local.children(TREE_ROOT);
  renameSync(world.path('a'), world.path('b'));
  appendFileSync(world.path('b'), ' two');
  hint(world, 'a');
  world.parts.indexer.hint([{ kind: 'dirty', path: 'b', closed: false, deep: false }]);
  await indexing(world, (signal) => world.parts.indexer.settled(signal, { waitForWriters: true }));
  const [after] = world.parts.trees.local.children(TREE_ROOT);
  assert.deepEqual([after?.objectId, after?.name], [before?.objectId, 'b']);
});

test('H82 a file that is moved onto one whose number it was given after a deletion is not that one, edited', async () => {
  await using world = openWorld();
  const [a, b] = [await indexedFile(world, 'a', 'one'), await indexedFile(world, 'b', 'another')];
  const { trees } = world.parts;
  trees.putSynced({ ...a, placeVersion: 1 });
  trees.putLocal({ ...b, stat: { ...b.stat, ino: a.stat.ino, mtimeNs: '1', ctimeNs: '1', birthNs: '1' } });
  renameSync(world.path('a'), world.path('b'));
  await scanned(world);
  const [after] = trees.local.children(TREE_ROOT);
  assert.deepEqual([after?.objectId, after?.name], [a.objectId, 'b']);
});

test('H32 a file in the place of another one is read when it is known where that went', async () => {
  await using world = openWorld();
  const row = await indexedFile(world, 'old', 'bytes');
  renameSync(world.path('old'), world.path('moved'));
  writeFileSync(world.path('old'), 'others');
  // The watcher is late with the new name.
  world.meddling.caughtUp = () => hint(world, 'moved');
  hint(world, 'old');
  await indexing(world, (signal) => world.parts.indexer.settled(signal, { waitForWriters: true }));
  assert.equal(world.parts.tree.pathOf(row.objectId), 'moved');
  assert.deepEqual(names(world), ['moved', 'old']);
});

test('H31 a folder that takes the name of a file is no file saved anew: what lies in it stays what it is', async () => {
  await using world = openWorld();
  const { trees, tree } = world.parts;
  mkdirSync(world.path('d'));
  writeFileSync(world.path('d/f'), 'synced');
  const x = await indexedFile(world, 'x', 'other');
  const [f] = trees.local.children(tree.folderAt('d')!.objectId);
  trees.putSynced({ ...f!, placeVersion: 1 });
  rmSync(world.path('x'));
  renameSync(world.path('d'), world.path('x'));
  await scanned(world);
  assert.equal(tree.pathOf(f!.objectId), 'x/f');
  assert.notEqual(tree.folderAt('x')?.objectId, x.objectId);
});

test('P11 C3 what lies in a folder whose fate is open, or shall lie there, is not planned', async () => {
  await using world = openWorld();
  const { trees, tree, indexer } = world.parts;
  mkdirSync(world.path('a/b'), { recursive: true });
  await scanned(world);
  const [a, b] = [tree.folderAt('a')!, tree.folderAt('a/b')!];
  const coming = objectId('c');
  const { workspaceId } = world.workspace;
  trees.putRemote({
    objectId: coming,
    workspaceId,
    parentId: b.objectId,
    name: 'c',
    content: { kind: 'folder' },
    placeVersion: 1,
    seq: 1,
  });
  const open = () => [a.objectId, b.objectId, coming].map((id) => indexer.isUnsettled(id));
  assert.deepEqual(open(), [false, false, false]);
  indexer.unsettle(a.objectId, 'vanished');
  assert.deepEqual(open(), [true, true, true]);
});

/** Renames folder `from`, and makes a link that leads out in its place. */
function linkInPlace(world: World, from: string, to: string): void {
  renameSync(world.path(from), world.path(to));
  symlinkSync('/elsewhere', world.path(from));
}

test('H52 a folder in whose place a link leads out has moved, if it is found elsewhere', async () => {
  await using world = openWorld();
  const { trees, tree } = world.parts;
  mkdirSync(world.path('d'));
  await scanned(world);
  const [d] = trees.local.children(TREE_ROOT);
  linkInPlace(world, 'd', 'moved');
  hint(world, 'd');
  hint(world, 'moved');
  await indexing(world, (signal) => world.parts.indexer.settled(signal, { waitForWriters: true }));
  assert.equal(tree.pathOf(d!.objectId), 'moved');
  assert.deepEqual(names(world), ['moved']);
});

test('H52 C6 what is left alone and then finds its place taken by another folder does not rest between the two', async () => {
  await using world = openWorld();
  const { trees, tree } = world.parts;
  mkdirSync(world.path('d'));
  await scanned(world);
  const [d] = trees.local.children(TREE_ROOT);
  trees.putSynced({ ...d!, placeVersion: 1 });
  linkInPlace(world, 'd', '.satchel/aside');
  await scanned(world);
  assert.equal(trees.local.get(d!.objectId)?.presence, 'unknown', 'it is left alone');
  mkdirSync(world.path('other'));
  await scanned(world);
  const other = tree.folderAt('other');
  rmSync(world.path('d'));
  renameSync(world.path('other'), world.path('d'));
  await scanned(world);
  assert.equal(tree.folderAt('d')?.objectId, other?.objectId);
  assert.deepEqual(tree.displaced(), []);
  assert.equal(trees.synced.get(d!.objectId), undefined, 'its going is no deletion: what the server has comes back');
});

test('C5 H76 an overflow has everything looked at again', async () => {
  await using world = openWorld();
  mkdirSync(world.path('a'));
  await scanned(world);
  mkdirSync(world.path('a/new'));
  world.parts.indexer.hint([{ kind: 'overflow' }]);
  await indexing(world, (signal) => world.parts.indexer.settled(signal, { waitForWriters: true }));
  assert.deepEqual(names(world, world.parts.tree.folderAt('a')!.objectId), ['new']);
});

test('C5 H78 a hint from a folder that is not known yet leads to the folder', async () => {
  await using world = openWorld();
  await scanned(world);
  mkdirSync(world.path('a/b'), { recursive: true });
  hint(world, 'a/b');
  await indexing(world, (signal) => world.parts.indexer.settled(signal, { waitForWriters: true }));
  assert.deepEqual(names(world, world.parts.tree.folderAt('a')!.objectId), ['b']);
});

test('H11 what a rule ignores is not indexed, and all beside it is', async () => {
  await using world = openWorld();
  for (const name of ['.~lock.a.odt#', 'a.odt', 'Thumbs.db']) writeFileSync(world.path(name), name);
  mkdirSync(world.path('.Trashes'));
  await scanned(world);
  assert.deepEqual(names(world), ['a.odt']);
});

test('H73 C3 a file is deleted when a folder stands in its place that is ignored for being one', async () => {
  await using world = openWorld();
  await indexedFile(world, '.Trashes', 'a file that is not ignored');
  rmSync(world.path('.Trashes'));
  mkdirSync(world.path('.Trashes'));
  hint(world, '.Trashes');
  await indexing(world, (signal) => world.parts.indexer.settled(signal, { waitForWriters: true }));
  assert.deepEqual(names(world), []);
});
