/** The rules of `plan.ts`, one by one; the notation of the scenes is in `plan-scene.ts`. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Plan } from './plan.ts';
import { planScene, stepsOf, type Scene } from './plan-scene.ts';

/** [title, scene, steps in words] */
type Row = readonly [string, Scene, readonly string[]];

function table(rows: readonly Row[]): void {
  for (const [title, scene, steps] of rows) test(title, () => assert.deepEqual(stepsOf(scene), steps));
}

const file = { synced: { f: '/a=1' }, local: { f: '/a=1' }, remote: { f: '/a=1' } };
const folder = { synced: { d: '/d/' }, local: { d: '/d/' }, remote: { d: '/d/' } };
const link = { synced: { l: '/l->x' }, local: { l: '/l->x' }, remote: { l: '/l->x' } };

describe('the conflict table, local × remote', () => {
  table([
    ['unchanged × unchanged: nothing', file, []],
    ['unchanged × edited: download', { ...file, remote: { f: '/a=2' } }, ['download f']],
    ['unchanged × edited, symlink', { ...link, remote: { l: '/l->y' } }, ['makeSymlink l']],
    ['unchanged × moved: one rename on disk', { ...file, remote: { f: '/b=1' } }, ['moveLocal f from /a to /b']],
    ['H36 unchanged × moved, folder', { ...folder, remote: { d: '/e/' } }, ['moveLocal d from /d to /e']],
    ['unchanged × deleted: remove', { ...file, remote: { f: '-/a=1' } }, ['removeLocal f']],
    ['unchanged × deleted, folder', { ...folder, remote: { d: '-/d/' } }, ['removeLocal d']],
    ['unchanged × deleted and purged', { ...file, remote: {} }, ['removeLocal f']],
    ['edited × unchanged: upload', { ...file, local: { f: '/a=2' } }, ['put f']],
    ['edited × unchanged, symlink', { ...link, local: { l: '/l->y' } }, ['symlink l']],
    ['H18 edited × edited alike: agree', { ...file, local: { f: '/a=2' }, remote: { f: '/a=2' } }, ['agree f']],
    [
      'H19 edited × edited: a conflicted copy',
      { ...file, local: { f: '/a=2' }, remote: { f: '/a=3' } },
      ['keepCopy f to /a (copy 1)'],
    ],
    [
      'H19 edited × edited, symlink',
      { ...link, local: { l: '/l->y' }, remote: { l: '/l->z' } },
      ['keepCopy l to /l (copy 1)'],
    ],
    [
      'H23 edited × moved: both',
      { ...file, local: { f: '/a=2' }, remote: { f: '/b=1' } },
      ['moveLocal f from /a to /b', 'put f'],
    ],
    [
      'H20 edited × deleted: edit wins',
      { ...file, local: { f: '/a=2' }, remote: { f: '-/a=1' } },
      ['put f at /a (delete_undone)'],
    ],
    [
      'H20 edited × deleted, symlink',
      { ...link, local: { l: '/l->y' }, remote: { l: '-/l->x' } },
      ['symlink l at /l (delete_undone)'],
    ],
    ['moved × unchanged: move', { ...file, local: { f: '/b=1' } }, ['move f to /b']],
    ['moved × unchanged, folder', { ...folder, local: { d: '/e/' } }, ['move d to /e']],
    [
      'H23 moved × edited: both',
      { ...file, local: { f: '/b=1' }, remote: { f: '/a=2' } },
      ['download f', 'move f to /b'],
    ],
    ['moved × moved alike: agree', { ...file, local: { f: '/b=1' }, remote: { f: '/b=1' } }, ['agree f']],
    [
      "H24 moved × moved: the server's place",
      { ...file, local: { f: '/b=1' }, remote: { f: '/c=1' } },
      ['moveLocal f from /b to /c (move_undone)'],
    ],
    [
      'H25 moved × deleted: kept there',
      { ...file, local: { f: '/b=1' }, remote: { f: '-/a=1' } },
      ['put f at /b (delete_undone)'],
    ],
    ['H25 moved × deleted, folder', { ...folder, local: { d: '/e/' }, remote: { d: '-/d/' } }, ['release d']],
    ['deleted × unchanged: delete', { ...file, local: {} }, ['delete f']],
    ['deleted × unchanged, folder', { ...folder, local: {} }, ['delete d']],
    [
      'H20 deleted × edited: edit wins',
      { ...file, local: {}, remote: { f: '/a=2' } },
      ['download f at /a (delete_undone)'],
    ],
    ['H25 deleted × moved: kept', { ...file, local: {}, remote: { f: '/b=1' } }, ['download f at /b (delete_undone)']],
    ['H25 deleted × moved, folder', { ...folder, local: {}, remote: { d: '/e/' } }, ['release d']],
    ['H21 deleted × deleted: agree', { ...file, local: {}, remote: { f: '-/a=1' } }, ['forget f']],
    [
      'created × –: upload',
      { local: { f: '/a=1', d: '/d/', l: '/l->x' } },
      ['put f at /a', 'mkdir d at /d', 'symlink l at /l'],
    ],
    [
      '– × created: download',
      { remote: { f: '/a=1', d: '/d/', l: '/l->x', m: '/m|' } },
      ['download f at /a', 'makeFolder d at /d', 'makeSymlink l at /l', 'makeFolder m at /m'],
    ],
    ['H18 created × created alike: one object', { local: { f: '/a=1' }, remote: { g: '/a=1' } }, ['join f as g']],
    ['H22 created × created, two folders: merge', { local: { d: '/a/' }, remote: { e: '/a/' } }, ['join d as e']],
    [
      'H22 created × created: the local file gets the conflict name',
      { local: { f: '/a=1' }, remote: { g: '/a=2' } },
      ['moveLocal f from /a to /a (copy 1) (name_conflict)', 'download g at /a'],
    ],
    [
      'H22 created × created, file against folder: the file is renamed',
      { local: { f: '/a=1' }, remote: { d: '/a/' } },
      ['moveLocal f from /a to /a (copy 1) (name_conflict)', 'makeFolder d at /a'],
    ],
    [
      'H22 created × created, folder against file: the file is renamed, on the server',
      { local: { d: '/a/' }, remote: { f: '/a=1' } },
      ['move f to /a (copy 1) (name_conflict)', 'mkdir d at /a'],
    ],
  ]);
});

