import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { test } from 'node:test';
import type { ObjectId } from '@satchel/protocol/ids.ts';
import { indexedFile, LONG_AGO_S, meddledBefore, openWorld, scanned, type World } from '../daemon/assembled.fixture.ts';
import { TREE_ROOT } from '../daemon/assembly.ts';
import type { LocalRow } from '../state/rows.ts';
import { Removals } from './removing.ts';
import { TRASH_FOLDER } from './trash.ts';
import type { PlannedRemoval } from './whole-folder.ts';

function removalOf(expected: LocalRow, index = 0): PlannedRemoval {
  const { objectId, workspaceId } = expected;
  return { kind: 'removeLocal', objectId, workspaceId, expected, excluded: false, index, after: [] };
}

/** Removes one file as a plan does. */
async function remove(world: World, expected: LocalRow) {
  const step = removalOf(expected);
  const removals = new Removals(world.parts.applier, [step]);
  const outcome = await removals.remove(step);
  removals.close();
  return outcome;
}

/** Contents that rest in the local trash. */
const trashed = (world: World): string[] =>
  readdirSync(world.path(TRASH_FOLDER), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(`${entry.parentPath}/${entry.name}`, 'utf8'));

test('S12 H71 what another device deleted rests in the local trash', async () => {
  await using world = openWorld();
  const row = await indexedFile(world, 'f', 'bytes');
  assert.equal(await remove(world, row), 'done');
  assert.equal(existsSync(world.path('f')), false);
  assert.deepEqual(trashed(world), ['bytes']);
  assert.equal(world.parts.trees.local.get(row.objectId), undefined);
});

test('H15 what is written to a file that rests in the trash is noticed', async () => {
  await using world = openWorld();
  await remove(world, await indexedFile(world, 'f', 'bytes'));
  const { trash } = world.parts;
  assert.deepEqual(trash.editedSince(0), []);
  const slot = readdirSync(world.path(TRASH_FOLDER), { recursive: true, encoding: 'utf8' }).find((path) =>
    statSync(world.path(`${TRASH_FOLDER}/${path}`)).isFile(),
  );
  appendFileSync(world.path(`${TRASH_FOLDER}/${slot}`), ', edited');
  assert.deepEqual(
    trash.editedSince(0).map(({ path }) => path),
    ['f'],
  );
});

test('H15 a file that was touched after its place in the trash was noted does not rest there as one written to', async () => {
  await using world = openWorld();
  const rows = [await indexedFile(world, 'f', 'bytes'), await indexedFile(world, 'g', 'others')];
  const [first, second] = rows.map(removalOf);
  assert.ok(first && second);
  const removals = new Removals(world.parts.applier, [first, second]);
  assert.equal(await removals.remove(first), 'done');
  utimesSync(world.path('g'), LONG_AGO_S + 60, LONG_AGO_S + 60);
  await scanned(world);
  assert.equal(await removals.remove(second), 'dropped');
  removals.close();
  assert.deepEqual(world.parts.trash.editedSince(0), []);
  assert.equal(readFileSync(world.path('g'), 'utf8'), 'others');
});

test('C4 H20 a file that was edited since it was read is not removed, though its size and time are the old ones', async () => {
  await using world = openWorld();
  const row = await indexedFile(world, 'f', 'bytes');
  writeFileSync(world.path('f'), 'BYTES');
  utimesSync(world.path('f'), LONG_AGO_S, LONG_AGO_S);
  assert.equal(await remove(world, row), 'dropped');
  assert.equal(readFileSync(world.path('f'), 'utf8'), 'BYTES');
});

test('C4 a file that is edited in the moment of its removal goes back where it was', async () => {
  let edit = (): void => undefined;
  await using world = openWorld(meddledBefore({ rename: () => edit() }));
  const row = await indexedFile(world, 'f', 'bytes');
  edit = () => {
    edit = () => undefined;
    appendFileSync(world.path('f'), ', edited');
  };
  assert.equal(await remove(world, row), 'dropped');
  assert.equal(readFileSync(world.path('f'), 'utf8'), 'bytes, edited');
});

test('C4 C2 another folder that has taken the name of the one to be removed stays', async () => {
  await using world = openWorld();
  mkdirSync(world.path('d'));
  await scanned(world);
  const row = world.parts.trees.local.childNamed({ parentId: TREE_ROOT, name: 'd' });
  assert.ok(row);
  renameSync(world.path('d'), world.path('.satchel/aside'));
  mkdirSync(world.path('d'));
  assert.equal(await remove(world, row), 'dropped');
  assert.ok(existsSync(world.path('d')));
});

