/** Folders that go whole into the local trash, on a disk that changes in the worst moments. */
import assert from 'node:assert/strict';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { LONG_AGO_S, openWorld, scanned, type World } from '../daemon/assembled.fixture.ts';
import { TREE_ROOT } from '../daemon/assembly.ts';
import { bringBackEdited } from '../daemon/late-writes.ts';
import type { Disk } from '../ports/disk.ts';
import type { LocalRow } from '../state/rows.ts';
import { Removals } from './removing.ts';
import { TRASH_FOLDER } from './trash.ts';
import type { PlannedRemoval } from './whole-folder.ts';

/** What happens when something is renamed, and where to. */
interface Renames {
  before: (from: string) => void;
  beforeFolder: (path: string) => void;
  readonly done: string[];
}

interface Scene extends AsyncDisposable {
  readonly world: World;
  readonly renames: Renames;
}

const files = ['f', 'g', 'deep/h'];

/** A folder `d` with some files in it, long in sync. */
async function openScene(): Promise<Scene> {
  const renames: Renames = { before: () => undefined, beforeFolder: () => undefined, done: [] };
  const world = openWorld((disk: Disk) => ({
    ...disk,
    makeFolder(path) {
      renames.beforeFolder(path);
      return disk.makeFolder(path);
    },
    async rename(from, to) {
      renames.before(from);
      const outcome = await disk.rename(from, to);
      if (outcome === 'renamed') renames.done.push(from);
      return outcome;
    },
  }));
  mkdirSync(world.path('d/deep'), { recursive: true });
  for (const name of files) {
    writeFileSync(world.path(`d/${name}`), name);
    utimesSync(world.path(`d/${name}`), LONG_AGO_S, LONG_AGO_S);
  }
  await scanned(world);
  return { world, renames, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() };
}

/** Once, right before the first rename of this path. */
function beforeRename({ renames }: Scene, path: string, happens: () => void): void {
  renames.before = (from) => {
    if (from !== path) return;
    renames.before = () => undefined;
    happens();
  };
}

const rowAt = ({ parts: { trees, tree } }: World, path: string): LocalRow => {
  const cut = path.lastIndexOf('/');
  const folder = tree.folderAt(cut < 0 ? '' : path.slice(0, cut));
  const row = folder && trees.local.childNamed({ parentId: folder.objectId, name: path.slice(cut + 1) });
  if (row === undefined) throw new Error(`${path} is not known`);
  return row;
};

/** Removes these as one plan does, contents first; their outcomes. */
async function remove(world: World, paths = ['d/deep/h', 'd/f', 'd/g', 'd/deep', 'd']): Promise<string[]> {
  const steps = paths.map((path, index): PlannedRemoval => {
    const expected = rowAt(world, path);
    const { objectId, workspaceId } = expected;
    const after = paths.flatMap((other, at) => (other.startsWith(`${path}/`) ? [at] : []));
    return { kind: 'removeLocal', objectId, workspaceId, expected, excluded: false, index, after };
  });
  const removals = new Removals(world.parts.applier, steps);
  const outcomes: string[] = [];
  for (const step of steps) outcomes.push(await removals.remove(step));
  removals.close();
  return outcomes;
}

/** Contents that rest in the local trash. */
const trashed = (world: World): string[] =>
  readdirSync(world.path(TRASH_FOLDER), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(`${entry.parentPath}/${entry.name}`, 'utf8'))
    .toSorted();

/** Where something of this name rests, as an absolute path. */
function restingPlace(world: World, name: string): string {
  const found = readdirSync(world.path(TRASH_FOLDER), { recursive: true, encoding: 'utf8' }).find((path) =>
    path.endsWith(`/${name}`),
  );
  return world.path(`${TRASH_FOLDER}/${found}`);
}

const editedPaths = (world: World): string[] => world.parts.trash.editedSince(0).map(({ path }) => path);

