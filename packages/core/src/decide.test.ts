import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planScene, stepsOf } from './plan-scene.ts';

test('P8 P11 what left a deleted folder and cannot be seen now does not bring the folder back', () => {
  const both = { d: '/d/', f: 'd/f=1' };
  const scene = { synced: both, local: { e: '/e/', f: '?e/f=1' }, remote: { ...both, e: '/e/' } };
  assert.deepEqual(stepsOf(scene), ['agree e']);
  assert.deepEqual(planScene(scene).waiting.toSorted(), ['d', 'f']);
  const seen = { ...scene, local: { e: '/e/', f: 'e/f=1' } };
  assert.deepEqual(stepsOf(seen), ['agree e', 'move f to e/f', 'delete d']);
});
