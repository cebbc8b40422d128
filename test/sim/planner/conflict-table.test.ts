/**
 * The conflict table as users see it: A and B work offline on the same tree, then both connect. Each row is played with
 * A first and with B first; where that matters for the outcome, the first to come has the say.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ObjectId } from '@satchel/protocol/ids.ts';
import { ModelDevice } from './model-device.ts';
import { ModelServer } from './model-server.ts';
import { PathDisk } from './path-disk.ts';
import { settle } from './run-case.ts';

type Work = (disk: PathDisk) => void;

interface Row {
  readonly title: string;
  readonly base: Work;
  readonly a: Work;
  readonly b: Work;
  readonly result: readonly string[];
  /** When B comes first; absent: the same. */
  readonly bFirst?: readonly string[];
}

function household(names: readonly string[]): PathDisk[] {
  const server = new ModelServer('root' as ObjectId);
  let ids = 0;
  const freshId = () => `o${++ids}` as ObjectId;
  return names.map((name) => new PathDisk(new ModelDevice(server, { name, canWrite: true, limit: 1000, freshId })));
}

function play({ base, a, b }: Pick<Row, 'base' | 'a' | 'b'>, bFirst: boolean): readonly string[] {
  const [first, second] = household(['A', 'B']) as [PathDisk, PathDisk];
  base(first);
  settle([first.device, second.device]);
  a(first);
  b(second);
  settle(bFirst ? [second.device, first.device] : [first.device, second.device]);
  assert.deepEqual(first.list(), second.list());
  return first.list();
}

const copyFrom = (path: string, device: string): string => `${path} (conflicted copy from ${device} 1)`;
const oneFile: Work = (disk) => disk.write('f', '1');
const tree: Work = (disk) => {
  disk.write('d/e/f', '1');
  disk.write('d/g', '1');
};

