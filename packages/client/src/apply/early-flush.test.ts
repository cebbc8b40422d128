import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EarlyFlush } from './early-flush.ts';

const MIB = 1024 * 1024;

test('a long file is flushed in pieces, one flush at a time', async () => {
  const flushes: PromiseWithResolvers<void>[] = [];
  const early = new EarlyFlush(() => {
    const flush = Promise.withResolvers<void>();
    flushes.push(flush);
    return flush.promise;
  });
  early.wrote(31 * MIB);
  assert.equal(flushes.length, 0);
  early.wrote(MIB);
  early.wrote(100 * MIB);
  assert.equal(flushes.length, 1);
  const ended = early.end();
  flushes[0]?.resolve();
  await ended;
  early.wrote(1);
  assert.equal(flushes.length, 2);
  flushes[1]?.resolve();
  await early.end();
});

test('H84 a failed flush is told at the end, although later ones succeed', async () => {
  const failure = new Error('EIO');
  let isFirst = true;
  const early = new EarlyFlush(async () => {
    if (!isFirst) return;
    isFirst = false;
    throw failure;
  });
  early.wrote(32 * MIB);
  await assert.rejects(early.end(), failure);
  early.wrote(32 * MIB);
  await assert.rejects(early.end(), failure);
});
