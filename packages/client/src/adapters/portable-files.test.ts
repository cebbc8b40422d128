import assert from 'node:assert/strict';
import { lstatSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { renameWithoutFlag } from './portable-files.ts';

test('C4 H14 what is made at the old name of a file while it is renamed stays', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'satchel-portable-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const [from, to, aside] = ['from', 'to', 'aside'].map((name) => join(folder, name)) as [string, string, string];
  writeFileSync(from, 'old');
  const { ino } = lstatSync(from);
  const { link } = promises;
  t.mock.method(promises, 'link', async (...args: Parameters<typeof link>) => {
    await link(...args);
    renameSync(from, aside);
    writeFileSync(from, 'new');
  });
  syncBuiltinESMExports();
  t.after(() => {
    t.mock.restoreAll();
    syncBuiltinESMExports();
  });
  assert.equal(await renameWithoutFlag(from, to), 'renamed');
  assert.deepEqual([readFileSync(from, 'utf8'), lstatSync(to).ino, lstatSync(aside).ino], ['new', ino, ino]);
});
