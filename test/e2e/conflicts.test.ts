/** Work done apart on the same things (hazards §2): every row of the conflict table, in both orders. */
import assert from 'node:assert/strict';
import { conflictCopies, withoutCopyMark, type View } from '../support/folder.ts';
import { testScenarios, type Scenario } from '../support/scenario.ts';
import { worldForFile } from '../support/world.ts';

const world = await worldForFile({ devices: ['ann', 'bob'], proxied: true, keepAfterFailure: true });

/** Exactly one conflicted copy, made from `name`, holding `text`. */
function assertOneCopy(view: View, name: string, text: string): void {
  const copies = conflictCopies(view);
  assert.deepEqual(copies.map(withoutCopyMark), [name], JSON.stringify(view));
  assert.equal(view[copies[0] ?? ''], text);
}

const contentScenarios: readonly Scenario[] = [
  {
    title: 'H19 both edit one file: the first keeps the name, the other is a conflicted copy',
    seed: (f) => f.put('Report.txt', 'base'),
    first: (f) => f.put('Report.txt', 'by the first'),
    second: (f) => f.put('Report.txt', 'by the second'),
    check: (view) => {
      assert.equal(view['Report.txt'], 'by the first');
      assertOneCopy(view, 'Report.txt', 'by the second');
      assert.equal(Object.keys(view).length, 2);
    },
  },
  {
    title: 'H18 both make the same edit: no copy',
    seed: (f) => f.put('same.txt', 'base'),
    first: (f) => f.put('same.txt', 'equal'),
    second: (f) => f.put('same.txt', 'equal'),
    check: (view) => assert.deepEqual(view, { 'same.txt': 'equal' }),
  },
  {
    title: 'H18 both create the same file: no copy',
    first: (f) => f.put('d/same.txt', 'equal'),
    second: (f) => f.put('d/same.txt', 'equal'),
    check: (view) => assert.deepEqual(view, { 'd/': 'folder', 'd/same.txt': 'equal' }),
  },
  {
    title: 'H20 the first edits, the second deletes: the edit lives',
    seed: (f) => f.put('a.txt', 'base'),
    first: (f) => f.put('a.txt', 'edited'),
    second: (f) => f.rm('a.txt'),
    check: (view) => assert.deepEqual(view, { 'a.txt': 'edited' }),
  },
  {
    title: 'H20 the first deletes, the second edits: the edit lives',
    seed: (f) => f.put('a.txt', 'base'),
    first: (f) => f.rm('a.txt'),
    second: (f) => f.put('a.txt', 'edited'),
    check: (view) => assert.deepEqual(view, { 'a.txt': 'edited' }),
  },
  {
    title: 'H20 the first deletes a folder, the second edits in it: only the edited file lives, in its folder',
    seed: (f) => ['d/x', 'd/y', 'd/e/z'].forEach((path) => f.put(path, 'base')),
    first: (f) => f.rm('d'),
    second: (f) => f.put('d/x', 'edited'),
    check: (view) => assert.deepEqual(view, { 'd/': 'folder', 'd/x': 'edited' }),
  },
  {
    title: 'H20 the first edits in a folder, the second deletes it: only the edited file lives, in its folder',
    seed: (f) => ['d/x', 'd/y', 'd/e/z'].forEach((path) => f.put(path, 'base')),
    first: (f) => f.put('d/e/z', 'edited'),
    second: (f) => f.rm('d'),
    check: (view) => assert.deepEqual(view, { 'd/': 'folder', 'd/e/': 'folder', 'd/e/z': 'edited' }),
  },
  {
    title: 'H21 both delete the same file and folder: agreed',
    seed: (f) => ['d/x', 'e', 'keep'].forEach((path) => f.put(path, 'base')),
    first: (f) => ['d', 'e'].forEach(f.rm),
    second: (f) => ['d', 'e'].forEach(f.rm),
    check: (view) => assert.deepEqual(view, { keep: 'base' }),
  },
  {
    title: 'H22 both create a file of one name: one keeps it, the other is a conflicted copy',
    first: (f) => f.put('new.txt', 'first'),
    second: (f) => f.put('new.txt', 'second'),
    check: (view) => {
      assert.equal(view['new.txt'], 'first');
      assertOneCopy(view, 'new.txt', 'second');
    },
  },
  {
    title: 'H22 both create a folder of one name: merged, overlapping children one by one',
    first: (f) => ['d/only-first', 'd/both', 'd/sub/one'].forEach((path) => f.put(path, `first ${path}`)),
    second: (f) => ['d/only-second', 'd/both', 'd/sub/two'].forEach((path) => f.put(path, `second ${path}`)),
    check: (view) => {
      assertOneCopy(view, 'd/both', 'second d/both');
      const rest = Object.fromEntries(Object.entries(view).filter(([path]) => !conflictCopies(view).includes(path)));
      assert.deepEqual(rest, {
        'd/': 'folder',
        'd/both': 'first d/both',
        'd/only-first': 'first d/only-first',
        'd/only-second': 'second d/only-second',
        'd/sub/': 'folder',
        'd/sub/one': 'first d/sub/one',
        'd/sub/two': 'second d/sub/two',
      });
    },
  },
  {
    title: 'H38 a file becomes a folder while the other edits it: both contents live',
    seed: (f) => f.put('x', 'base'),
    first: (f) => {
      f.rm('x');
      f.put('x/inside', 'in the folder');
    },
    second: (f) => f.put('x', 'edited'),
    check: (view) => assert.deepEqual(Object.values(view).sort(), ['edited', 'folder', 'in the folder']),
  },
  {
    title: 'H38 a folder becomes a file while the other edits in it: both contents live',
    seed: (f) => f.put('x/inside', 'base'),
    first: (f) => {
      f.rm('x');
      f.put('x', 'now a file');
    },
    second: (f) => f.put('x/inside', 'edited'),
    check: (view) => assert.deepEqual(Object.values(view).sort(), ['edited', 'folder', 'now a file']),
  },
  {
    title: 'H38 a file becomes a link while the other edits it: both live',
    seed: (f) => {
      f.put('x', 'base');
      f.put('target', 'target');
    },
    first: (f) => {
      f.rm('x');
      f.link('target', 'x');
    },
    second: (f) => f.put('x', 'edited'),
    check: (view) => assert.deepEqual(Object.values(view).sort(), ['-> target', 'edited', 'target']),
  },
];