test('H72 H17 a folder deleted elsewhere stays for what no other device can have, and is not made anew there', async () => {
  await using world = openWorld();
  mkdirSync(world.path('d/below'), { recursive: true });
  await scanned(world);
  const rowAt = (parentId: ObjectId, name: string) => world.parts.trees.local.childNamed({ parentId, name });
  const folder = rowAt(TREE_ROOT, 'd');
  const below = folder === undefined ? undefined : rowAt(folder.objectId, 'below');
  assert.ok(folder !== undefined && below !== undefined);
  execFileSync('mkfifo', [world.path('d/below/pipe')]);
  symlinkSync('/elsewhere', world.path('d/link'));
  writeFileSync(Buffer.concat([Buffer.from(world.path('d/')), Buffer.from([0xff])]), '');
  assert.equal(await remove(world, below), 'done');
  assert.equal(await remove(world, folder), 'done');
  await scanned(world);
  assert.equal(rowAt(TREE_ROOT, 'd'), undefined);
  assert.deepEqual(readdirSync(world.path('d')).sort(), ['below', 'link', '\ufffd']);
  writeFileSync(world.path('d/new'), 'is synced');
  await scanned(world);
  assert.equal(rowAt(TREE_ROOT, 'd')?.content.kind, 'folder');
});

for (const isWhole of [false, true]) {
  test(`C4 H20 what is made anew at a name before its removal is recorded stays known, ${isWhole ? 'also of a folder that went whole' : 'one by one'}`, async () => {
    let meanwhile = async (): Promise<void> => undefined;
    await using world = openWorld((disk) => ({
      ...disk,
      async rename(from, to) {
        await meanwhile();
        return disk.rename(from, to);
      },
    }));
    const { trees, tree, applier } = world.parts;
    mkdirSync(world.path('d'));
    writeFileSync(world.path('d/f'), 'old');
    await indexedFile(world, 'last', 'others');
    const d = tree.folderAt('d')!;
    const rows = [...trees.local.children(d.objectId), trees.local.get(d.objectId)!];
    if (!isWhole) rows.pop();
    rows.push(trees.local.childNamed({ parentId: TREE_ROOT, name: 'last' })!);
    const steps = rows.map(removalOf);
    const removals = new Removals(applier, steps);
    for (const step of steps.slice(0, -1)) assert.equal(await removals.remove(step), 'done');
    meanwhile = async () => {
      mkdirSync(world.path('d'), { recursive: true });
      writeFileSync(world.path('d/f'), 'made anew');
      await scanned(world);
    };
    assert.equal(await removals.remove(steps.at(-1)!), 'done');
    removals.close();
    const now = trees.local.childNamed({ parentId: tree.folderAt('d')!.objectId, name: 'f' });
    assert.deepEqual([now?.stat.size, now?.presence], ['made anew'.length, 'present']);
    assert.equal(trees.local.childNamed({ parentId: TREE_ROOT, name: 'last' }), undefined);
  });
}

test('C4 C2 a file that gets another name before its removal is recorded stays known', async () => {
  let meanwhile = async (): Promise<void> => undefined;
  await using world = openWorld((disk) => ({
    ...disk,
    async rename(from, to) {
      await meanwhile();
      return disk.rename(from, to);
    },
  }));
  const [f, last] = [await indexedFile(world, 'f', 'bytes'), await indexedFile(world, 'last', 'others')];
  const [first, second] = [removalOf(f), removalOf(last, 1)];
  const removals = new Removals(world.parts.applier, [first, second]);
  // Where a file cannot be renamed in one go it is at both names for a moment.
  meanwhile = async () => linkSync(world.path('f'), world.path('f~'));
  assert.equal(await removals.remove(first), 'done');
  meanwhile = () => scanned(world);
  assert.equal(await removals.remove(second), 'done');
  removals.close();
  const { trees } = world.parts;
  assert.equal(trees.local.childNamed({ parentId: TREE_ROOT, name: 'f~' })?.presence, 'present');
  assert.equal(trees.local.childNamed({ parentId: TREE_ROOT, name: 'last' }), undefined);
});
