/** Changes of the disk where the system cannot exchange names, nor rename without replacing. */
import assert from 'node:assert/strict';
import { readdirSync, readlinkSync, symlinkSync } from 'node:fs';
import { test } from 'node:test';
import type { RemoteNode } from '@satchel/core/tree.ts';
import { createNodeDisk } from '../adapters/node-disk.ts';
import { createPortableFiles } from '../adapters/portable-files.ts';
import { openWorld, scanned, type World } from '../daemon/assembled.fixture.ts';
import { TREE_ROOT } from '../daemon/assembly.ts';
import type { Disk } from '../ports/disk.ts';
import type { LocalRow } from '../state/rows.ts';
import { makeSymlink } from './arriving.ts';
import { Making } from './making.ts';
import { Removals } from './removing.ts';

const portable = (disk: Disk): Disk => createNodeDisk(disk.absolute(''), createPortableFiles());

const names = (world: World): string[] => readdirSync(world.path('')).filter((name) => name !== '.satchel');

async function linkIn(world: World): Promise<LocalRow> {
  symlinkSync('old', world.path('link'));
  await scanned(world);
  return world.parts.trees.local.childNamed({ parentId: TREE_ROOT, name: 'link' })!;
}

test('H15 H51 a link that is removed elsewhere goes into the trash', async () => {
  await using world = openWorld(portable);
  const expected = await linkIn(world);
  const { objectId, workspaceId } = expected;
  const step = { kind: 'removeLocal', objectId, workspaceId, expected, excluded: false, index: 0, after: [] } as const;
  const removals = new Removals(world.parts.applier, [step]);
  assert.equal(await removals.remove(step), 'done');
  removals.close();
  assert.deepEqual(names(world), []);
});

test('H15 H51 a link that is changed elsewhere is changed here, and leaves no copy', async () => {
  await using world = openWorld(portable);
  const expected = await linkIn(world);
  const { objectId, workspaceId, parentId, name } = expected;
  const content = { kind: 'symlink', target: 'new' } as const;
  const remote: RemoteNode = { objectId, workspaceId, parentId, name, content, placeVersion: 1 };
  const step = { kind: 'makeSymlink', objectId, workspaceId, remote, expected } as const;
  using making = new Making(world.parts.applier, []);
  assert.equal(await makeSymlink(world.parts.applier, making, step), 'done');
  await scanned(world);
  assert.deepEqual(names(world), ['link']);
  assert.equal(readlinkSync(world.path('link')), 'new');
});
