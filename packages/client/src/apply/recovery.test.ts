/** H83: what was begun when the process died. */
import assert from 'node:assert/strict';
import { linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { FileContent } from '@satchel/core/tree.ts';
import type { ContentHash, VersionId } from '@satchel/protocol/ids.ts';
import { objectId, openWorld, scanned, type World } from '../daemon/assembled.fixture.ts';
import { TREE_ROOT } from '../daemon/assembly.ts';
import { PART_FOLDER, partPathOf, READY_FOLDER } from './arriving.ts';
import { setDamagedAside } from './damage.ts';
import { Making } from './making.ts';
import { finishIntents, recoverReady, sweepParts } from './recovery.ts';

const content: FileContent = {
  kind: 'file',
  hash: 'a'.repeat(64) as ContentHash,
  size: 3,
  executable: false,
  mtimeMs: 1_700_000_000_000,
};
const place = { parentId: TREE_ROOT, name: 'f' };

/** A download that was about to be put into place, and its file, complete in the staging folder. */
function begun(world: World): { readonly part: string } {
  const of = { objectId: objectId('f'), workspaceId: world.workspace.workspaceId };
  const remote = { ...of, ...place, content, versionId: 'v'.repeat(26) as VersionId, placeVersion: 1 };
  const part = world.path(partPathOf(of.objectId, content));
  writeFileSync(part, 'new');
  const ino = world.disk.stat(partPathOf(of.objectId, content))!.ino;
  world.parts.applier.deps.intents.add([{ step: { ...of, kind: 'download', remote, executable: false, place }, ino }]);
  return { part };
}

test('H83 a file that had its place and was not recorded yet is the server’s, not a new one of the user', async () => {
  await using world = openWorld();
  linkSync(begun(world).part, world.path('f'));
  finishIntents(world.parts.applier);
  const { trees, applier } = world.parts;
  assert.deepEqual(trees.local.get(objectId('f'))?.content.kind, 'file');
  assert.equal(trees.synced.get(objectId('f'))?.versionId, 'v'.repeat(26));
  assert.deepEqual(applier.deps.intents.all(), []);
});

test('H83 H84 what the user made of a file before it was recorded is an edit and no damage', async () => {
  await using world = openWorld();
  linkSync(begun(world).part, world.path('f'));
  writeFileSync(world.path('f'), 'my');
  const { applier, trees } = world.parts;
  finishIntents(applier);
  const { workspaceId } = world.workspace;
  trees.putRemote({ objectId: objectId('f'), workspaceId, ...place, content, placeVersion: 1, seq: 1 });
  assert.deepEqual(await setDamagedAside(applier, trees.localFiles()), []);
  assert.equal(readFileSync(world.path('f'), 'utf8'), 'my');
});

test('H83 a file of the user at that place is not taken for the download that did not happen', async () => {
  await using world = openWorld();
  begun(world);
  writeFileSync(world.path('f'), 'mine');
  finishIntents(world.parts.applier);
  assert.equal(world.parts.trees.local.get(objectId('f')), undefined);
  assert.deepEqual(world.parts.applier.deps.intents.all(), []);
});

/** A folder that was about to be put into place, and where it was made. */
function folderBegun(world: World): string {
  const of = { objectId: objectId('d'), workspaceId: world.workspace.workspaceId };
  const at = { parentId: TREE_ROOT, name: 'd' };
  const step = {
    ...of,
    kind: 'makeFolder',
    place: at,
    remote: { ...of, ...at, content: { kind: 'folder' }, placeVersion: 1 },
  } as const;
  const making = new Making(world.parts.applier, [step]);
  world.parts.applier.deps.intents.add([{ step, made: making.made(step)! }]);
  const [name] = readdirSync(world.path(PART_FOLDER));
  return world.path(`${PART_FOLDER}/${name}`);
}

test('H83 a folder that had its place and was moved by the user before it was recorded is one moved folder', async () => {
  await using world = openWorld();
  const staged = folderBegun(world);
  mkdirSync(world.path('elsewhere'));
  renameSync(staged, world.path('elsewhere/mine'));
  finishIntents(world.parts.applier);
  const { trees, tree } = world.parts;
  assert.equal(trees.synced.get(objectId('d'))?.name, 'd');
  await scanned(world);
  assert.equal(tree.pathOf(objectId('d')), 'elsewhere/mine');
});

test('H83 a folder of the user is not taken for the one that had no place yet', async () => {
  await using world = openWorld();
  folderBegun(world);
  mkdirSync(world.path('d'));
  finishIntents(world.parts.applier);
  sweepParts(world.parts.applier);
  assert.equal(world.parts.trees.local.get(objectId('d')), undefined);
  assert.deepEqual(readdirSync(world.path(PART_FOLDER)), []);
});

test('H73 what was begun of a file that is not wanted here any more does not stay in the staging folder', async () => {
  await using world = openWorld();
  const { applier, trees } = world.parts;
  const of = { objectId: objectId('f'), workspaceId: world.workspace.workspaceId, ...place, content };
  trees.putRemote({ ...of, placeVersion: 1, seq: 1 });
  const name = partPathOf(of.objectId, content);
  writeFileSync(world.path(name), 'ne');
  sweepParts(applier, { isUnwanted: () => false });
  assert.notEqual(world.disk.stat(name), undefined, 'it is to be continued');
  sweepParts(applier, { isUnwanted: (id) => id === of.objectId });
  assert.equal(world.disk.stat(name), undefined);
});

test('H74 H83 what this device has put into the trash of an excluded folder is no deletion of the user after a crash', async () => {
  await using world = openWorld();
  const { applier, trees } = world.parts;
  const { disk, intents, trash } = applier.deps;
  mkdirSync(world.path('d'));
  for (const name of ['kept', 'gone']) writeFileSync(world.path(`d/${name}`), name);
  await scanned(world);
  const folder = trees.local.childNamed({ parentId: TREE_ROOT, name: 'd' });
  assert.ok(folder);
  const parentId = folder.objectId;
  const [kept, gone] = ['kept', 'gone'].map((name) => trees.local.childNamed({ parentId, name }));
  assert.ok(kept && gone);
  const rows = [folder, kept, gone];
  for (const row of rows) trees.putSynced({ ...row, placeVersion: 1 });
  intents.add(
    rows.map((expected) => {
      const { objectId: id, workspaceId } = expected;
      return { step: { kind: 'removeLocal', objectId: id, workspaceId, expected, excluded: true } };
    }),
  );
  for (const row of [kept, gone]) trash.record(`.satchel/trash/${row.name}`, `d/${row.name}`, row.stat);
  assert.equal(await disk.rename('d/kept', '.satchel/trash/kept'), 'renamed');
  rmSync(world.path('d'), { recursive: true }); // by the user, with what was left in it
  finishIntents(applier);
  const isKnown = ({ objectId: id }: typeof kept) =>
    trees.local.get(id) !== undefined && trees.synced.get(id) !== undefined;
  assert.deepEqual(rows.map(isKnown), [true, false, true], 'of the rest a scan proves that the user has deleted it');
});

test('H83 H15 a folder that was made in the place of a file, and displaced, comes back into sight', async () => {
  await using world = openWorld();
  const ready = world.path(`${READY_FOLDER}/${objectId('f')}.${objectId('1')}..`);
  mkdirSync(ready);
  writeFileSync(`${ready}/inside`, 'kept');
  const { applier, trees } = world.parts;
  const { workspaceId } = world.workspace;
  trees.putRemote({ objectId: objectId('f'), workspaceId, ...place, content, placeVersion: 1, seq: 1 });
  await recoverReady(applier, async () => ({ outcome: 'unreadable', code: 'EISDIR', message: 'it is a folder' }));
  const copy = readdirSync(world.path('')).find((name) => name.includes('conflicted copy'));
  assert.equal(readFileSync(world.path(`${copy}/inside`), 'utf8'), 'kept');
});