test('S12 H71 a folder that goes with all that is known in it goes whole, and rests in the local trash', async () => {
  await using scene = await openScene();
  const { world, renames } = scene;
  assert.deepEqual(new Set(await remove(world)), new Set(['done']));
  assert.deepEqual(renames.done, ['d']);
  assert.deepEqual(trashed(world), files.toSorted());
  assert.equal(world.parts.trees.local.count(), 0);
  assert.deepEqual(editedPaths(world), []);
});

test('H74 C3 when no place in the trash can be made at first, nothing goes that is not recorded as gone', async () => {
  await using scene = await openScene();
  let faults = 1;
  scene.renames.beforeFolder = (path) => {
    if (faults-- > 0) throw Object.assign(new Error('EIO'), { code: 'EIO', path });
  };
  await remove(scene.world);
  assert.equal(faults < 0, true);
  assert.deepEqual([existsSync(scene.world.path('d')), scene.world.parts.trees.local.count()], [false, 0]);
  assert.deepEqual(trashed(scene.world).sort(), [...files].sort());
});

test('C4 H27 what is not known in a folder stays, with the folder; what is known goes one by one', async () => {
  await using scene = await openScene();
  const { world, renames } = scene;
  writeFileSync(world.path('d/deep/new'), 'new');
  assert.deepEqual(await remove(world), ['done', 'done', 'done', 'dropped', 'dropped']);
  assert.equal(renames.done.includes('d'), false);
  assert.equal(readFileSync(world.path('d/deep/new'), 'utf8'), 'new');
  assert.deepEqual(trashed(world), files.toSorted());
});

test('C4 H20 a file in it that was edited, though its size and time are the old ones, brings the folder back', async () => {
  await using scene = await openScene();
  const { world } = scene;
  writeFileSync(world.path('d/deep/h'), 'DEEP/H');
  utimesSync(world.path('d/deep/h'), LONG_AGO_S, LONG_AGO_S);
  assert.deepEqual(await remove(world), ['dropped', 'done', 'done', 'dropped', 'dropped']);
  assert.equal(readFileSync(world.path('d/deep/h'), 'utf8'), 'DEEP/H');
  assert.deepEqual(trashed(world), ['f', 'g']);
  assert.deepEqual(editedPaths(world), []);
});

for (const [what, happens] of [
  ['is written', (world: World) => appendFileSync(world.path('d/f'), ', edited')],
  ['gets another mode', (world: World) => chmodSync(world.path('d/f'), 0o700)],
  [
    'is replaced',
    (world: World) => (writeFileSync(world.path('x'), 'f'), renameSync(world.path('x'), world.path('d/f'))),
  ],
] as const)
  test(`C4 a file in it that ${what} in the moment of the rename is where it was`, async () => {
    await using scene = await openScene();
    const { world, renames } = scene;
    beforeRename(scene, 'd', () => happens(world));
    assert.deepEqual(await remove(world), ['done', 'dropped', 'done', 'done', 'dropped']);
    assert.equal(renames.done[0], 'd');
    assert.ok(existsSync(world.path('d/f')));
    assert.deepEqual(trashed(world), ['deep/h', 'g']);
  });

test('C4 H27 a file that is made in it in the moment of the rename is where it was made', async () => {
  await using scene = await openScene();
  const { world } = scene;
  beforeRename(scene, 'd', () => writeFileSync(world.path('d/new'), 'new'));
  assert.deepEqual(await remove(world), ['done', 'done', 'done', 'done', 'dropped']);
  assert.equal(readFileSync(world.path('d/new'), 'utf8'), 'new');
});

test('C4 C2 another folder that has taken the name stays as it is', async () => {
  await using scene = await openScene();
  const { world } = scene;
  renameSync(world.path('d'), world.path('.satchel/aside'));
  mkdirSync(world.path('d/deep'), { recursive: true });
  for (const name of files) writeFileSync(world.path(`d/${name}`), 'other');
  await setImmediate();
  assert.deepEqual(new Set(await remove(world)), new Set(['dropped']));
  for (const name of files) assert.equal(readFileSync(world.path(`d/${name}`), 'utf8'), 'other');
});