describe('P1 agreement', () => {
  test('P1 what is alike everywhere is settled', () => {
    assert.deepEqual(planScene(file).settled, ['f']);
  });
  table([
    ['H88 P1 Synced is missing, both sides alike: agree', { local: file.local, remote: file.remote }, ['agree f']],
    [
      'C7 P1 Synced is missing, contents differ: a conflicted copy',
      { local: { f: '/a=1' }, remote: { f: '/a=2' } },
      ['keepCopy f to /a (copy 1)'],
    ],
    [
      "C7 P1 Synced is missing, places differ: the server's",
      { local: { f: '/a=1' }, remote: { f: '/b=1' } },
      ['moveLocal f from /a to /b (move_undone)'],
    ],
  ]);
});

test('C6 equal trees give equal plans', () => {
  const scene = { synced: { a: '/a=1', b: '/b=1' }, local: { a: '/b=2', b: '/a=1' }, remote: { a: '/a=3', b: '/c=1' } };
  assert.deepEqual(planScene(scene), planScene(scene));
});

describe('P2 P3 content', () => {
  table([
    [
      'P2 the place is agreed before the copy is made',
      { ...file, local: { f: '/a=2' }, remote: { f: '/b=3' } },
      ['moveLocal f from /a to /b'],
    ],
    ['P3 H53 bit changed here: put', { ...file, local: { f: '/a=1*' } }, ['put f']],
    ['P3 H53 bit changed there: set it', { ...file, remote: { f: '/a=1*' } }, ['setExecutable f *']],
    [
      'P3 bit changed here, bytes there: both',
      { ...file, local: { f: '/a=1*' }, remote: { f: '/a=2' } },
      ['download f *'],
    ],
    [
      'P3 bytes changed here, bit there: the bit first',
      { ...file, local: { f: '/a=2' }, remote: { f: '/a=1*' } },
      ['setExecutable f *'],
    ],
    [
      "P3 same new bytes, other bits: the server's",
      { ...file, local: { f: '/a=2*' }, remote: { f: '/a=2' } },
      ['setExecutable f'],
    ],
  ]);
  test('one id with two kinds is a problem and nothing else', () => {
    const made = planScene({ ...file, remote: { f: '/a->x' } });
    assert.deepEqual([made.steps, made.problems], [[], [{ objectId: 'f', code: 'kinds_differ' }]]);
  });
});

