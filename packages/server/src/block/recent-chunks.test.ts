import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChunkId } from '@satchel/protocol/ids.ts';
import type { Content } from './content.ts';
import { createRecentChunks } from './recent-chunks.ts';

const id = (name: string): ChunkId => name as ChunkId;
const content = (bytes: number): Content => ({ encoding: 'raw', parts: [new Uint8Array(bytes).fill(7)] });
const isWhole = ({ parts }: Content, bytes: number): boolean => parts[0]?.length === bytes && parts[0][bytes - 1] === 7;

test('a content that makes room is given back once nobody holds it, and not before', () => {
  const recent = createRecentChunks(1000);
  const first = content(250);
  const setting = new DisposableStack();
  recent.set(id('a'), first, setting);
  setting.dispose();
  assert.ok(isWhole(first, 250));
  const [one, two] = [new DisposableStack(), new DisposableStack()];
  assert.equal(recent.get(id('a'), one)?.parts[0], first.parts[0]);
  recent.get(id('a'), two);
  for (const name of ['b', 'c', 'd', 'e']) recent.set(id(name), content(250), new DisposableStack());
  assert.equal(recent.get(id('a'), new DisposableStack()), undefined);
  one.dispose();
  assert.ok(isWhole(first, 250));
  two.dispose();
  assert.equal(first.parts[0]?.length, 0);
});

test('a content set anew leaves the older one to those who hold it', () => {
  const recent = createRecentChunks(1000);
  const [older, newer] = [content(100), content(100)];
  const holding = new DisposableStack();
  recent.set(id('a'), older, holding);
  recent.set(id('a'), newer, new DisposableStack());
  assert.ok(isWhole(older, 100));
  holding.dispose();
  assert.equal(older.parts[0]?.length, 0);
  assert.equal(recent.get(id('a'), new DisposableStack())?.parts[0], newer.parts[0]);
});

test('a content that is too long to be kept is whole while it is used; a view is kept as a copy', () => {
  const recent = createRecentChunks(1000);
  const long = content(600);
  const using = new DisposableStack();
  recent.set(id('long'), long, using);
  assert.equal(recent.get(id('long'), new DisposableStack()), undefined);
  assert.ok(isWhole(long, 600));
  using.dispose();
  assert.equal(long.parts[0]?.length, 0);

  const slab = new Uint8Array(500).fill(7);
  recent.set(id('view'), { encoding: 'raw', parts: [slab.subarray(100, 200)] }, new DisposableStack());
  slab.fill(0);
  const kept = recent.get(id('view'), new DisposableStack());
  assert.ok(kept !== undefined && isWhole(kept, 100));
});