const rows: readonly Row[] = [
  {
    title: 'H19 edit, edit',
    base: oneFile,
    a: (disk) => disk.write('f', '2'),
    b: (disk) => disk.write('f', '3'),
    result: ['f=2', `${copyFrom('f', 'B')}=3`],
    bFirst: ['f=3', `${copyFrom('f', 'A')}=2`],
  },
  {
    title: 'H18 the same edit on both',
    base: oneFile,
    a: (disk) => disk.write('f', '2'),
    b: (disk) => disk.write('f', '2'),
    result: ['f=2'],
  },
  {
    title: 'H20 edit, delete',
    base: oneFile,
    a: (disk) => disk.write('f', '2'),
    b: (disk) => disk.rm('f'),
    result: ['f=2'],
  },
  {
    title: 'H20 edit in a folder, delete of the folder',
    base: tree,
    a: (disk) => disk.write('d/e/f', '2'),
    b: (disk) => disk.rm('d'),
    result: ['d/e/f=2'],
  },
  { title: 'H21 delete, delete', base: tree, a: (disk) => disk.rm('d'), b: (disk) => disk.rm('d'), result: [] },
  {
    title: 'H22 two new files with one name',
    base: () => undefined,
    a: (disk) => disk.write('n', '1'),
    b: (disk) => disk.write('n', '2'),
    result: ['n=1', `${copyFrom('n', 'B')}=2`],
    bFirst: ['n=2', `${copyFrom('n', 'A')}=1`],
  },
  {
    title: 'H22 two new folders with one name, contents overlap',
    base: () => undefined,
    a: (disk) => {
      disk.write('n/same', '1');
      disk.write('n/a', '1');
      disk.write('n/deep/x', '1');
    },
    b: (disk) => {
      disk.write('n/same', '1');
      disk.write('n/b', '1');
      disk.write('n/deep/x', '2');
    },
    result: ['n/a=1', 'n/b=1', 'n/deep/x=1', `n/${copyFrom('deep/x', 'B')}=2`, 'n/same=1'],
    bFirst: ['n/a=1', 'n/b=1', 'n/deep/x=2', `n/${copyFrom('deep/x', 'A')}=1`, 'n/same=1'],
  },
  {
    title: 'H22 a new file and a new folder with one name',
    base: () => undefined,
    a: (disk) => disk.write('n', '1'),
    b: (disk) => disk.write('n/x', '2'),
    result: [`${copyFrom('n', 'B')}=1`, 'n/x=2'],
    bFirst: [`${copyFrom('n', 'A')}=1`, 'n/x=2'],
  },
  {
    title: 'H23 edit, move',
    base: oneFile,
    a: (disk) => disk.write('f', '2'),
    b: (disk) => disk.mv('f', 'd/h'),
    result: ['d/h=2'],
  },
  {
    title: 'H24 move, move: the first wins, no duplicate',
    base: tree,
    a: (disk) => disk.mv('d', 'a'),
    b: (disk) => disk.mv('d', 'b'),
    result: ['a/e/f=1', 'a/g=1'],
    bFirst: ['b/e/f=1', 'b/g=1'],
  },
  {
    title: 'H25 folder moved and edited in, folder deleted: all of it lives in the new place',
    base: tree,
    a: (disk) => {
      disk.mv('d', 'moved');
      disk.write('moved/e/f', '2');
    },
    b: (disk) => disk.rm('d'),
    result: ['moved/e/f=2', 'moved/g=1'],
  },
  {
    title: 'H26 folder renamed, a file made in it',
    base: tree,
    a: (disk) => disk.mv('d', 'new'),
    b: (disk) => disk.write('d/x', '2'),
    result: ['new/e/f=1', 'new/g=1', 'new/x=2'],
  },
  {
    title: 'H27 folder deleted, a file made at the bottom',
    base: tree,
    a: (disk) => disk.rm('d'),
    b: (disk) => disk.write('d/e/x', '2'),
    result: ['d/e/x=2'],
  },
  {
    title: 'H28 a file moved out and the folder deleted, the file edited',
    base: tree,
    a: (disk) => {
      disk.mv('d/e/f', 'keep');
      disk.rm('d');
    },
    b: (disk) => disk.write('d/e/f', '2'),
    result: ['keep=2'],
  },
  {
    title: 'H29 a file moved into a folder that the other deleted',
    base: (disk) => {
      tree(disk);
      oneFile(disk);
    },
    a: (disk) => disk.mv('f', 'd/f'),
    b: (disk) => disk.rm('d'),
    result: ['d/f=1'],
  },
  {
    title: 'H30 x into y, y into x',
    base: (disk) => {
      disk.write('x/1', '1');
      disk.write('y/2', '2');
    },
    a: (disk) => disk.mv('x', 'y/x'),
    b: (disk) => disk.mv('y', 'x/y'),
    result: ['y/2=2', 'y/x/1=1'],
    bFirst: ['x/1=1', 'x/y/2=2'],
  },
  {
    title: 'H31 a swap, the other edits both',
    base: (disk) => {
      disk.write('a', '1');
      disk.write('b', '2');
    },
    a: (disk) => {
      disk.mv('a', 't');
      disk.mv('b', 'a');
      disk.mv('t', 'b');
    },
    b: (disk) => {
      disk.write('a', '3');
      disk.write('b', '4');
    },
    result: ['a=4', 'b=3'],
  },
  {
    title: 'H32 `mv a b; echo n > a`, the other edits a: b has the edit',
    base: (disk) => disk.write('a', '1'),
    a: (disk) => {
      disk.mv('a', 'b');
      disk.write('a', 'n');
    },
    b: (disk) => disk.write('a', '2'),
    result: ['a=n', 'b=2'],
  },
  {
    title: 'H35 moved over another, which nobody touched',
    base: (disk) => {
      disk.write('a', '1');
      disk.write('b', '2');
    },
    a: (disk) => disk.mv('a', 'b'),
    b: () => undefined,
    result: ['b=1'],
  },
  {
    title: 'H38 a file became a folder, the file was edited',
    base: oneFile,
    a: (disk) => {
      disk.rm('f');
      disk.write('f/x', '5');
    },
    b: (disk) => disk.write('f', '2'),
    result: [`${copyFrom('f', 'B')}=2`, 'f/x=5'],
    bFirst: [`${copyFrom('f', 'A')}=2`, 'f/x=5'],
  },
  {
    title: 'H39 `photos` deleted beside `photos-old`',
    base: (disk) => {
      disk.write('photos/1', '1');
      disk.write('photos-old/1', '2');
    },
    a: (disk) => disk.rm('photos'),
    b: (disk) => disk.write('photos-old/2', '3'),
    result: ['photos-old/1=2', 'photos-old/2=3'],
  },
  {
    title: 'H53 bit here, bytes there',
    base: oneFile,
    a: (disk) => disk.write('f', '1*'),
    b: (disk) => disk.write('f', '2'),
    result: ['f=2*'],
  },
  {
    title: 'H19 two edits of a symlink',
    base: (disk) => disk.link('l', 'x'),
    a: (disk) => disk.link('l', 'y'),
    b: (disk) => disk.link('l', 'z'),
    result: ['l->y', `${copyFrom('l', 'B')}->z`],
    bFirst: ['l->z', `${copyFrom('l', 'A')}->y`],
  },
  {
    title: 'H43 a rename that changes letter case only',
    base: tree,
    a: (disk) => disk.mv('d', 'D'),
    b: (disk) => disk.write('d/x', '1'),
    result: ['D/e/f=1', 'D/g=1', 'D/x=1'],
  },
];

