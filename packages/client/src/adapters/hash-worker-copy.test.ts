import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { chunkIdOf } from '../transfer/testing/memory-server.ts';
import { copyLocal } from './hash-worker-copy.ts';

test('a chunk that lies where it is wanted is verified, and written only to its other places', async (t) => {
  const root = fs.mkdtempSync(join(tmpdir(), 'satchel-copy-'));
  t.after(() => fs.rmSync(root, { recursive: true }));
  const bytes = randomBytes(300_000);
  const here = join(root, 'here');
  const there = join(root, 'there');
  fs.writeFileSync(here, bytes);
  fs.utimesSync(here, 1, 1);
  const from = { path: here, offset: 100_000 };
  const whole = { id: chunkIdOf(bytes.subarray(100_000)), size: 200_000, from };
  const targets = [from, { path: there, offset: 0 }];
  const other = { id: chunkIdOf(randomBytes(10)), size: 100_000, from: { path: here, offset: 0 } };
  const copies = [
    { ...whole, targets },
    { ...other, targets: [other.from] },
  ];
  assert.deepEqual(await copyLocal(copies, () => false), [0]);
  assert.ok(fs.readFileSync(there).equals(bytes.subarray(100_000)));
  assert.equal(fs.statSync(here).mtimeMs, 1000);
});
