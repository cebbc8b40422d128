import assert from 'node:assert/strict';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isThere } from './durable-file.ts';

test('only what is absent counts as absent: what cannot be looked at is an error', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'satchel-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'file');
  await writeFile(file, 'x');
  await symlink('loop', join(folder, 'loop'));
  assert.equal(await isThere(file), true);
  assert.equal(await isThere(join(folder, 'nothing')), false);
  assert.equal(await isThere(join(file, 'below')), false);
  await assert.rejects(isThere(join(folder, 'loop')), { code: 'ELOOP' });
});