describe('two devices, offline, then connected', () => {
  for (const row of rows) {
    test(`${row.title}; A first`, () => assert.deepEqual(play(row, false), row.result.toSorted()));
    test(`${row.title}; B first`, () => assert.deepEqual(play(row, true), (row.bFirst ?? row.result).toSorted()));
  }
});

test('H40 ten devices edit one file offline: nine copies, all contents, no copy of a copy', () => {
  const disks = household(Array.from({ length: 10 }, (_, index) => `d${index}`));
  disks[0]?.write('f', 'base');
  const devices = disks.map((disk) => disk.device);
  settle(devices);
  for (const [index, disk] of disks.entries()) disk.write('f', `edit${index}`);
  settle(devices);
  const [first = []] = disks.map((disk) => disk.list());
  assert.equal(first.length, 10);
  assert.deepEqual(
    first.map((line) => line.split('=')[1]).toSorted(),
    disks.map((_, index) => `edit${index}`),
  );
  assert.ok(first.every((line) => line.split('conflicted copy').length <= 2));
});

test('H25 C6 a moved and deleted folder lives whole although every step is cut off once', () => {
  const [a, b] = household(['A', 'B']) as [PathDisk, PathDisk];
  tree(a);
  settle([a.device, b.device]);
  a.mv('d', 'moved');
  b.rm('d');
  b.device.sync();
  b.device.runAll();
  for (let turn = 0; turn < 12; turn++) {
    a.device.sync();
    a.device.runOne(turn, 'well');
    a.device.crash();
  }
  settle([a.device, b.device]);
  assert.deepEqual(b.list(), ['moved/e/f=1', 'moved/g=1']);
});

test('H75 H85 C7 the database is lost: nothing is uploaded again, nothing deleted, what differs is kept twice', () => {
  const [a, b] = household(['A', 'B']) as [PathDisk, PathDisk];
  tree(a);
  settle([a.device, b.device]);
  a.write('d/g', '2');
  settle([a.device]);
  b.device.loseState();
  settle([a.device, b.device]);
  assert.deepEqual(b.list(), ['d/e/f=1', `${copyFrom('d/g', 'B')}=1`, 'd/g=2'].toSorted());
  assert.deepEqual(a.list(), b.list());
});
