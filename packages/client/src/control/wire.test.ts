import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createLineReader, MOST_LINE_BYTES } from './wire.ts';

/** Memory of buffers that something still refers to. */
function heldBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  // Memory of buffers is swept by another thread, which each collection waits for first.
  collect();
  return process.memoryUsage().arrayBuffers;
}

test('a line that comes in pieces of a byte holds its own length of memory and not a buffer per piece', () => {
  const lines: string[] = [];
  const read = createLineReader((line) => void lines.push(line));
  const before = heldBytes();
  // As a socket gives them: a small view of a large slab.
  for (let count = 0; count < 2000; count++) read(Buffer.alloc(65_536, 0x61).subarray(0, 1));
  assert.ok(heldBytes() - before < 1024 * 1024);
  read(Buffer.from('b\nc'));
  assert.deepEqual(lines, [`${'a'.repeat(2000)}b`]);
  read(Buffer.from('\n\n'));
  assert.deepEqual(lines.slice(1), ['c', '']);
});

test('a line may be as long as the limit and not longer, in one piece or in many', () => {
  const lines: string[] = [];
  const read = createLineReader((line) => void lines.push(line));
  read(Buffer.alloc(MOST_LINE_BYTES, 0x61));
  read(Buffer.from('\n'));
  assert.equal(lines[0]?.length, MOST_LINE_BYTES);
  assert.throws(() => read(Buffer.alloc(MOST_LINE_BYTES + 1, 0x61)), RangeError);
});
