/** H13: what is read while somebody writes. */
import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { appendFileSync, linkSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { createIgnoreRules } from '@satchel/core/ignore-rules.ts';
import { contentHash } from '@satchel/core/manifest.ts';
import type { FileContent } from '@satchel/core/tree.ts';
import type { ChunkId } from '@satchel/protocol/ids.ts';
import { indexedFile, indexing, openWorld, scanned, type World } from '../daemon/assembled.fixture.ts';
import { TREE_ROOT } from '../daemon/assembly.ts';
import type { StatIdentity } from '../ports/disk.ts';
import type { ScanResult } from '../ports/hashing.ts';
import { identityOf } from './observation.ts';
import { readFiles } from './reading.ts';

const never = new AbortController().signal;
const sha256 = (bytes: Uint8Array): string => hash('sha256', bytes);

type Change = (stat: StatIdentity) => { before?: StatIdentity; after?: StatIdentity };

/** What reading the file came to, when its stat was such before and after. */
async function read(world: World, change: Change, { reserved = '', isReplaced = false, ignored = '' } = {}) {
  const row = await indexedFile(world, 'f', 'old');
  const stat = identityOf(world.disk.stat('f')!);
  const chunks = [{ id: sha256(Buffer.from('torn')) as ChunkId, size: 4 }];
  const result: ScanResult = {
    outcome: 'scanned',
    before: stat,
    after: stat,
    ...change(stat),
    size: 4,
    hash: contentHash(chunks, sha256),
    chunks,
    signatures: [],
  };
  const { trees, tree, chunks: index, pathProblems: problems, applier } = world.parts;
  const { disk, transaction } = applier.deps;
  const hashing = { scan: async () => [result] } as never;
  const [readAndSend, lookAt] = [() => undefined, () => undefined];
  const isReserved = (path: string) => path === reserved;
  const rules = () => createIgnoreRules(ignored);
  const deps = {
    disk,
    trees,
    tree,
    chunks: index,
    hashing,
    problems,
    rules,
    transaction,
    readAndSend,
    lookAt,
    isReserved,
  };
  const replaced = isReplaced ? row.stat.ino : undefined;
  const [outcome] = await readFiles(deps, [{ path: 'f', objectId: row.objectId, replaced }], never);
  const now = trees.local.get(row.objectId)?.content;
  return { outcome, isRecorded: now?.kind === 'file' && now.hash === result.hash };
}

test('H13 a file that nobody wrote to while it was read is recorded', async () => {
  await using world = openWorld();
  assert.deepEqual(await read(world, () => ({})), { outcome: 'recorded', isRecorded: true });
});

test('C4 what this device is about to move or replace is not recorded before that: it is read again', async () => {
  await using world = openWorld();
  assert.deepEqual(await read(world, () => ({}), { reserved: 'f' }), { outcome: 'again', isRecorded: false });
});

test('H73 a file that has become ignored since is not recorded', async () => {
  await using world = openWorld();
  assert.deepEqual(await read(world, () => ({}), { ignored: 'f' }), { outcome: 'gone', isRecorded: false });
});

for (const [when, change] of [
  ['while it was read', (stat: StatIdentity) => ({ before: { ...stat, mtimeNs: '1' } })],
  ['after it was read', (stat: StatIdentity) => ({ before: { ...stat, size: 9 }, after: { ...stat, size: 9 } })],
  ['by another file', (stat: StatIdentity) => ({ before: { ...stat, ino: 9 }, after: { ...stat, ino: 9 } })],
] as const)
  test(`H13 a file that was changed ${when} is read again, and nothing is recorded`, async () => {
    await using world = openWorld();
    assert.deepEqual(await read(world, change), { outcome: 'again', isRecorded: false });
  });

test('H32 a file that another one has replaced meanwhile is looked at anew: where it went is not known yet', async () => {
  await using world = openWorld();
  const replacing = () => {
    writeFileSync(world.path('.satchel/other'), 'else');
    renameSync(world.path('.satchel/other'), world.path('f'));
    const stat = identityOf(world.disk.stat('f')!);
    return { before: stat, after: stat };
  };
  assert.deepEqual(await read(world, replacing), { outcome: 'gone', isRecorded: false });
  assert.deepEqual(await read(world, replacing, { isReplaced: true }), { outcome: 'recorded', isRecorded: true });
});

test('H17 a write through one hard link is seen at all of them, though the watcher names but one', async () => {
  await using world = openWorld();
  const first = await indexedFile(world, 'first', 'old');
  linkSync(world.path('first'), world.path('second'));
  await scanned(world);
  appendFileSync(world.path('second'), ' and new');
  await indexing(world, async (signal) => {
    world.parts.indexer.hint([{ kind: 'dirty', path: 'second', deep: false, closed: true }]);
    await world.parts.indexer.settled(signal, { waitForWriters: true });
  });
  const { trees } = world.parts;
  const contents = ['first', 'second'].map(
    (name) => trees.local.childNamed({ parentId: first.parentId, name })?.content as FileContent,
  );
  assert.deepEqual(
    contents.map(({ size }) => size),
    [11, 11],
  );
  assert.equal(contents[0]?.hash, contents[1]?.hash);
});

const lastDeeds = {
  removed: (path: string) => rmSync(path),
  'saved by replacing': (path: string) => {
    writeFileSync(`${path}.new`, 'another');
    renameSync(`${path}.new`, path);
  },
};

for (const [what, deed] of Object.entries(lastDeeds)) {
  test(`H17 a write through a hard link that is then ${what} is seen at the other one`, async () => {
    await using world = openWorld();
    const first = await indexedFile(world, 'first', 'old');
    linkSync(world.path('first'), world.path('second'));
    await scanned(world);
    appendFileSync(world.path('second'), ' and new');
    deed(world.path('second'));
    await indexing(world, async (signal) => {
      world.parts.indexer.hint([{ kind: 'dirty', path: 'second', deep: false, closed: true }]);
      await world.parts.indexer.settled(signal, { waitForWriters: true });
    });
    const { content } = world.parts.trees.local.get(first.objectId)!;
    assert.equal(content.kind === 'file' && content.size, 'old and new'.length);
  });
}

test('H45 both Unicode forms of a name, found together: one is synced, the other is a named problem', async () => {
  await using world = openWorld();
  const forms = ['\u00e9', 'e\u0301'];
  for (const form of forms) writeFileSync(world.path(form), `written as ${form.length}`);
  await scanned(world);
  const { trees, pathProblems } = world.parts;
  const rows = [...trees.local.children(TREE_ROOT)];
  assert.equal(rows.length, 1);
  const problems = pathProblems.all().map(({ path, code }) => ({ path, code }));
  const synced = rows[0]?.diskName ?? rows[0]?.name;
  assert.deepEqual(problems, [{ path: forms.find((form) => form !== synced), code: 'name_clash' }]);
});
