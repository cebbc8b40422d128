import assert from 'node:assert/strict';
import { utimesSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { ContentHash, ObjectId, WorkspaceId } from '@satchel/protocol/ids.ts';
import { indexedFile, LONG_AGO_S, openWorld, type World } from '../daemon/assembled.fixture.ts';
import type { DiskStat } from '../ports/disk.ts';
import type { LocalRow } from '../state/rows.ts';
import { FreshArrivals } from './fresh-arrivals.ts';
import { UNREAD } from './observation.ts';
import { unreadBatch } from './reading-arrivals.ts';

const stat: DiskStat = {
  type: 'file',
  dev: 1,
  ino: 7,
  size: 3,
  mtimeNs: '1000000000',
  ctimeNs: '2000100000',
  mode: 0o644,
  links: 1,
};
const row: LocalRow = {
  objectId: 'a' as ObjectId,
  workspaceId: 'w' as WorkspaceId,
  parentId: 'root' as ObjectId,
  name: 'file',
  content: { kind: 'file', hash: 'h' as ContentHash, size: 3, executable: false, mtimeMs: 1000 },
  presence: 'present',
  stat: { ...stat, ctimeNs: UNREAD },
  seenMs: 2000,
};

function setUp() {
  let nowMs = 100_000;
  const fresh = new FreshArrivals({ now: () => nowMs, monotonic: () => nowMs, delay: () => Promise.resolve() });
  return { fresh, now: () => nowMs, advance: (ms: number) => (nowMs += ms) };
}

/** So many that reading more of them can wait. */
function findMany(fresh: FreshArrivals, count = 100): void {
  for (let index = 0; index < count; index++) {
    assert.equal(fresh.defers(`many-${index}`, stat, row), false);
    fresh.read(`many-${index}`, row);
  }
}

test('H14 one of few is read at once, and one that is to be changed next', () => {
  const { fresh } = setUp();
  findMany(fresh, 99);
  assert.equal(fresh.defers('file', stat, row), false);
  findMany(fresh, 1);
  assert.equal(fresh.defers('file', stat, row), true);
  fresh.urge('file');
  assert.equal(fresh.defers('file', stat, row), false);
  fresh.read('file', row);
  assert.equal(fresh.defers('file', stat, row), true);
});

test('H14 after a rest few are few again', () => {
  const { fresh, now, advance } = setUp();
  findMany(fresh);
  advance(3000);
  assert.equal(fresh.isDue(now()), false, 'all of them were read');
  assert.equal(fresh.defers('file', stat, row), false);
});

test('H4 what was just put into place is read when nothing more has arrived for a while, and then once', () => {
  const { fresh, now, advance } = setUp();
  assert.equal(fresh.nextAt(), Infinity);
  findMany(fresh);
  assert.equal(fresh.defers('file', stat, row), true);
  advance(2000);
  assert.equal(fresh.defers('another', stat, row), true);
  assert.equal(fresh.nextAt(), now() + 3000);
  advance(2999);
  assert.equal(fresh.isDue(now()), false);
  advance(1);
  assert.equal(fresh.isDue(now()), true);
  assert.equal(fresh.defers('file', stat, row), false, 'it is its turn');
  assert.equal(fresh.isDue(now()), true, 'there are more');
  fresh.taken();
  assert.equal(fresh.isDue(now()), false);
  assert.equal(fresh.nextAt(), Infinity);
});

test('H14 an edit of what was just put into place is read at once', () => {
  const { fresh } = setUp();
  findMany(fresh);
  const edits: readonly Partial<DiskStat>[] = [{ mtimeNs: '2000200000' }, { size: 4 }, { ino: 8 }, { mode: 0o755 }];
  for (const edit of edits) assert.equal(fresh.defers('file', { ...stat, ...edit }, row), false);
  assert.equal(fresh.defers('file', stat, { ...row, presence: 'unknown' }), false);
  assert.equal(fresh.defers('file', { ...stat, ctimeNs: '3' }, { ...row, stat }), false, 'it was read, and touched');
  assert.equal(fresh.defers('new', stat, undefined), false);
  assert.equal(fresh.nextAt(), Infinity);
});

/** A world of files that were put into place; works until all of them were read. */
async function readAll(world: World, count: number, meanwhile: () => void = () => undefined): Promise<void> {
  const { indexer, trees, applier } = world.parts;
  const known = await indexedFile(world, 'f', 'content');
  for (let index = 0; index < count; index++) {
    const name = `f${index}`;
    writeFileSync(world.path(name), 'content');
    utimesSync(world.path(name), LONG_AGO_S, LONG_AGO_S);
    const placed = { ...known, objectId: idOf(index), name };
    trees.putLocal({ ...placed, stat: { ...applier.deps.disk.stat(name)!, ctimeNs: UNREAD } });
  }
  const ending = new AbortController();
  const running = indexer.run(ending.signal);
  await indexer.scanAll(ending.signal);
  const unread = () => Number(world.db.first('SELECT count(*) AS n FROM local WHERE ctime_ns = ?', UNREAD)?.['n']);
  assert.equal(unread(), count - 100, 'the scan does not wait for them');
  meanwhile();
  while (unread() > 0) await indexer.turned(ending.signal);
  await indexer.settled(ending.signal, { waitForWriters: true });
  assert.equal(indexer.fresh.nextAt(), Infinity);
  ending.abort();
  await running;
}

const idOf = (index: number) => `o${String(index).padStart(25, '0')}` as ObjectId;

test('H4 H57 all that were put into place are read in the end, also when there are more than are read together', async () => {
  await using world = openWorld();
  await readAll(world, 1300);
  const last = world.parts.trees.local.get(idOf(1299));
  assert.equal(last?.stat.ctimeNs, world.disk.stat('f1299')?.ctimeNs);
});

test('H4 an edit that kept size and time is found when what was put into place is read', async () => {
  await using world = openWorld();
  await readAll(world, 300, () => {
    const { mtimeNs } = world.disk.stat('f200')!;
    writeFileSync(world.path('f200'), 'CONTENT');
    utimesSync(world.path('f200'), LONG_AGO_S, LONG_AGO_S);
    assert.equal(world.disk.stat('f200')?.mtimeNs, mtimeNs);
  });
  const hashes = [199, 200, 201].map((index) => {
    const content = world.parts.trees.local.get(idOf(index))?.content;
    return content?.kind === 'file' ? content.hash : undefined;
  });
  assert.equal(hashes[0], hashes[2]);
  assert.notEqual(hashes[0], hashes[1]);
});

test('H4 H58 a long file that was put into place is read alone, and no other way than the short ones', async () => {
  await using world = openWorld();
  const { trees, tree } = world.parts;
  const known = await indexedFile(world, 'f', 'content');
  for (const [index, size] of [1, 17 << 20, 1, 1].entries()) {
    const placed = { ...known, objectId: idOf(index), name: `f${index}` };
    trees.putLocal({ ...placed, stat: { ...known.stat, size, ctimeNs: UNREAD } });
  }
  const batches: string[][] = [];
  for (let after: ObjectId | undefined; ;) {
    const batch = unreadBatch({ trees, tree }, after);
    if (batch.after === undefined) break;
    batches.push(batch.files.map(({ path }) => path));
    after = batch.after;
  }
  assert.deepEqual(batches, [['f0'], ['f1'], ['f2', 'f3']]);
});