const placeScenarios: readonly Scenario[] = [
  {
    title: 'H23 the first edits, the second renames: renamed with the new content',
    seed: (f) => f.put('a', 'base'),
    first: (f) => f.put('a', 'edited'),
    second: (f) => f.mv('a', 'b'),
    check: (view) => assert.deepEqual(view, { b: 'edited' }),
  },
  {
    title: 'H23 the first renames, the second edits: renamed with the new content',
    seed: (f) => f.put('a', 'base'),
    first: (f) => f.mv('a', 'b'),
    second: (f) => f.put('a', 'edited'),
    check: (view) => assert.deepEqual(view, { b: 'edited' }),
  },
  {
    title: 'H24 both move one file: the first wins, no duplicate',
    seed: (f) => ['d1/k', 'd2/k', 'a'].forEach((path) => f.put(path, path)),
    first: (f) => f.mv('a', 'd1/a'),
    second: (f) => f.mv('a', 'd2/a'),
    check: (view) =>
      assert.deepEqual(view, { 'd1/': 'folder', 'd1/a': 'a', 'd1/k': 'd1/k', 'd2/': 'folder', 'd2/k': 'd2/k' }),
  },
  {
    title: 'H24 both move one folder to the same place: agreed',
    seed: (f) => f.put('d/x', 'x'),
    first: (f) => f.mv('d', 'e'),
    second: (f) => f.mv('d', 'e'),
    check: (view) => assert.deepEqual(view, { 'e/': 'folder', 'e/x': 'x' }),
  },
  {
    title: 'H25 the first moves a folder and edits in it, the second deletes it: kept at its new place',
    seed: (f) => ['d/x', 'd/y'].forEach((path) => f.put(path, 'base')),
    first: (f) => {
      f.mv('d', 'e');
      f.put('e/x', 'edited');
    },
    second: (f) => f.rm('d'),
    check: (view) => {
      assert.equal(view['e/x'], 'edited');
      assert.equal(view['d/'], undefined);
    },
  },
  {
    title: 'H25 the first deletes a folder, the second moves it and edits in it: kept at its new place',
    seed: (f) => ['d/x', 'd/y'].forEach((path) => f.put(path, 'base')),
    first: (f) => f.rm('d'),
    second: (f) => {
      f.mv('d', 'e');
      f.put('e/x', 'edited');
    },
    check: (view) => {
      assert.equal(view['e/x'], 'edited');
      assert.equal(view['d/'], undefined);
    },
  },
  {
    title: 'H25 a file moved by one and deleted by the other is kept at its new place',
    seed: (f) => f.put('a', 'base'),
    first: (f) => f.rm('a'),
    second: (f) => f.mv('a', 'b'),
    check: (view) => assert.deepEqual(view, { b: 'base' }),
  },
  {
    title: 'H26 the first renames a folder, the second creates and edits in it: all in the new one, no zombie',
    seed: (f) => ['old/x', 'old/y'].forEach((path) => f.put(path, 'base')),
    first: (f) => f.mv('old', 'new'),
    second: (f) => {
      f.put('old/fresh', 'fresh');
      f.put('old/x', 'edited');
    },
    check: (view) =>
      assert.deepEqual(view, { 'new/': 'folder', 'new/fresh': 'fresh', 'new/x': 'edited', 'new/y': 'base' }),
  },
  {
    title: 'H26 the first creates in a folder, the second renames it: all in the new one, no zombie',
    seed: (f) => f.put('old/x', 'base'),
    first: (f) => f.put('old/sub/fresh', 'fresh'),
    second: (f) => f.mv('old', 'new'),
    check: (view) =>
      assert.deepEqual(view, { 'new/': 'folder', 'new/sub/': 'folder', 'new/sub/fresh': 'fresh', 'new/x': 'base' }),
  },
  {
    title: 'H27 the first deletes a tree, the second creates one file at its bottom: the chain lives for it alone',
    seed: (f) => ['1/a', '1/2/b', '1/2/3/c', '1/2/3/4/d', '1/2/3/4/5/e'].forEach((path) => f.put(path, 'base')),
    first: (f) => f.rm('1'),
    second: (f) => f.put('1/2/3/4/5/fresh', 'fresh'),
    check: (view) =>
      assert.deepEqual(
        Object.entries(view).filter(([, text]) => text !== 'folder'),
        [['1/2/3/4/5/fresh', 'fresh']],
      ),
  },
  {
    title: 'H29 the first moves a file into a folder, the second deletes the folder: it lives with that file alone',
    seed: (f) => ['f', 'd/x', 'd/y'].forEach((path) => f.put(path, path)),
    first: (f) => f.mv('f', 'd/f'),
    second: (f) => f.rm('d'),
    check: (view) => assert.deepEqual(view, { 'd/': 'folder', 'd/f': 'f' }),
  },
  {
    title: 'H29 the first deletes a folder, the second moves a file into it: it lives with that file alone',
    seed: (f) => ['f', 'd/x', 'd/y'].forEach((path) => f.put(path, path)),
    first: (f) => f.rm('d'),
    second: (f) => f.mv('f', 'd/f'),
    check: (view) => assert.deepEqual(view, { 'd/': 'folder', 'd/f': 'f' }),
  },
  {
    title: 'H30 x into y and y into x: the first wins, the other is undone, one of each',
    seed: (f) => ['x/1', 'y/2'].forEach((path) => f.put(path, path)),
    first: (f) => f.mv('x', 'y/x'),
    second: (f) => f.mv('y', 'x/y'),
    check: (view) => assert.deepEqual(view, { 'y/': 'folder', 'y/2': 'y/2', 'y/x/': 'folder', 'y/x/1': 'x/1' }),
  },
  {
    title: 'H24 both rename different files to one name: both live',
    seed: (f) => ['a', 'b'].forEach((path) => f.put(path, path)),
    first: (f) => f.mv('a', 'c'),
    second: (f) => f.mv('b', 'c'),
    check: (view) => {
      assert.deepEqual(Object.values(view).sort(), ['a', 'b']);
      assert.equal(view['c'], 'a');
    },
  },
  {
    title: 'H39 the first deletes photos, the second renames photos-old and edits photos2: no prefix is mistaken',
    seed: (f) => ['photos/x', 'photos-old/x', 'photos2/x', 'photo'].forEach((path) => f.put(path, path)),
    first: (f) => f.rm('photos'),
    second: (f) => {
      f.mv('photos-old', 'photos-new');
      f.put('photos2/x', 'edited');
    },
    check: (view) =>
      assert.deepEqual(view, {
        photo: 'photo',
        'photos-new/': 'folder',
        'photos-new/x': 'photos-old/x',
        'photos2/': 'folder',
        'photos2/x': 'edited',
      }),
  },
];

testScenarios(
  world,
  [
    { name: 'stopped', parting: 'stopped', order: [0, 1] },
    { name: 'unplugged', parting: 'unplugged', order: [1, 0] },
  ],
  [...contentScenarios, ...placeScenarios],
);