const nested = {
  synced: { d: '/d/', e: 'd/e/', f: 'e/f=1', g: 'd/g=1' },
  local: { d: '/d/', e: 'd/e/', f: 'e/f=1', g: 'd/g=1' },
  remote: { d: '/d/', e: 'd/e/', f: 'e/f=1', g: 'd/g=1' },
};
const nestedDead = { d: '-/d/', e: '-d/e/', f: '-e/f=1', g: '-d/g=1' };

describe('P7 P8 P9 deletion of folders', () => {
  table([
    ['P8 bottom-up on the server', { ...nested, local: {} }, ['delete f', 'delete e', 'delete g', 'delete d']],
    [
      'P8 bottom-up on disk',
      { ...nested, remote: nestedDead },
      ['removeLocal f', 'removeLocal e', 'removeLocal g', 'removeLocal d'],
    ],
    [
      'P8 H27 deleted here, a new file there: its folders live, the rest goes',
      { ...nested, local: {}, remote: { ...nested.remote, n: 'e/n=1' } },
      [
        'makeFolder d at /d (delete_undone)',
        'makeFolder e at d/e (delete_undone)',
        'download n at e/n',
        'delete f',
        'delete g',
      ],
    ],
    [
      'P8 H27 deleted there, a new file here: its folders live, the rest goes',
      { ...nested, local: { ...nested.local, n: 'e/n=1' }, remote: nestedDead },
      [
        'removeLocal f',
        'removeLocal g',
        'mkdir d at /d (delete_undone)',
        'mkdir e at d/e (delete_undone)',
        'put n at e/n',
      ],
    ],
    [
      'P8 H20 deleted there, edited here',
      { ...nested, local: { ...nested.local, f: 'e/f=2' }, remote: nestedDead },
      [
        'removeLocal g',
        'mkdir d at /d (delete_undone)',
        'mkdir e at d/e (delete_undone)',
        'put f at e/f (delete_undone)',
      ],
    ],
    [
      'P8 H29 moved into a folder that the other deleted',
      {
        synced: { ...nested.synced, h: '/h=1' },
        local: { ...nested.local, h: 'e/h=1' },
        remote: { ...nestedDead, h: '/h=1' },
      },
      [
        'removeLocal f',
        'removeLocal g',
        'mkdir d at /d (delete_undone)',
        'mkdir e at d/e (delete_undone)',
        'move h to e/h',
      ],
    ],
    [
      'P8 H28 moved out, then the folder deleted, here',
      { ...nested, local: { f: '/f=1' } },
      ['move f to /f', 'delete e', 'delete g', 'delete d'],
    ],
    [
      'P8 H28 moved out, then the folder deleted, there',
      { ...nested, remote: { ...nestedDead, f: '/f=1' } },
      ['moveLocal f from e/f to /f', 'removeLocal e', 'removeLocal g', 'removeLocal d'],
    ],
    [
      'P9 H25 deleted here, moved there: all of it lives, nothing is deleted before that is written down',
      { ...nested, local: {}, remote: { ...nested.remote, d: '/moved/' } },
      ['release d'],
    ],
    [
      'P9 H25 moved here, deleted there',
      { ...nested, local: { ...nested.local, d: '/moved/' }, remote: nestedDead },
      ['release d'],
    ],
    [
      'P9 a deleted mount comes back, what was in it is not deleted',
      { synced: { m: '/m|', f: 'm/f=1' }, remote: { m: '/m|', f: 'm/f=1' } },
      ['release m (mount_restored)'],
    ],
    [
      'P9 a mount is a folder on disk',
      { synced: { m: '/m|' }, local: { m: '/n/' }, remote: { m: '/m|' } },
      ['move m to /n'],
    ],
  ]);
  test('P8 an incomplete listing: the folder is listed as deleted, a child still lives in it', () => {
    const made = planScene({ ...nested, remote: { ...nestedDead, f: 'e/f=1' } });
    assert.deepEqual(
      made.steps.map((step) => step.objectId),
      ['g'],
    );
    assert.deepEqual(made.waiting.toSorted(), ['d', 'e']);
  });
  test('P9 local changes in a share that is gone', () => {
    const made = planScene({
      synced: { m: '/m|', f: 'm/f=1' },
      local: { m: '/m/', f: 'm/f=2' },
      remote: { m: '-/m|', f: '-m/f=1' },
    });
    assert.deepEqual([made.steps, made.waiting], [[], ['f']]);
    assert.deepEqual(made.problems, [{ objectId: 'm', code: 'mount_gone' }]);
  });
});

