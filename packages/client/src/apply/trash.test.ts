/** What rests in the local trash, what comes back from it, and what goes. */
import assert from 'node:assert/strict';
import { appendFileSync, linkSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { indexedFile, objectId, openWorld, scanned, type World } from '../daemon/assembled.fixture.ts';
import { TRASH_FOLDER } from './trash.ts';

/** Puts a file into the trash as a download or deletion does. */
async function discarded(world: World, name: string): Promise<string> {
  const { trash } = world.parts;
  const stat = world.disk.stat(name)!;
  const slot = trash.slotFor(objectId(name), name);
  assert.equal(await world.disk.rename(name, slot), 'renamed');
  trash.record(slot, name, stat);
  return slot;
}

const edited = (world: World): string[] => world.parts.trash.editedSince(0).map(({ path }) => path);

test('H15 H17 what is written by another name of the same file is no late write to what rests in the trash', async () => {
  await using world = openWorld();
  await indexedFile(world, 'f', 'old');
  linkSync(world.path('f'), world.path('linked'));
  await scanned(world);
  await discarded(world, 'f');
  appendFileSync(world.path('linked'), ', edited');
  assert.deepEqual(edited(world), []);
  rmSync(world.path('linked'));
  assert.deepEqual(edited(world), [], 'what was written was in sight, and is deleted');
});

test('H15 a late write comes back also where another name of the file lies elsewhere', async () => {
  await using world = openWorld();
  const outside = mkdtempSync(join(tmpdir(), 'satchel-outside-'));
  using cleanup = new DisposableStack();
  cleanup.defer(() => rmSync(outside, { recursive: true }));
  await indexedFile(world, 'f', 'old');
  linkSync(world.path('f'), join(outside, 'snapshot'));
  const slot = await discarded(world, 'f');
  appendFileSync(world.path(slot), ', edited');
  assert.deepEqual(edited(world), ['f']);
});

test('S12 H102 a folder that was put into the trash as if it were a file does not keep the others there', async () => {
  await using world = openWorld();
  mkdirSync(world.path('d'));
  writeFileSync(world.path('d/inside'), 'kept');
  writeFileSync(world.path('f'), 'old');
  for (const name of ['d', 'f']) await discarded(world, name);
  world.parts.trash.purge({ maxAgeMs: -1, maxBytes: 0 });
  const left = readdirSync(world.path(TRASH_FOLDER), { recursive: true, withFileTypes: true });
  assert.deepEqual(
    left.filter((entry) => entry.isFile()).map(({ name }) => name),
    ['inside'],
  );
});
