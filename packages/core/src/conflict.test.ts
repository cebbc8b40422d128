/** Names of copies; the rules about who gets a name are in `plan.test.ts`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conflictName } from './conflict-name.ts';
import { stepsOf } from './plan-scene.ts';

test('P10 H40 copies made by one plan get different names, though they are copies of one name', () => {
  const copy = conflictName({ name: 'a.txt', deviceName: 'one', date: '2026-11-20', isTaken: () => false });
  const scene = {
    local: { f: '/a=1', g: '/b=2' },
    remote: { h: '/a=3', i: '/b=4' },
    settings: {
      conflictName: (_name: string, isTaken: (name: string) => boolean) =>
        conflictName({ name: copy, deviceName: 'one', date: '2026-11-20', isTaken }),
    },
  };
  const moves = stepsOf(scene).filter((step) => step.startsWith('moveLocal'));
  assert.deepEqual(moves, [
    `moveLocal f from /a to /${copy} (name_conflict)`,
    `moveLocal g from /b to /${copy.replace('20).txt', '20 2).txt')} (name_conflict)`,
  ]);
});
