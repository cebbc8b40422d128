import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { CodedError } from '@satchel/protocol/errors.ts';
import { openWorld, scanned, type World } from './assembled.fixture.ts';
import { resolveConflict } from './conflict-resolution.ts';

const COPY = 'f (conflicted copy from one, 2027-01-15)';

const names = (world: World): string[] =>
  readdirSync(world.path(''))
    .filter((name) => name !== '.satchel')
    .sort();

async function conflict(world: World): Promise<void> {
  writeFileSync(world.path('f'), 'theirs');
  writeFileSync(world.path(COPY), 'mine');
  await scanned(world);
}

for (const [keep, left] of [
  ['remote', { f: 'theirs' }],
  ['local', { f: 'mine' }],
  ['both', { 'f (one)': 'mine', f: 'theirs' }],
] as const) {
  test(`H19 of a conflict that is settled for '${keep}' what was chosen is left`, async () => {
    await using world = openWorld();
    await conflict(world);
    await resolveConflict(world, COPY, keep);
    const contents = names(world).map((name) => [name, readFileSync(world.path(name), 'utf8')]);
    assert.deepEqual(Object.fromEntries(contents), left);
  });
}

test('H19 H15 a folder is not put into the trash to settle a conflict: what is in it would be hidden', async () => {
  await using world = openWorld();
  mkdirSync(world.path('f'));
  writeFileSync(world.path('f/inside'), 'kept');
  writeFileSync(world.path(COPY), 'mine');
  await scanned(world);
  await assert.rejects(resolveConflict(world, COPY, 'local'), ({ code }: CodedError) => code === 'kind_mismatch');
  assert.deepEqual(names(world), ['f', COPY]);
  assert.equal(readFileSync(world.path('f/inside'), 'utf8'), 'kept');
});

test('H45 C4 what is not synced, and bears the name of the original in its other Unicode form, is not put away', async () => {
  await using world = openWorld();
  const [synced, clashing] = ['e\u0301', '\u00e9'];
  const copy = '\u00e9 (conflicted copy from one, 2027-01-15)';
  writeFileSync(world.path(copy), 'mine');
  writeFileSync(world.path(synced), 'theirs');
  await scanned(world);
  writeFileSync(world.path(clashing), 'not synced');
  await scanned(world);
  await resolveConflict(world, copy, 'local');
  assert.equal(readFileSync(world.path(synced), 'utf8'), 'mine');
  assert.equal(readFileSync(world.path(clashing), 'utf8'), 'not synced');
});
