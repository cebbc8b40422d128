import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { pathBelowRoot } from './local-path.ts';

function setUp(t: TestContext) {
  const top = realpathSync(mkdtempSync(join(tmpdir(), 'satchel-path-')));
  t.after(() => rmSync(top, { recursive: true }));
  const root = join(top, 'drive');
  mkdirSync(join(root, 'folder'), { recursive: true });
  return { top, root };
}

test('a path is absolute, of the working directory where that leads into the folder, else of the folder', (t) => {
  const { top, root } = setUp(t);
  const inside = join(root, 'folder');
  assert.equal(pathBelowRoot(root, top, join(root, 'folder/x')), 'folder/x');
  assert.equal(pathBelowRoot(root, inside, 'x'), 'folder/x');
  assert.equal(pathBelowRoot(root, inside, '../x'), 'x');
  assert.equal(pathBelowRoot(root, top, 'drive/folder/x'), 'folder/x');
  assert.equal(pathBelowRoot(root, top, 'folder/x'), 'folder/x');
  assert.equal(pathBelowRoot(root, root, '.'), '');
  for (const outside of ['../../x', join(top, 'drive2/x'), '/etc/passwd'])
    assert.throws(() => pathBelowRoot(root, inside, outside), /does not lie in the synced folder/);
});

test('symlinks on the way to the folder are followed, its own last name is not', (t) => {
  const { top, root } = setUp(t);
  symlinkSync(root, join(top, 'link'));
  symlinkSync('/etc', join(root, 'away'));
  assert.equal(pathBelowRoot(root, top, join(top, 'link/folder/x')), 'folder/x');
  assert.equal(pathBelowRoot(root, top, join(top, 'link/new/er/x')), 'new/er/x');
  assert.equal(pathBelowRoot(root, top, 'link/x'), 'x');
  assert.equal(pathBelowRoot(root, top, join(top, 'link/away')), 'away');
});
