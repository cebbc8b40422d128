import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { createIgnoreRules } from '@satchel/core/ignore-rules.ts';
import { openWorld } from './assembled.fixture.ts';
import { KeptFolders } from './kept-folders.ts';

test('H72 H73 a folder that stayed for what was ignored in it is the user’s again when nothing in it is ignored', async () => {
  await using world = openWorld();
  mkdirSync(world.path('d/was-ignored'), { recursive: true });
  mkdirSync(world.path('e'));
  writeFileSync(world.path('e/secret'), '');
  const kept = new KeptFolders(world.db);
  for (const path of ['d', 'e']) kept.add(path);
  kept.release({ disk: world.disk, rules: () => createIgnoreRules('secret') });
  assert.deepEqual([kept.has('d'), kept.has('e')], [false, true]);
});
