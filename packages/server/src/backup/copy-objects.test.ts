import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CodedError } from '@satchel/protocol/errors.ts';
import type { BlockKey, BlockStore } from '../ports/block-store.ts';
import { copyObjects } from './copy-objects.ts';
import { sha256Of } from './durable-file.ts';

const key = (name: string): BlockKey => `chunks/00/${name}` as BlockKey;

/** @param unreadable names of objects of which the disk has lost some */
function storeOf(objects: Readonly<Record<string, string>>, unreadable: readonly string[] = []) {
  const held = new Map(Object.entries(objects).map(([name, text]) => [key(name), Buffer.from(text)]));
  const lost = new Set(unreadable.map(key));
  const store: Pick<BlockStore, 'put' | 'get' | 'size'> = {
    put: async (at, parts) => void (held.set(at, Buffer.concat(parts)), lost.delete(at)),
    get: async (at) => {
      if (lost.has(at)) throw new CodedError('chunk_damaged', 'a bad sector');
      return held.get(at);
    },
    size: async (at) => held.get(at)?.length,
  };
  return { store: store as BlockStore, textOf: (name: string) => held.get(key(name))?.toString() };
}

test('H93 what the server cannot read is told of, and all else is copied; what the backup cannot read is copied anew', async () => {
  const names = ['bad', 'fine', 'lost', 'rotten'];
  const source = storeOf({ bad: 'b4d', fine: 'fine', rotten: 'whole' }, ['bad']);
  const target = storeOf({ lost: 'only here', rotten: 'whole' }, ['rotten']);
  const listed = new Map<string, string>();
  const report = await copyObjects(
    {
      source: source.store,
      target: target.store,
      list: {
        add: async ({ key: at, sha256 }) => void listed.set(at, sha256),
        finish: async () => undefined,
        [Symbol.asyncDispose]: async () => undefined,
      },
      earlier: async () => undefined,
    },
    (async function* () {
      yield* names.map(key);
    })(),
  );
  assert.deepEqual(report.missing, [key('bad')]);
  assert.deepEqual(report.lost, [key('lost')]);
  assert.deepEqual([target.textOf('fine'), target.textOf('lost'), report.copied], ['fine', 'only here', 2]);
  const expected = { fine: 'fine', lost: 'only here', rotten: 'whole' };
  assert.deepEqual(
    listed,
    new Map(Object.entries(expected).map(([name, text]) => [key(name), sha256Of(Buffer.from(text))])),
  );
});
