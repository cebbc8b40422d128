import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContentHash, ObjectId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { DiskStat } from '../ports/disk.ts';
import type { LocalRow } from '../state/rows.ts';
import { isExecutable, isRacy, isUnchanged, millisecondsOf, sameInode, staysInside } from './observation.ts';

const SECOND = 1_000_000_000n;
const stat: DiskStat = {
  type: 'file',
  dev: 1,
  ino: 7,
  size: 4,
  mtimeNs: String(1000n * SECOND),
  ctimeNs: String(1000n * SECOND),
  mode: 0o644,
  links: 1,
};

function rowOf(seenMs: number, change: Partial<DiskStat> = {}): LocalRow {
  const content = {
    kind: 'file',
    hash: 'a'.repeat(64) as ContentHash,
    size: 4,
    executable: false,
    mtimeMs: 0,
  } as const;
  const ids = {
    objectId: 'o' as ObjectId,
    workspaceId: 'w' as WorkspaceId,
    parentId: 'p' as ObjectId,
  };
  return { ...ids, name: 'f', content, presence: 'present', stat: { ...stat, ...change }, seenMs };
}

test('H3 a file touched within two seconds of being looked at is read again', () => {
  assert.equal(isRacy(rowOf(1_000_500)), true);
  assert.equal(isUnchanged(rowOf(1_000_500), stat), false);
  assert.equal(isUnchanged(rowOf(1_010_000), stat), true);
});

test('H4 a restored mtime does not hide an edit: ctime tells', () => {
  const edited = { ...stat, ctimeNs: String(2000n * SECOND) };
  assert.equal(isUnchanged(rowOf(5_000_000), edited), false);
});

test('H53 a changed mode alone is a change', () => {
  assert.equal(isUnchanged(rowOf(1_010_000), { ...stat, mode: 0o755 }), false);
  assert.equal(isExecutable({ mode: 0o755 }), true);
  assert.equal(isExecutable({ mode: 0o655 }), false);
});

test('C3 a row whose presence is unknown is never taken as unchanged', () => {
  assert.equal(isUnchanged({ ...rowOf(1_010_000), presence: 'unknown' }, stat), false);
});

for (const [path, target, inside] of [
  ['a/link', 'b', true],
  ['a/link', '../b', true],
  ['a/link', '../../b', false],
  ['link', '..', false],
  ['link', '/etc/passwd', false],
  ['a/b/link', '../../c/../d', true],
  ['a/link', 'x/../../../y', false],
  ['link', '', false],
] as const) {
  test(`H51 a link ${path} -> ${JSON.stringify(target)} ${inside ? 'stays inside' : 'leads outside'}`, () => {
    assert.equal(staysInside(path, target), inside);
  });
}

test('H82 an inode number that was given out again is not the inode that had it before', () => {
  const born = { ...stat, birthNs: '1' };
  assert.equal(sameInode(born, { ...born, mtimeNs: '5' }), true);
  assert.equal(sameInode(born, { ...born, mtimeNs: '5', birthNs: '2' }), false);
  assert.equal(sameInode(stat, { ...stat, mtimeNs: '5' }), false);
  assert.equal(sameInode(stat, stat), true);
  assert.equal(sameInode(born, { ...born, ino: 8 }), false);
});

test('H5 a time set through floating-point seconds is the millisecond that was meant, before 1970 too', () => {
  assert.equal(millisecondsOf('1700000000122999906'), 1_700_000_000_123);
  assert.equal(millisecondsOf('1700000000123000500'), 1_700_000_000_123);
  assert.equal(millisecondsOf('-1000000000'), -1000);
  assert.equal(millisecondsOf('0'), 0);
});
