import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createNativeFiles } from './linux-files.ts';
import { createNodeDisk } from './node-disk.ts';

const FOLDERS = 40;
const openFiles = () => readdirSync('/proc/self/fd').length;

test('H60 a walk over many folders keeps few of them open, and a rename between the first and the last is right', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'satchel-disk-'));
  t.after(() => rmSync(root, { recursive: true }));
  for (let at = 0; at < FOLDERS; at++) {
    mkdirSync(join(root, `d${at}`));
    writeFileSync(join(root, `d${at}`, `f${at}`), String(at));
  }
  using disk = createNodeDisk(root, createNativeFiles());
  const canCount = existsSync('/proc/self/fd');
  const before = canCount ? openFiles() : 0;
  // One run without a pause: between two of them the handles are closed anyway.
  for (let at = 0; at < FOLDERS; at++) assert.equal(disk.stat(`d${at}/f${at}`)?.type, 'file');
  if (canCount) assert.ok(openFiles() - before <= 12, `${openFiles() - before} more files are open`);
  for (let at = FOLDERS - 8; at < FOLDERS; at++) disk.stat(`d${at}/f${at}`);
  assert.equal(await disk.rename(`d${FOLDERS - 8}/f${FOLDERS - 8}`, 'd0/moved'), 'renamed');
  assert.deepEqual(readdirSync(join(root, 'd0')).sort(), ['f0', 'moved']);
});

test('H46 names that are not UTF-8 are told apart from those that only look like it', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'satchel-disk-'));
  t.after(() => rmSync(root, { recursive: true }));
  using disk = createNodeDisk(root, createNativeFiles());
  mkdirSync(join(root, 'ä'));
  writeFileSync(join(root, 'plain'), '');
  assert.deepEqual(disk.list('')?.unreadableNames, []);
  writeFileSync(join(root, 'meant \ufffd'), '');
  const latin1 = Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0x66, 0xfc, 0x72])]);
  try {
    writeFileSync(latin1, '');
  } catch (error) {
    return t.skip(`this disk takes no such name: ${String(error)}`);
  }
  const { entries = [], unreadableNames } = disk.list('') ?? {};
  assert.deepEqual(entries.map(({ name, type }) => `${type} ${name}`).sort(), [
    'file meant \ufffd',
    'file plain',
    'folder ä',
  ]);
  assert.deepEqual(unreadableNames, ['f\ufffdr']);
});

test('C2 a folder that was renamed is not met by its old name, nor what lies in it', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'satchel-disk-'));
  t.after(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, 'a/b'), { recursive: true });
  writeFileSync(join(root, 'a/b/f'), '');
  mkdirSync(join(root, 'c'));
  using disk = createNodeDisk(root, createNativeFiles());
  assert.equal(disk.stat('a/b/f')?.type, 'file');
  assert.equal(await disk.rename('a', 'moved'), 'renamed');
  assert.deepEqual([disk.stat('a/b/f'), disk.stat('moved/b/f')?.type], [undefined, 'file']);
  assert.equal(disk.stat('c/f'), undefined);
  if (disk.exchange('moved', 'c') === 'unsupported') return;
  assert.deepEqual([disk.stat('moved/b/f'), disk.stat('c/b/f')?.type], [undefined, 'file']);
  assert.equal(disk.removeFolder('moved'), 'removed');
  assert.equal(disk.makeFolder('moved'), 'made');
  assert.equal(disk.makeFolder('moved/in'), 'made');
});

test('only a file has a size: what is recorded of a link is what the next stat tells', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'satchel-disk-'));
  t.after(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, 'folder'));
  symlinkSync('somewhere', join(root, 'link'));
  writeFileSync(join(root, 'file'), 'four');
  using disk = createNodeDisk(root, createNativeFiles());
  const sizes = ['folder', 'link', 'file'].map((path) => disk.stat(path)?.size);
  assert.deepEqual(sizes, [0, 0, 4]);
});

test('H49 H51 what a link leads to is not listed as a folder of ours, also when it took the place of one', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'satchel-disk-'));
  t.after(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, 'ours', 'folder'), { recursive: true });
  mkdirSync(join(root, 'others'));
  writeFileSync(join(root, 'others', 'secret'), '');
  using disk = createNodeDisk(join(root, 'ours'), createNativeFiles());
  assert.deepEqual(disk.list(''), { entries: [{ name: 'folder', type: 'folder' }], unreadableNames: [] });
  rmdirSync(join(root, 'ours', 'folder'));
  symlinkSync('../others', join(root, 'ours', 'folder'));
  assert.equal(disk.list('folder'), undefined);
});

test('H45 F2 a name that stands in its other Unicode form is taken, but not for that very file', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'satchel-disk-'));
  t.after(() => rmSync(root, { recursive: true }));
  const [composed, apart] = ['\u00fc', 'u\u0308'];
  writeFileSync(join(root, apart), 'stands');
  writeFileSync(join(root, 'other'), 'comes');
  using disk = createNodeDisk(root, createNativeFiles());
  assert.equal(disk.link('other', composed), 'exists');
  assert.equal(disk.makeFolder(composed), 'exists');
  assert.equal(disk.makeSymlink(composed, 'x'), 'exists');
  assert.equal(await disk.rename('other', composed), 'exists');
  assert.equal(await disk.rename(apart, composed), 'renamed');
  assert.deepEqual(readdirSync(root).sort(), ['other', composed]);
});

test('H45 H48 a name whose other Unicode form would be too long for the disk is as good as any', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'satchel-disk-'));
  t.after(() => rmSync(root, { recursive: true }));
  // 240 bytes, and 720 taken apart.
  const name = (letter: string) => letter + '\ud55c'.repeat(79);
  writeFileSync(join(root, 'other'), '');
  using disk = createNodeDisk(root, createNativeFiles());
  assert.equal(disk.link('other', name('1')), 'linked');
  assert.equal(disk.makeFolder(name('2')), 'made');
  assert.equal(disk.makeSymlink(name('3'), 'x'), 'made');
  assert.equal(await disk.rename('other', name('4')), 'renamed');
  assert.deepEqual(readdirSync(root).sort(), ['1', '2', '3', '4'].map(name));
});

test('C4 a staged file that is absent or too short is never made complete with zeros', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'satchel-disk-'));
  t.after(() => rmSync(root, { recursive: true }));
  writeFileSync(join(root, 'short'), 'abc');
  writeFileSync(join(root, 'long'), 'abcdef');
  using disk = createNodeDisk(root, createNativeFiles());
  const finish = (path: string, sizeBytes: number) => disk.finish(path, { sizeBytes, executable: false, mtimeMs: 1 });
  assert.throws(() => finish('absent', 4), { code: 'ENOENT' });
  assert.throws(() => finish('short', 4), { code: 'EIO' });
  finish('long', 4);
  finish('empty', 0);
  assert.deepEqual(readdirSync(root).sort(), ['empty', 'long', 'short']);
  assert.equal(readFileSync(join(root, 'long'), 'utf8'), 'abcd');
});
