import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ObjectId } from '@satchel/protocol/ids.ts';
import { OpenFates } from './open-fates.ts';
import { QUIET } from './quiet.ts';

const [first, second] = ['first' as ObjectId, 'second' as ObjectId];

function setUp() {
  let nowMs = 1000;
  const fates = new OpenFates({ now: () => nowMs, monotonic: () => nowMs, delay: () => Promise.resolve() });
  const ripe = () => fates.ripe(nowMs).map(({ id }) => id);
  return { fates, ripe, now: () => nowMs, advance: (ms: number) => (nowMs += ms) };
}

test('H9 a fate is ripe after its quiet time; one that is opened again waits anew', () => {
  const { fates, ripe, now, advance } = setUp();
  assert.equal(fates.nextAt(), Infinity);
  fates.open(first, 'moved');
  advance(QUIET.settleMs / 2);
  fates.open(second, 'moved');
  assert.equal(fates.nextAt(), 1000 + QUIET.settleMs);
  fates.open(first, 'moved');
  assert.equal(fates.nextAt(), now() + QUIET.settleMs);
  advance(QUIET.settleMs);
  assert.deepEqual(ripe().toSorted(), [first, second]);
  fates.settle(first);
  fates.postpone(second, true);
  assert.deepEqual(ripe(), []);
  assert.equal(fates.nextAt(), now() + QUIET.unknownMs);
  fates.settle(second);
  assert.deepEqual([fates.size, fates.nextAt()], [0, Infinity]);
});

test('H69 a deletion is under way while more vanishes, and for so long at most', () => {
  const { fates, now, advance } = setUp();
  const isUnderWay = () => fates.isDeletionUnderWay(now());
  fates.open(first, 'vanished');
  advance(QUIET.settleMs);
  assert.equal(isUnderWay(), false, 'nothing more vanishes');
  fates.open(second, 'vanished');
  assert.equal(isUnderWay(), true);
  fates.settle(second);
  assert.equal(isUnderWay(), false, 'what came back is not gone');
  fates.open(second, 'moved');
  assert.equal(isUnderWay(), false, 'a move is no deletion');
  for (let at = 0; at < QUIET.deletionMs; at += 100) {
    fates.open(second, 'vanished');
    assert.equal(isUnderWay(), true);
    advance(100);
  }
  fates.open(second, 'vanished');
  assert.equal(isUnderWay(), false, 'it has been held up long enough');
});
