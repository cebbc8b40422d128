/** P10, P16, P17: names, and what comes before what; the notation of the scenes is in `plan-scene.ts`. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { planScene, stepsOf, type Scene } from './plan-scene.ts';

type Row = readonly [string, Scene, readonly string[]];

function table(rows: readonly Row[]): void {
  for (const [title, scene, steps] of rows) test(title, () => assert.deepEqual(stepsOf(scene), steps));
}

/** The same change made on disk, and made on the server. */
function bothWays(title: string, before: Scene['synced'], after: Scene['synced'], steps: readonly string[]): void {
  const base = before ?? {};
  const changed = after ?? {};
  const moves = (side: string): string[] =>
    steps.map((step) => step.replace(/^(\w+) (\w+)/, (_, kind, id) => `${names[side]?.[kind]} ${id}`));
  const names: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    server: { move: 'move', remove: 'delete', folder: 'mkdir' },
    disk: { move: 'moveLocal', remove: 'removeLocal', folder: 'makeFolder' },
  };
  test(`${title}, made on disk`, () => {
    assert.deepEqual(stepsOf({ synced: base, local: changed, remote: base }), moves('server'));
  });
  test(`${title}, made on the server`, () => {
    const gone = Object.keys(base).filter((id) => !(id in changed));
    const remote = { ...changed, ...Object.fromEntries(gone.map((id) => [id, `-${base[id]}`])) };
    const made = stepsOf({ synced: base, local: base, remote }).map((step) => step.replace(/ from \S+/, ''));
    assert.deepEqual(made, moves('disk'));
  });
}

describe('P16 order', () => {
  bothWays('H35 a file moved over another', { a: '/a=1', b: '/b=2' }, { a: '/b=1' }, ['remove b', 'move a to /b']);
  bothWays('H31 a chain a→b→c', { a: '/a=1', b: '/b=2' }, { a: '/b=1', b: '/c=2' }, ['move b to /c', 'move a to /b']);
  bothWays('H32 renamed, and the old name used again', { a: '/a/' }, { a: '/b/', n: '/a/' }, [
    'move a to /b',
    'folder n at /a',
  ]);
  bothWays('H38 a type changes: remove and create', { f: '/x=1' }, { d: '/x/' }, ['remove f', 'folder d at /x']);
  bothWays('H28 moved out, then the folder removed', { d: '/d/', f: 'd/f=1' }, { f: '/f=1' }, [
    'move f to /f',
    'remove d',
  ]);
  bothWays('moved into a folder made for it', { f: '/f=1' }, { d: '/d/', f: 'd/f=1' }, [
    'folder d at /d',
    'move f to d/f',
  ]);
  bothWays('a folder and the one in it change places', { p: '/p/', c: 'p/c/' }, { c: '/p/', p: 'c/q/' }, [
    'move p to /.~p',
    'move c to /p',
    'move p to c/q',
  ]);
  bothWays('a folder goes into one that leaves it', { p: '/p/', c: 'p/c/' }, { c: '/c/', p: 'c/p/' }, [
    'move c to /c',
    'move p to c/p',
  ]);
  test('P16 a chain of ten thousand renames', () => {
    const count = 10_000;
    const numbered = (shift: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`f${index}`, `/${index + shift}=1`]));
    const steps = stepsOf({ synced: numbered(0), local: numbered(1), remote: numbered(0) });
    assert.equal(steps.length, count);
    assert.equal(steps[0], `move f${count - 1} to /${count}`);
  });
  test('P16 `after` names what has to succeed before, and no more', () => {
    const made = planScene({ local: { d: '/d/', f: 'd/f=1', g: '/g=1' } });
    assert.deepEqual(
      made.steps.map((step) => [step.objectId, step.after]),
      [
        ['d', []],
        ['f', [0]],
        ['g', []],
      ],
    );
  });
  test('P16 the base counts on from the moves before', () => {
    const before = { a: '/a=1', b: '/b=2' };
    const made = planScene({ synced: before, local: { a: '/b=1', b: '/a=2' }, remote: before });
    const bases = made.steps.map((step) => (step.kind === 'move' ? [step.objectId, step.basePlaceVersion] : step));
    assert.deepEqual(bases, [
      ['a', 1],
      ['b', 1],
      ['a', 2],
    ]);
  });
});

