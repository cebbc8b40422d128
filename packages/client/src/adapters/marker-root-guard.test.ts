import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createRootGuard } from './marker-root-guard.ts';

async function linkedFolder() {
  const base = await mkdtemp(join(tmpdir(), 'satchel-root-'));
  const root = join(base, 'drive');
  await makeRoot(root, 'mine');
  return { root, base, [Symbol.asyncDispose]: () => rm(base, { recursive: true }) };
}

async function makeRoot(root: string, id: string): Promise<void> {
  await mkdir(join(root, '.satchel'), { recursive: true });
  await writeFile(join(root, '.satchel', 'root.json'), JSON.stringify({ id }));
}

test('H63 a linked folder in its place has no problem', async () => {
  await using folder = await linkedFolder();
  assert.equal(createRootGuard(folder.root, 'mine').problem(), undefined);
});

test('H63 H65 a folder that is not there is missing, and fine again when it comes back', async () => {
  await using folder = await linkedFolder();
  const guard = createRootGuard(folder.root, 'mine');
  guard.problem();
  await rename(folder.root, `${folder.root}-away`);
  assert.equal(guard.problem()?.code, 'root_missing');
  await rename(`${folder.root}-away`, folder.root);
  assert.equal(guard.problem(), undefined);
});

test('H64 H66 an emptied folder has lost its marker', async () => {
  await using folder = await linkedFolder();
  await rm(join(folder.root, '.satchel'), { recursive: true });
  assert.equal(createRootGuard(folder.root, 'mine').problem()?.code, 'marker_missing');
});

test('H66 a damaged marker counts as missing, and a symlink in its place too', async () => {
  await using folder = await linkedFolder();
  const marker = join(folder.root, '.satchel', 'root.json');
  await writeFile(marker, '{"id":');
  assert.equal(createRootGuard(folder.root, 'mine').problem()?.code, 'marker_missing');
  await writeFile(join(folder.base, 'elsewhere.json'), '{"id":"mine"}');
  await rm(marker);
  await symlink(join(folder.base, 'elsewhere.json'), marker);
  assert.equal(createRootGuard(folder.root, 'mine').problem()?.code, 'marker_missing');
});

test('H42 a folder that another device has linked is foreign', async () => {
  await using folder = await linkedFolder();
  await makeRoot(folder.root, 'other');
  assert.equal(createRootGuard(folder.root, 'mine').problem()?.code, 'root_foreign');
});

test('H64 another folder with the same marker is not the one that was watched', async () => {
  await using folder = await linkedFolder();
  const guard = createRootGuard(folder.root, 'mine');
  guard.problem();
  await rename(folder.root, `${folder.root}-old`);
  await makeRoot(folder.root, 'mine');
  assert.equal(guard.problem()?.code, 'root_replaced');
});

test('H38 a file in the place of the folder is no folder', async () => {
  await using folder = await linkedFolder();
  await rm(folder.root, { recursive: true });
  await writeFile(folder.root, '');
  assert.equal(createRootGuard(folder.root, 'mine').problem()?.code, 'root_not_a_folder');
});
