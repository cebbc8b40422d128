import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ObjectId } from '@satchel/protocol/ids.ts';
import { stepsOf, type Scene } from './plan-scene.ts';
import { temporaryName } from './temporary-name.ts';

/** `one` was moved to where `two` lay, in another workspace, and `two` to where `one` lay: `new1` and `new2` now. */
const swapped: Scene = {
  synced: { d: '/d/', one: '/a=one', two: 'd/b=two' },
  remote: { d: '/d/', one: '/a=one', two: 'd/b=two' },
  local: { d: '/d/', new1: 'd/b=one', new2: '/a=two' },
};
const copies = new Map([
  ['one', 'new1'],
  ['two', 'new2'],
]);
const settings = (there: readonly string[] = []) => ({
  awaitedCopy(id: ObjectId) {
    const copy = copies.get(id);
    return copy === undefined || there.includes(copy) ? undefined : (copy as ObjectId);
  },
});

test('P15 P17 H37 two that were swapped across a border: one original makes way until the copies are there', () => {
  const steps = stepsOf({ ...swapped, settings: settings() });
  const aside = `move one to /${temporaryName('one' as ObjectId)}`;
  const other = `move two to d/${temporaryName('two' as ObjectId)}`;
  assert.ok(
    JSON.stringify(steps) === JSON.stringify([aside, 'put new2 at /a']) ||
      JSON.stringify(steps) === JSON.stringify([other, 'put new1 at d/b']),
    steps.join('; '),
  );
});

test('P13 P15 an original that may not be renamed makes way for nobody', () => {
  assert.deepEqual(stepsOf({ ...swapped, settings: { ...settings(), canWrite: () => false } }), []);
});

test('P15 an original whose copy hangs on nothing stays where it is, and what wants its name waits', () => {
  const local = { ...swapped.local, new1: 'd/c=one', new2: '/a=other' };
  const remote = { d: '/d/', one: '/a=one' };
  const scene = { local, remote, synced: remote, settings: settings(['new2']) };
  assert.deepEqual(stepsOf(scene), ['put new1 at d/c']);
});

test('H98 what a share left behind joins no folder that takes its name', () => {
  const scene = { synced: { m: '/s|' }, local: { m: '/s/', f: 'm/f=1' }, remote: { m: '-/s|', d: '/s/' } };
  assert.deepEqual(stepsOf(scene), ['moveLocal m from /s to /s (copy 1) (name_conflict)', 'makeFolder d at /s']);
});