describe('P17 circles of names', () => {
  bothWays('H31 a swap', { a: '/a=1', b: '/b=2' }, { a: '/b=1', b: '/a=2' }, [
    'move a to /.~a',
    'move b to /a',
    'move a to /b',
  ]);
  bothWays('H31 a swap of folders', { a: '/a/', b: '/b/', f: 'a/f=1' }, { a: '/b/', b: '/a/', f: 'a/f=1' }, [
    'move a to /.~a',
    'move b to /a',
    'move a to /b',
  ]);
  bothWays('H31 a rotation', { a: '/a=1', b: '/b=2', c: '/c=3' }, { a: '/b=1', b: '/c=2', c: '/a=3' }, [
    'move a to /.~a',
    'move c to /a',
    'move b to /c',
    'move a to /b',
  ]);
  bothWays('H31 `mv Z/c t; rm -r Z; mv t Z`', { z: '/Z/', c: 'z/c=1' }, { c: '/Z=1' }, [
    'move z to /.~z',
    'move c to /Z',
    'remove z',
  ]);
  bothWays(
    'a new folder with the name of the old, into which the rest moves',
    { z: '/Z/', c: 'z/c=1' },
    { n: '/Z/', c: 'n/c=1' },
    ['move z to /.~z', 'folder n at /Z', 'move c to n/c', 'remove z'],
  );
  table([
    [
      'P5 a swap that was interrupted on disk is finished',
      { synced: { a: '/a=1', b: '/b=2' }, local: { a: '/.~a=1', b: '/b=2' }, remote: { a: '/b=1', b: '/a=2' } },
      ['moveLocal b from /b to /a', 'moveLocal a from /.~a to /b'],
    ],
    [
      'P5 a swap that was interrupted on the server is finished',
      { synced: { a: '/.~a=1', b: '/b=2' }, local: { a: '/b=1', b: '/a=2' }, remote: { a: '/.~a=1', b: '/b=2' } },
      ['move b to /a', 'move a to /b'],
    ],
    [
      'P17 one of the circle has its temporary name already: it takes another',
      { synced: { a: '/.~a=1', b: '/b=2' }, local: { a: '/b=1', b: '/.~a=2' }, remote: { a: '/.~a=1', b: '/b=2' } },
      ['move a to /.~a~', 'move b to /.~a', 'move a to /b'],
    ],
    [
      'P5 a temporary name is not sent',
      { synced: { a: '/a=1' }, local: { a: '/.~a=1' }, remote: { a: '/a=1' } },
      ['moveLocal a from /.~a to /a'],
    ],
    [
      'P5 nor does it keep alive what was deleted',
      { synced: { a: '/a=1' }, local: { a: '/.~a=1' }, remote: { a: '-/a=1' } },
      ['removeLocal a'],
    ],
  ]);
});

describe('P6 circles of folders', () => {
  const before = { x: '/x/', y: '/y/' };
  table([
    [
      'P6 H30 x into y here, y into x there: the local move is undone',
      { synced: before, local: { x: 'y/x/', y: '/y/' }, remote: { x: '/x/', y: 'x/y/' } },
      ['moveLocal x from y/x to /x (move_undone)', 'moveLocal y from /y to x/y'],
    ],
    [
      'P6 what is no circle in the end is not undone',
      { synced: { x: '/x/', y: 'x/y/' }, local: { x: 'y/x/', y: '/y/' }, remote: { x: '/x/', y: 'x/y/' } },
      ['move y to /y', 'move x to y/x'],
    ],
  ]);
  test('P6 a circle in Remote itself, from an incomplete listing: wait', () => {
    const made = planScene({ synced: before, local: before, remote: { x: 'y/x/', y: 'x/y/' } });
    assert.deepEqual([made.steps, made.waiting], [[], ['x', 'y']]);
  });
});

describe('P10 names', () => {
  table([
    [
      'P10 moved here onto a name that is taken there: the local one makes way',
      { synced: { a: '/a=1' }, local: { a: '/b=1' }, remote: { a: '/a=1', n: '/b=2' } },
      ['moveLocal a from /b to /b (copy 1) (name_conflict)', 'download n at /b'],
    ],
    [
      'P10 even with equal content: it is another object',
      { synced: { a: '/a=1' }, local: { a: '/b=1' }, remote: { a: '/a=1', n: '/b=1' } },
      ['moveLocal a from /b to /b (copy 1) (name_conflict)', 'download n at /b'],
    ],
    [
      'P10 the name is being left there: only a matter of order',
      { synced: { b: '/b=1' }, local: { b: '/b=1', n: '/c=2' }, remote: { b: '/c=1' } },
      ['moveLocal n from /c to /c (copy 1) (name_conflict)', 'moveLocal b from /b to /c'],
    ],
    [
      'P10 the name is free on the server as soon as its owner has gone',
      { synced: { b: '/b=1' }, local: { b: '/c=1', n: '/b=2' }, remote: { b: '/b=1' } },
      ['move b to /c', 'put n at /b'],
    ],
    [
      'H40 a taken conflict name is numbered on',
      { local: { f: '/a=1', g: '/a (copy 1)=1' }, remote: { h: '/a=2', i: '/a (copy 2)=2' } },
      [
        'moveLocal f from /a to /a (copy 3) (name_conflict)',
        'download h at /a',
        'download i at /a (copy 2)',
        'put g at /a (copy 1)',
      ],
    ],
    ['H18 two equal symlinks are one', { local: { l: '/l->x' }, remote: { m: '/l->x' } }, ['join l as m']],
    [
      'P10 a new folder where a share appears, in the first merge',
      { local: { d: '/s/' }, remote: { m: '/s|' } },
      ['join d as m'],
    ],
    [
      'P10 a new folder where a share appears, later: it is nobody else’s',
      { local: { d: '/s/', f: 'd/f=1' }, remote: { m: '/s|' }, settings: { joinsShares: () => false } },
      ['moveLocal d from /s to /s (copy 1) (name_conflict)', 'makeFolder m at /s'],
    ],
    [
      'H22 a merged folder’s children wait for the merge',
      { local: { d: '/a/', f: 'd/f=1' }, remote: { e: '/a/', g: 'e/g=1' } },
      ['join d as e'],
    ],
    [
      'H27 a folder that lives for one file meets a new one with its name: merge',
      {
        synced: { d: '/d/' },
        local: { d: '/d/', f: 'd/f=1' },
        remote: { d: '-/d/', e: '/d/' },
      },
      ['join d as e'],
    ],
    [
      'P13 where the file cannot be renamed on the server, the local folder makes way',
      { local: { d: '/a/' }, remote: { f: '/a=1' }, settings: { canWrite: () => false } },
      ['moveLocal d from /a to /a (copy 1) (name_conflict)', 'download f at /a'],
    ],
  ]);
});
