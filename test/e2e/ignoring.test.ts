/** Ignored things and first contact with folders that are not empty (hazards §5). */
import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { test } from 'node:test';
import { converge } from '../support/converge.ts';
import { conflictCopies, folder, viewOf } from '../support/folder.ts';
import { seededRandom } from '../support/random.ts';
import { assertSameTree, readTree } from '../support/tree.ts';
import { worldForFile } from '../support/world.ts';

const world = await worldForFile({ devices: ['ann', 'bob'], proxied: true });
const [ann, bob] = [world.device(0), world.device(1)];
const [a, b] = [folder(ann.root), folder(bob.root)];
const both = [ann, bob];

test('ignored things stay where they are, and ignore why says the rule', async () => {
  a.put('.satchelignore', 'node_modules/\n*.log\n');
  await converge(both);
  a.put('project/node_modules/dep/index.js', 'local only');
  a.put('project/debug.log', 'local only');
  a.put('project/main.ts', 'shared');
  const ignored = (path: string): boolean => /node_modules|\.log$/.test(path);
  await converge(both, { skip: ignored });
  assert.deepEqual(viewOf(bob.path('project')), { 'main.ts': 'shared' });
  const why = await ann.ok('ignore', 'why', 'project/debug.log');
  assert.match(why.stdout, /\*\.log/);
});

test('H72 an ignored thing inside a folder deleted elsewhere stays on this disk', async () => {
  b.rm('project');
  assert.equal(await bob.wait(), 0);
  assert.equal(await ann.wait(), 0);
  assert.equal(a.read('project/node_modules/dep/index.js'), 'local only');
  assert.equal(a.has('project/main.ts'), false);
  assert.equal(b.has('project'), false);
  a.rm('project');
  await converge(both);
});

test('H73 a rule that begins to cover a synced file deletes it nowhere; taken back, both sides merge', async () => {
  a.put('covered.tmpfile', 'one');
  a.put('other.txt', 'other');
  await converge(both);
  a.put('.satchelignore', 'node_modules/\n*.log\n*.tmpfile\n');
  await converge(both);
  assert.equal(b.read('covered.tmpfile'), 'one');
  assert.equal(a.read('covered.tmpfile'), 'one');
  a.put('covered.tmpfile', 'two, unseen by the other');
  assert.equal(await ann.wait(), 0);
  assert.equal(await bob.wait(), 0);
  assert.equal(b.read('covered.tmpfile'), 'one');
  a.put('.satchelignore', 'node_modules/\n*.log\n');
  await converge(both);
  const contents = Object.entries(viewOf(ann.root))
    .filter(([path]) => path.startsWith('covered'))
    .map(([, text]) => text);
  assert.ok(contents.includes('two, unseen by the other'), contents.join());
});

test('H73 a file removed while it is ignored is not removed elsewhere', async () => {
  a.put('kept.tmpfile', 'kept');
  await converge(both);
  a.put('.satchelignore', '*.tmpfile\n');
  await converge(both);
  a.rm('kept.tmpfile');
  assert.equal(await ann.wait(), 0);
  assert.equal(await bob.wait(), 0);
  assert.equal(b.read('kept.tmpfile'), 'kept');
  a.put('.satchelignore', '# nothing\n');
  await converge(both);
  assert.equal(b.read('kept.tmpfile'), 'kept');
});

test('H74 selective sync: an excluded folder leaves this disk only, and comes back', async () => {
  a.put('big/x', 'x');
  a.put('big/sub/y', 'y');
  await converge(both);
  await bob.ok('exclude', 'add', 'big');
  assert.equal(await bob.wait(), 0);
  assert.equal(b.has('big/x'), false);
  a.put('big/z', 'z');
  assert.equal(await ann.wait(), 0);
  assert.equal(await bob.wait(), 0);
  assert.equal(a.read('big/x'), 'x');
  await bob.ok('exclude', 'rm', 'big');
  await converge(both);
  assert.equal(b.read('big/z'), 'z');
});

test('H75 linking a full folder again sends no content, makes no copies and deletes nothing', async () => {
  const random = seededRandom(75);
  for (let i = 0; i < 200; i++) a.put(`again/${i}`, random.bytes(20_000));
  const tree = await converge(both);
  const root = world.scratch.join('carol');
  cpSync(ann.root, root, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
  rmSync(`${root}/.satchel`, { recursive: true });
  const carol = await world.addDevice('carol', { link: false, options: { root } });
  const dry = await carol.ok('link', '--dry-run', root);
  assert.ok(dry.stdout.length + dry.stderr.length > 0);
  assertSameTree(readTree(root), tree);
  await carol.link();
  await carol.start();
  await converge([...both, carol]);
  assertSameTree(readTree(ann.root), tree);
  assert.deepEqual(conflictCopies(viewOf(root)), []);
  const { upBytes, downBytes } = world.net(carol).traffic();
  assert.ok(upBytes < 1 << 20 && downBytes < 1 << 20, `${upBytes} up, ${downBytes} down for 4 MB that both had`);
  await carol.stop();
});

test('H75 linking a folder with other and older content keeps both where they differ', async () => {
  const root = world.scratch.join('dave');
  folder(root).put('again/0', 'something else');
  folder(root).put('only-dave.txt', 'only here');
  const dave = await world.addDevice('dave', { options: { root } });
  await converge([...both, dave]);
  assert.equal(a.read('only-dave.txt'), 'only here');
  assert.equal(conflictCopies(viewOf(ann.path('again'))).length, 1);
  await dave.stop();
});