test('H15 what cannot go back, because the name was taken meanwhile, comes back from the trash', async () => {
  await using scene = await openScene();
  const { world } = scene;
  beforeRename(scene, 'd', () => {
    appendFileSync(world.path('d/f'), ', edited');
    writeFileSync(world.path('d/deep/new'), 'new');
    // Before it would go back.
    scene.renames.before = () => {
      scene.renames.before = () => undefined;
      mkdirSync(world.path('d'));
    };
  });
  assert.deepEqual(new Set(await remove(world)), new Set(['dropped']));
  assert.deepEqual(editedPaths(world).toSorted(), ['d/deep/new', 'd/f']);
  await scanned(world);
  await bringBackEdited({ ...world.parts }, 0);
  const inSight = ['d', '']
    .flatMap((folder) => readdirSync(world.path(folder), { withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(`${entry.parentPath}/${entry.name}`, 'utf8'));
  assert.deepEqual(inSight.toSorted(), ['f, edited', 'new']);
  assert.deepEqual(editedPaths(world), []);
});

test('H15 what is written to a file, or made, in a folder that rests in the trash comes back', async () => {
  await using scene = await openScene();
  const { world } = scene;
  await remove(world);
  appendFileSync(restingPlace(world, 'g'), ', edited');
  writeFileSync(`${restingPlace(world, 'deep')}/late`, 'late');
  mkdirSync(`${restingPlace(world, 'd')}/made`);
  assert.deepEqual(editedPaths(world).toSorted(), ['d/deep/late', 'd/g', 'd/made']);
  await bringBackEdited({ ...world.parts }, 0);
  const names = readdirSync(world.path('')).filter((name) => name !== '.satchel');
  assert.deepEqual(
    names.map((name) => [name.split(' ')[0], statSync(world.path(name)).isDirectory()]).toSorted(),
    [['g', false], ['late', false], ['made', true]], // prettier-ignore
  );
  assert.deepEqual(editedPaths(world), []);
  assert.deepEqual(trashed(world), ['deep/h', 'f']);
});

test('H83 H15 after a crash right behind the rename what was made in the folder before it is found', async () => {
  await using scene = await openScene();
  const { world } = scene;
  beforeRename(scene, 'd', () => writeFileSync(world.path('d/new'), 'new'));
  const disk = world.parts.applier.deps.disk as { rename: Disk['rename'] };
  const { rename } = disk;
  const crash = Promise.withResolvers<void>();
  disk.rename = async (from, to) => {
    await rename(from, to);
    crash.resolve();
    return new Promise(() => undefined); // nothing that would come after comes
  };
  void remove(world);
  await crash.promise;
  assert.deepEqual(editedPaths(world), ['d/new']);
  assert.equal(world.parts.trees.local.count(), 5, 'the scan will find that they are gone');
});

test('P12 a folder goes whole only when nothing in it waits for something outside', async () => {
  await using scene = await openScene();
  const { world, renames } = scene;
  assert.deepEqual(await remove(world, ['d/f', 'd/g']), ['done', 'done']);
  assert.deepEqual(renames.done, ['d/f', 'd/g']);
  assert.ok(existsSync(world.path('d/deep/h')));
});

test('S12 a folder that rests whole goes from the trash when its time is over, but not what was made in it', async () => {
  await using scene = await openScene();
  const { world } = scene;
  await remove(world);
  const { trash } = world.parts;
  const resting = restingPlace(world, 'd');
  writeFileSync(`${resting}/late`, 'late');
  trash.purge({ maxAgeMs: -1, maxBytes: 0 });
  assert.deepEqual([readdirSync(resting), editedPaths(world)], [['late'], ['d/late']]);
  await bringBackEdited({ ...world.parts }, 0);
  trash.purge({ maxAgeMs: -1, maxBytes: 0 });
  assert.equal(existsSync(resting), false);
  assert.equal(world.db.first('SELECT 1 FROM trashed'), undefined);
  assert.ok(world.parts.tree.folderAt('')?.objectId === TREE_ROOT);
});
