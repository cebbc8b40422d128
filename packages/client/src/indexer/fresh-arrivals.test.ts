import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContentHash, ObjectId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { DiskStat } from '../ports/disk.ts';
import type { LocalRow } from '../state/rows.ts';
import { FreshArrivals } from './fresh-arrivals.ts';

const id = 'a' as ObjectId;
const placed: DiskStat = {
  type: 'file',
  dev: 1,
  ino: 7,
  size: 3,
  mtimeNs: '1000000000',
  ctimeNs: '2000000000',
  mode: 0o644,
  links: 2,
};
const row: LocalRow = {
  objectId: id,
  workspaceId: 'w' as WorkspaceId,
  parentId: 'root' as ObjectId,
  name: 'file',
  content: { kind: 'file', hash: 'h' as ContentHash, size: 3, executable: false, mtimeMs: 1000 },
  presence: 'present',
  stat: placed,
  seenMs: 2000,
};
/** As it looks when the staging name is gone. */
const unlinked: DiskStat = { ...placed, ctimeNs: '2000100000', links: 1 };

function setUp() {
  let nowMs = 100;
  const fresh = new FreshArrivals({ now: () => nowMs, monotonic: () => nowMs, delay: () => Promise.resolve() });
  return { fresh, now: () => nowMs, advance: (ms: number) => (nowMs += ms) };
}

/** So many that reading them can wait. */
function placeMany(fresh: FreshArrivals): void {
  for (let index = 0; index < 99; index++) fresh.placed(`many-${index}` as ObjectId);
  fresh.placed(id);
}

test('H14 one of few is read at once, and one that is to be changed next', () => {
  const { fresh } = setUp();
  fresh.placed(id);
  assert.equal(fresh.defers('file', unlinked, row), false);
  placeMany(fresh);
  assert.equal(fresh.defers('file', unlinked, row), true);
  fresh.urge('file');
  assert.equal(fresh.nextAt(), Infinity);
  assert.equal(fresh.defers('file', unlinked, row), false);
});

test('H4 what was just put into place is read when nothing more has arrived for a while, and then once', () => {
  const { fresh, now, advance } = setUp();
  assert.equal(fresh.nextAt(), Infinity);
  placeMany(fresh);
  assert.equal(fresh.defers('file', unlinked, row), true);
  assert.equal(fresh.nextAt(), 3100);
  advance(2999);
  assert.deepEqual(fresh.take(now()), []);
  advance(1);
  assert.deepEqual(fresh.take(now()), ['file']);
  assert.equal(fresh.nextAt(), Infinity);
  assert.equal(fresh.defers('file', unlinked, row), false, 'from now on it is a file like others');
});

test('H14 an edit of what was just put into place is read at once', () => {
  const { fresh } = setUp();
  placeMany(fresh);
  const edits: readonly Partial<DiskStat>[] = [{ mtimeNs: '2000200000' }, { size: 4 }, { ino: 8 }, { mode: 0o755 }];
  for (const edit of edits) assert.equal(fresh.defers('file', { ...unlinked, ...edit }, row), false);
  assert.equal(fresh.defers('file', unlinked, { ...row, presence: 'unknown' }), false);
  assert.equal(fresh.defers('other', unlinked, { ...row, objectId: 'b' as ObjectId }), false, 'not put there by us');
  assert.equal(fresh.defers('new', unlinked, undefined), false);
  assert.equal(fresh.nextAt(), Infinity);
});

test('H57 while more arrives nothing is taken, and no more is put off than fits in memory', () => {
  const { fresh, now, advance } = setUp();
  for (let index = 0; index < 25_000; index++) {
    const objectId = `object-${index}` as ObjectId;
    fresh.placed(objectId);
    const isDeferred = fresh.defers(`file-${index}`, unlinked, { ...row, objectId });
    assert.equal(isDeferred, index >= 99 && index < 20_000);
    if (index < 20_000) advance(1);
    assert.deepEqual(fresh.take(now()), []);
  }
  advance(3000);
  assert.equal(fresh.take(now()).length, 19_901);
});
