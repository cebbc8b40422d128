import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { createSharedMemory, type Region } from './hash-memory.ts';
import { Ring } from './hash-ring.ts';

const never = new AbortController().signal;

test('G4 regions never overlap and never exceed the memory, whatever the order of taking and giving back', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 60 }), fc.nat(20))), (steps) => {
      const memory = createSharedMemory(100);
      const held: Region[] = [];
      for (const [takes, length, which] of steps) {
        if (!takes) held.splice(which % Math.max(1, held.length), 1)[0]?.[Symbol.dispose]();
        else {
          const region = memory.tryTake(length);
          if (region !== undefined) held.push(region);
        }
        const used = held.toSorted((a, b) => a.offset - b.offset);
        for (const [index, { offset, length: size }] of used.entries())
          assert.ok(offset + size <= (used[index + 1]?.offset ?? 100));
      }
    }),
  );
});

test('those who wait for memory get it in turn; one that is aborted does not keep the others', async () => {
  const memory = createSharedMemory(100);
  const first = await memory.take(80, never);
  const stop = new AbortController();
  const aborted = memory.take(90, stop.signal);
  const order: string[] = [];
  const second = memory.take(50, never).then((region) => (order.push('second'), region));
  const third = memory.take(50, never).then((region) => (order.push('third'), region));
  assert.equal(memory.tryTake(1), undefined);
  stop.abort(new Error('enough'));
  await assert.rejects(aborted, { message: 'enough' });
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  await Promise.all([second, third]);
  assert.deepEqual(order, ['second', 'third']);
  await assert.rejects(memory.take(101, never), RangeError);
});

test('pieces of a ring never overlap, and once all are back the whole of it can be taken', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 60 }), fc.nat(20))), (steps) => {
      const buffer = new SharedArrayBuffer(128);
      const ring = new Ring({ buffer, offset: 14, length: 100, [Symbol.dispose]: () => undefined });
      const held: { from: number; length: number }[] = [];
      for (const [takes, length, which] of steps) {
        if (takes) {
          const room = ring.take(length);
          if (room === undefined) continue;
          assert.equal(room.bytes.byteOffset, 14 + room.piece.from);
          held.push(room.piece);
        } else {
          const [piece] = held.splice(which % Math.max(1, held.length), 1);
          if (piece !== undefined) ring.giveBack(piece.from);
        }
        const used = held.toSorted((a, b) => a.from - b.from);
        for (const [index, piece] of used.entries())
          assert.ok(piece.from + piece.length <= (used[index + 1]?.from ?? 100));
      }
      for (const { from } of held) ring.giveBack(from);
      assert.ok(ring.take(100));
    }),
  );
});
