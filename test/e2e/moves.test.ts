/** Renames and moves by one device, seen live, after a stop and after a cut (hazards §2, H82). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { converge } from '../support/converge.ts';
import { folder, viewOf } from '../support/folder.ts';
import { testScenarios, type Scenario } from '../support/scenario.ts';
import { writerPause } from '../support/until.ts';
import { worldForFile } from '../support/world.ts';

const world = await worldForFile({ devices: ['ann', 'bob'], proxied: true, keepAfterFailure: true });

const scenarios: readonly Scenario[] = [
  {
    title: 'H28 a child moved out, then its parent deleted: the child lives',
    seed: (f) => ['d/keep', 'd/other', 'd/sub/deep'].forEach((path) => f.put(path, path)),
    first: (f) => {
      f.mv('d/keep', 'keep');
      f.mv('d/sub/deep', 'deep');
      f.rm('d');
    },
    check: (view) => assert.deepEqual(view, { deep: 'd/sub/deep', keep: 'd/keep' }),
  },
  {
    title: 'H31 two files swap names',
    seed: (f) => ['a', 'b'].forEach((path) => f.put(path, path)),
    first: (f) => {
      f.mv('a', 't');
      f.mv('b', 'a');
      f.mv('t', 'b');
    },
    check: (view) => assert.deepEqual(view, { a: 'b', b: 'a' }),
  },
  {
    title: 'H31 two folders swap names',
    seed: (f) => ['a/1', 'b/2'].forEach((path) => f.put(path, path)),
    first: (f) => {
      f.mv('a', 't');
      f.mv('b', 'a');
      f.mv('t', 'b');
    },
    check: (view) => assert.deepEqual(view, { 'a/': 'folder', 'a/2': 'b/2', 'b/': 'folder', 'b/1': 'a/1' }),
  },
  {
    title: 'H31 a chain a→b→c and a rotation of three',
    seed: (f) => ['a', 'b', 'x', 'y', 'z'].forEach((path) => f.put(path, path)),
    first: (f) => {
      f.mv('b', 'c');
      f.mv('a', 'b');
      f.mv('x', 't');
      f.mv('z', 'x');
      f.mv('y', 'z');
      f.mv('t', 'y');
    },
    check: (view) => assert.deepEqual(view, { b: 'a', c: 'b', x: 'z', y: 'x', z: 'y' }),
  },
  {
    title: 'H32 renamed and back, renamed twice, renamed with the old name made again',
    seed: (f) => ['undo', 'twice', 'again'].forEach((path) => f.put(path, path)),
    first: (f) => {
      f.mv('undo', 'undo2');
      f.mv('undo2', 'undo');
      f.mv('twice', 'twice2');
      f.mv('twice2', 'twice3');
      f.mv('again', 'moved');
      f.put('again', 'new');
    },
    check: (view) => assert.deepEqual(view, { again: 'new', moved: 'again', twice3: 'twice', undo: 'undo' }),
  },
  {
    title: 'H33 created and renamed at once: exactly one file',
    first: (f) => {
      f.put('fresh', 'fresh');
      f.mv('fresh', 'final');
      f.put('d/fresh', 'in a folder');
      f.mv('d', 'e');
    },
    check: (view) => assert.deepEqual(view, { 'e/': 'folder', 'e/fresh': 'in a folder', final: 'fresh' }),
  },
  {
    title: 'H35 moved over an existing file: it takes the place, no conflicted copy',
    seed: (f) => ['a', 'b'].forEach((path) => f.put(path, path)),
    first: (f) => f.mv('a', 'b'),
    check: (view) => assert.deepEqual(view, { b: 'a' }),
  },
  {
    title: 'H38 file to folder, folder to file, file to link',
    seed: (f) => ['file', 'folder/x', 'linked', 'target'].forEach((path) => f.put(path, path)),
    first: (f) => {
      f.rm('file');
      f.put('file/x', 'x');
      f.rm('folder');
      f.put('folder', 'now a file');
      f.rm('linked');
      f.link('target', 'linked');
    },
    check: (view) =>
      assert.deepEqual(view, {
        'file/': 'folder',
        'file/x': 'x',
        folder: 'now a file',
        linked: '-> target',
        target: 'target',
      }),
  },
  {
    title: 'H39 a folder renamed and deleted beside names that begin like it',
    seed: (f) =>
      ['photos/x', 'photos-old/x', 'photos2/x', 'photos.txt', 'gone/x', 'gone-not/x'].forEach((path) =>
        f.put(path, path),
      ),
    first: (f) => {
      f.mv('photos', 'pictures');
      f.rm('gone');
    },
    check: (view) =>
      assert.deepEqual(view, {
        'gone-not/': 'folder',
        'gone-not/x': 'gone-not/x',
        'photos-old/': 'folder',
        'photos-old/x': 'photos-old/x',
        'photos.txt': 'photos.txt',
        'photos2/': 'folder',
        'photos2/x': 'photos2/x',
        'pictures/': 'folder',
        'pictures/x': 'photos/x',
      }),
  },
  {
    title: 'H43 letter case changes alone, of a file and of a folder',
    seed: (f) => ['Foo', 'Dir/x'].forEach((path) => f.put(path, path)),
    first: (f) => {
      f.mv('Foo', 'foo');
      f.mv('Dir', 'dir');
    },
    check: (view) => assert.deepEqual(view, { 'dir/': 'folder', 'dir/x': 'Dir/x', foo: 'Foo' }),
  },
  {
    title: 'H82 a moved file that was edited as well',
    seed: (f) => ['a', 'd/b'].forEach((path) => f.put(path, `${path} base, long enough to be known again`)),
    first: (f) => {
      f.mv('a', 'd/a');
      f.append('d/a', ' and more');
      f.mv('d', 'e');
      f.put('e/c', 'c');
    },
    check: (view) =>
      assert.deepEqual(view, {
        'e/': 'folder',
        'e/a': 'a base, long enough to be known again and more',
        'e/b': 'd/b base, long enough to be known again',
        'e/c': 'c',
      }),
  },
];

testScenarios(
  world,
  [
    { name: 'live', parting: 'together', order: [0, 1] },
    { name: 'stopped', parting: 'stopped', order: [1, 0] },
    { name: 'unplugged', parting: 'unplugged', order: [0, 1] },
  ],
  scenarios,
);

test('H26 a device creates in a folder while the other renames it, both running', async () => {
  const [a, b] = [folder(world.device(0).root), folder(world.device(1).root)];
  a.put('live/old/x', 'x');
  await converge(world.devices);
  a.mv('live/old', 'live/new');
  b.put('live/old/fresh', 'fresh');
  await converge(world.devices);
  assert.deepEqual(viewOf(a.path('live')), { 'new/': 'folder', 'new/fresh': 'fresh', 'new/x': 'x' });
});

test('H33 created and renamed 0 to 1,000 ms later: exactly one file', async () => {
  const a = folder(world.device(0).root);
  for (const [i, pauseMs] of [0, 50, 200, 1000].entries()) {
    a.put(`renamed-${i}/before`, `content ${i}`);
    await writerPause(pauseMs);
    a.mv(`renamed-${i}/before`, `renamed-${i}/after`);
  }
  await converge(world.devices);
  for (let i = 0; i < 4; i++) assert.deepEqual(viewOf(world.device(1).path(`renamed-${i}`)), { after: `content ${i}` });
});
