import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import type { ChunkId } from '@satchel/protocol/ids.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import type { ChunkRef, SpliceEdit } from '@satchel/protocol/objects.ts';
import * as fc from 'fast-check';
import type { Manifest } from './manifest.ts';
import { applySplice, spliceOf } from './splice.ts';

const chunk = (label: string | number, size = 1000): ChunkRef => ({ id: hash('sha256', `${label}`) as ChunkId, size });
const listOf = (count: number): ChunkRef[] => Array.from({ length: count }, (_, index) => chunk(index));

/** Few distinct chunks, so that repetitions, moves and runs are common. */
const lists: fc.Arbitrary<Manifest> = fc.array(
  fc.nat(7).map((label) => chunk(label)),
  { maxLength: 40 },
);

function cost(edits: readonly SpliceEdit[]): number {
  return edits.reduce((sum, edit) => sum + edit.insert.length, 0);
}

test('the edits between any two lists make the second of the first', () => {
  fc.assert(
    fc.property(lists, lists, (base, next) => {
      const edits = spliceOf(base, next);
      assert.deepEqual(applySplice(base, edits), { ok: true, value: next });
      for (const [index, edit] of edits.entries()) {
        assert(edit.remove > 0 || edit.insert.length > 0);
        const before = edits[index - 1];
        assert(before === undefined || before.at + before.remove < edit.at, 'edits are apart');
      }
    }),
    { numRuns: 2000 },
  );
});

test('equal lists need no edit', () => {
  assert.deepEqual(spliceOf(listOf(50), listOf(50)), []);
});

test('distant edits of a long list stay small and apart', () => {
  const base = listOf(10_000);
  const next = base.toSpliced(9000, 1, chunk('x'), chunk('y')).toSpliced(5000, 2).toSpliced(10, 0, chunk('z'));
  const edits = spliceOf(base, next);
  assert.deepEqual(
    edits.map(({ at, remove, insert }) => [at, remove, insert.length]),
    [
      [10, 0, 1],
      [5000, 2, 0],
      [9000, 1, 2],
    ],
  );
});

test('edits within a run of one repeated chunk stay small', () => {
  const base = [chunk('head'), ...Array.from({ length: 1000 }, () => chunk('zero')), chunk('tail')];
  const next = base.toSpliced(700, 1, chunk('b')).toSpliced(300, 1, chunk('a'));
  assert(cost(spliceOf(base, next)) <= 4, `${cost(spliceOf(base, next))} entries`);
});

test('a moved part costs at most its own length', () => {
  const base = listOf(1000);
  const next = [...base.slice(900), ...base.slice(0, 900)];
  assert.equal(cost(spliceOf(base, next)), 100);
});

test('a list of a 1 TiB file is compared in a moment', () => {
  const base = Array.from({ length: 300_000 }, (_, index) => ({
    id: index.toString(16).padStart(64, '0') as ChunkId,
    size: 1,
  }));
  const next = base.toReversed();
  const from = process.cpuUsage();
  spliceOf(base, next);
  assert(process.cpuUsage(from).user < 5_000_000);
});

test('hostile edits are refused with a reason', () => {
  const base = listOf(10);
  const reasonOf = (edits: readonly SpliceEdit[]): string => {
    const applied = applySplice(base, edits);
    return applied.ok ? 'none' : applied.fault.reason;
  };
  assert.equal(reasonOf([{ at: 10, remove: 0, insert: [] }]), 'none');
  assert.equal(reasonOf([{ at: -1, remove: 0, insert: [] }]), 'edit_invalid');
  assert.equal(reasonOf([{ at: 0.5, remove: 0, insert: [] }]), 'edit_invalid');
  assert.equal(reasonOf([{ at: 0, remove: Number.NaN, insert: [] }]), 'edit_invalid');
  assert.equal(reasonOf([{ at: 11, remove: 0, insert: [] }]), 'edit_out_of_range');
  assert.equal(reasonOf([{ at: 9, remove: 2, insert: [] }]), 'edit_out_of_range');
  assert.equal(
    reasonOf([
      { at: 5, remove: 2, insert: [] },
      { at: 6, remove: 0, insert: [] },
    ]),
    'edit_out_of_order',
  );
  assert.equal(reasonOf([{ at: 0, remove: 0, insert: [chunk('a', 0)] }]), 'chunk_size_invalid');
  assert.equal(reasonOf([{ at: 0, remove: 0, insert: [{ id: '../..' as ChunkId, size: 1 }] }]), 'chunk_id_invalid');
  const one = chunk('a', 1);
  const many = Array.from({ length: LIMITS.chunksPerFile }, () => one);
  assert.equal(reasonOf([{ at: 0, remove: 0, insert: many }]), 'too_many_chunks');
});

test('arbitrary edits never throw', () => {
  const edit = fc.record({
    at: fc.oneof(fc.nat(12), fc.double()),
    remove: fc.oneof(fc.nat(12), fc.double()),
    insert: lists,
  });
  fc.assert(
    fc.property(lists, fc.array(edit, { maxLength: 5 }), (base, edits) => {
      const applied = applySplice(base, edits as unknown as readonly SpliceEdit[]);
      assert(applied.ok || applied.fault.code === 'manifest_invalid');
    }),
    { numRuns: 1000 },
  );
});