describe('P11 P12 P13 P14 P15 P18 what holds an object back', () => {
  const heldBack = (scene: Scene, expected: Readonly<Record<string, unknown>>): void => {
    const made = planScene(scene);
    const sorted = { ...made, waiting: made.waiting.toSorted(), held: made.held.toSorted() };
    for (const [key, value] of Object.entries(expected)) assert.deepEqual(sorted[key as keyof Plan], value, key);
  };

  test('P11 C3 unseen: neither changed nor removed nor uploaded', () => {
    const waiting = { steps: [], waiting: ['f'] };
    heldBack({ ...file, local: { f: '?/a=1' }, remote: { f: '/a=2' } }, waiting);
    heldBack({ ...file, local: { f: '?/a=1' }, remote: { f: '-/a=1' } }, waiting);
    heldBack({ ...file, local: { f: '?/a=1' }, remote: { f: '/b=1' } }, waiting);
    heldBack({ local: { f: '?/a=1' } }, waiting);
    heldBack({ ...file, local: { f: '?/a=1' } }, { steps: [], settled: ['f'] });
  });
  test('P11 C3 H68 missing below a folder that could not be listed is not deleted', () => {
    heldBack(
      { ...nested, local: { d: '/d/', e: '?d/e/', g: 'd/g=1' }, candidates: ['f'] },
      { steps: [], waiting: ['f'] },
    );
  });
  test('P11 H67 an unseen child keeps its remotely deleted folder on disk', () => {
    heldBack({ ...nested, local: { ...nested.local, f: '?e/f=1' }, remote: nestedDead }, { waiting: ['d', 'e', 'f'] });
  });
  test('P11 busy: no step, and what hangs on it waits', () => {
    const busy = { busy: (id: string) => id === 'd' };
    heldBack({ local: { d: '/d/', f: 'd/f=1' }, settings: busy }, { steps: [], waiting: ['d', 'f'] });
    heldBack({ remote: { d: '/d/', f: 'd/f=1' }, settings: busy }, { steps: [], waiting: ['d', 'f'] });
  });

  const excluded = { excluded: () => true };
  test('P12 H74 excluded: not downloaded, removed when unchanged, uploaded before when changed', () => {
    assert.deepEqual(planScene({ remote: file.remote, settings: excluded }).settled, ['f']);
    assert.deepEqual(stepsOf({ ...file, settings: excluded }), ['removeLocal f here']);
    assert.deepEqual(stepsOf({ ...file, local: { f: '/a=2' }, settings: excluded }), ['put f']);
    assert.deepEqual(stepsOf({ ...nested, settings: excluded, candidates: ['d'] }).at(-1), 'removeLocal d here');
  });
  test('P12 H74 what is missing here because it was excluded was not deleted', () => {
    assert.deepEqual(stepsOf({ ...file, local: {}, settings: excluded }), ['forget f']);
  });
  test('P12 edited here, edited there and moved into an excluded folder: the copy is kept where it lies', () => {
    const scene = { ...file, local: { f: '/a=2' }, remote: { d: '/d/', f: 'd/a=3' }, settings: excluded };
    assert.deepEqual(stepsOf(scene), ['keepCopy f to /a (copy 1)']);
  });
  test('P12 a new file with the name of an excluded one gets another name', () => {
    const scene = { local: { f: '/a=1' }, remote: { g: '/a=1' }, settings: { excluded: (id: string) => id === 'g' } };
    assert.deepEqual(stepsOf(scene), ['moveLocal f from /a to /a (copy 1) (name_conflict)']);
  });

  const viewer = { canWrite: () => false };
  const readOnly = { steps: [], problems: [{ objectId: 'f', code: 'read_only' as const }] };
  test('P13 H54 a viewer’s change is a problem and stays', () => {
    heldBack({ ...file, local: { f: '/a=2' }, settings: viewer }, readOnly);
    heldBack({ ...file, local: { f: '/b=1' }, settings: viewer }, readOnly);
    heldBack({ ...file, local: {}, settings: viewer }, readOnly);
    heldBack({ local: { f: '/a=1' }, settings: viewer }, readOnly);
    heldBack({ ...file, local: { f: '/a=2' }, remote: { f: '-/a=1' }, settings: viewer }, readOnly);
  });
  test('P13 a remote edit over a viewer’s edit keeps a copy', () => {
    const scene = { ...file, local: { f: '/b=2' }, remote: { f: '/a=3' }, settings: viewer };
    assert.deepEqual(stepsOf(scene), ['keepCopy f to /b (copy 1)']);
  });

  test('P14 H69 more deletions than allowed: all are held, everything else goes on', () => {
    const scene = { ...nested, local: { n: '/n=1' } };
    heldBack({ ...scene, settings: { deletesAllowed: 4 } }, { held: [] });
    heldBack({ ...scene, settings: { deletesAllowed: 3 } }, { held: ['d', 'e', 'f', 'g'] });
    assert.deepEqual(stepsOf({ ...scene, settings: { deletesAllowed: 3 } }), ['put n at /n']);
  });
  test('P15 H37 the original waits for its copy in the other workspace', () => {
    const scene = { ...file, local: {}, settings: { awaitedCopy: () => 'copy' as never } };
    heldBack(scene, { steps: [], waiting: ['f'] });
  });
  test('P18 candidates beyond the limit stay, and what a candidate hangs on comes along', () => {
    const scene = { local: { a: '/a=1', b: '/b=1', d: '/d/', f: 'd/f=1' }, settings: { limit: 1 } };
    const made = planScene({ ...scene, candidates: ['f', 'a', 'b'] });
    assert.deepEqual(
      made.steps.map((step) => step.objectId),
      ['d', 'f'],
    );
    assert.equal(made.more, true);
  });
  test('P18 H56 folders nested five thousand deep', () => {
    const depth = 5000;
    const names = Array.from({ length: depth }, (_, index) => [`o${index}`, `${index > 0 ? `o${index - 1}` : ''}/n/`]);
    const tree = Object.fromEntries(names) as Record<string, string>;
    const settings = { limit: 2 * depth, deletesAllowed: depth };
    assert.equal(stepsOf({ synced: tree, remote: tree, settings }).at(-1), 'delete o0');
    assert.equal(stepsOf({ local: tree, settings }).at(-1), `mkdir o${depth - 1} at o${depth - 2}/n`);
  });
  test('P18 a large folder whose contents move into a new one of its name is planned as a whole', () => {
    const many = (parent: string) =>
      Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`f${index}`, `${parent}/f${index}=1`]));
    const before = { d: '/d/', ...many('d') };
    const made = planScene({
      synced: before,
      local: before,
      remote: { d: '-/d/', n: '/d/', ...many('n') },
      settings: { limit: 10 },
    });
    assert.equal(made.steps.length, 1 + 1 + 50 + 1);
    assert.deepEqual(made.waiting, []);
  });
  test('P18 P12 a file that leaves an excluded folder for its name is planned with all that leaves it', () => {
    const before = { d: '/b/', e: 'd/e/', f: 'e/d=1' };
    const remote = { d: '/e/', e: 'd/e/', f: '/b=1' };
    const settings = { limit: 1, excluded: (id: string) => id !== 'f' };
    const made = stepsOf({ synced: before, local: before, remote, settings, candidates: ['f', 'e', 'd'] });
    const moves = ['moveLocal d from /b to /.~d', 'moveLocal f from e/d to /b'];
    assert.deepEqual(made, [...moves, 'removeLocal e here', 'removeLocal d here']);
  });
  test('P18 a large folder is deleted over several plans', () => {
    const many = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`f${index}`, `d/f${index}=1`]));
    const tree = { d: '/d/', ...many };
    const made = planScene({ synced: tree, remote: tree, settings: { limit: 10 }, candidates: ['d'] });
    assert.ok(made.steps.length >= 8 && made.steps.length <= 11, `${made.steps.length} steps`);
    assert.deepEqual(made.waiting, ['d']);
  });
});
