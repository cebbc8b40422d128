/** Two devices, one folder: what a newcomer tries in the first five minutes, through the command line contract. */
import assert from 'node:assert/strict';
import { statSync, utimesSync } from 'node:fs';
import { test } from 'node:test';
import { converge } from '../support/converge.ts';
import { folder, viewOf } from '../support/folder.ts';
import { exitCode, satchelBin } from '../support/satchel.ts';
import { run } from '../support/child.ts';
import { readTree } from '../support/tree.ts';
import { until } from '../support/until.ts';
import { worldForFile } from '../support/world.ts';

const world = await worldForFile({ devices: ['ann', 'bob'] });
const [ann, bob] = [world.device(0), world.device(1)];
const [a, b] = [folder(ann.root), folder(bob.root)];

test('files, folders, empty ones and deep ones arrive, both ways', async () => {
  a.put('hello.txt', 'hello');
  a.put('empty.txt', '');
  a.mkdir('empty folder');
  a.put('one/two/three/four.txt', 'deep');
  b.put('from-b/x.txt', 'from b');
  const tree = await converge(world.devices);
  assert.deepEqual(
    [...tree.keys()],
    [
      'empty folder',
      'empty.txt',
      'from-b',
      'from-b/x.txt',
      'hello.txt',
      'one',
      'one/two',
      'one/two/three',
      'one/two/three/four.txt',
    ],
  );
});

test('an edit, a rename, a move, a folder rename and a deletion arrive', async () => {
  a.put('hello.txt', 'hello again');
  a.mv('empty.txt', 'renamed.txt');
  a.mv('one/two/three/four.txt', 'four.txt');
  a.mv('from-b', 'to-b');
  a.rm('empty folder');
  await converge(world.devices);
  assert.deepEqual(viewOf(bob.root), {
    'four.txt': 'deep',
    'hello.txt': 'hello again',
    'one/': 'folder',
    'one/two/': 'folder',
    'one/two/three/': 'folder',
    'renamed.txt': '',
    'to-b/': 'folder',
    'to-b/x.txt': 'from b',
  });
});

test('H53 the exec bit alone arrives and goes again', async () => {
  a.put('tool.sh', '#!/bin/sh\n');
  await converge(world.devices);
  a.chmod('tool.sh', 0o755);
  await converge(world.devices);
  assert.equal(statSync(bob.path('tool.sh')).mode & 0o111, 0o111 & ~process.umask());
  b.chmod('tool.sh', 0o644);
  await converge(world.devices);
  assert.equal(statSync(ann.path('tool.sh')).mode & 0o111, 0);
});

test('modification times arrive to the millisecond, H5 odd ones do no harm', async () => {
  const times = [0, -1, 2 ** 31, 2 ** 32, 1_700_000_000.123, 40_000_000_000];
  times.forEach((seconds, i) => {
    a.put(`times/${i}`, `time ${i}`);
    utimesSync(ann.path(`times/${i}`), seconds, seconds);
  });
  await converge(world.devices);
  assert.equal(Math.round(statSync(bob.path('times/4')).mtimeMs), 1_700_000_000_123);
});

test('H50 names in many scripts arrive', async () => {
  const names = [
    'Müller',
    '日本語',
    '🚀 emoji 👩‍👩‍👧',
    'עברית',
    'ﬁ ligature',
    'İstanbul ıi',
    'it\'s "quoted" & $HOME `x` *?[',
    ' leading space',
    '-dash',
    'new\nline',
    '𝒳 astral',
  ];
  for (const name of names) a.put(`names/${name}`, name);
  await converge(world.devices);
  assert.deepEqual(Object.values(viewOf(bob.path('names'))).sort(), [...names].sort());
});

test('H103 wait and status are true: when wait says 0 on both, what was written before is there, at once', async () => {
  for (let i = 0; i < 10; i++) {
    const [from, to] = i % 2 === 0 ? [ann, bob] : [bob, ann];
    folder(from.root).put(`truth/${i}`, `truth ${i}`);
    assert.equal(await from.wait(30), exitCode.done);
    assert.equal(await to.wait(30), exitCode.done);
    assert.equal(folder(to.root).has(`truth/${i}`), true, `round ${i}: wait answered 0 too early`);
    assert.equal((await to.status()).state, 'synced');
  }
});

test('status --json has what the contract promises', async () => {
  await converge(world.devices);
  const status = await ann.status();
  assert.equal(status.state, 'synced');
  assert.equal(status.root, ann.root);
  assert.equal(status.scanned, true);
  assert.deepEqual(status.problems, []);
  assert.equal(status.conflicts, 0);
  assert.equal(status.held, null);
  assert.deepEqual(
    [status.pending.uploads, status.pending.downloads, status.pending.bytesUp, status.pending.bytesDown],
    [0, 0, 0, 0],
  );
  for (const field of ['server', 'account', 'device', 'lastSyncAt']) assert.ok(field in status, field);
});

test('a pause outlives a restart; resume brings what was held back', async () => {
  await ann.ok('pause');
  assert.equal((await ann.status()).state, 'paused');
  await ann.stop();
  await ann.start();
  assert.equal((await ann.status()).state, 'paused');
  a.put('while-paused', 'x');
  assert.equal((await ann.cli(['wait', '--timeout', '1'])).code, exitCode.notInSync);
  assert.equal(await bob.wait(), exitCode.done);
  assert.equal(b.has('while-paused'), false);
  await ann.ok('resume');
  await converge(world.devices);
  assert.equal(b.read('while-paused'), 'x');
});

test('H42 a second daemon for the same home, and a second device on the same folder, are refused', async () => {
  const second = await ann.cli(['start', '--foreground'], { timeoutMs: 20_000 });
  assert.notEqual(second.code, 0);
  const intruder = await world.addDevice('intruder', { link: false });
  const refused = await intruder.cli(['link', ann.root]);
  assert.notEqual(refused.code, 0, 'linking a folder that another device syncs');
  await converge([ann, bob]);
});

test('commands say by their exit codes what is the matter', async () => {
  const lost = await run([satchelBin, 'frobnicate'], { env: process.env });
  assert.equal(lost.code, exitCode.usage);
  assert.equal((await ann.cli(['cat', 'no/such/file'])).code, exitCode.notFound);
  await ann.stop();
  assert.equal((await ann.cli(['status', '--json'])).code, exitCode.notRunning);
  await ann.start();
});

test('start and stop without --foreground leave and end a daemon', async () => {
  await ann.stop();
  await ann.ok('start');
  await until(async () => (await ann.cli(['status', '--json'])).code === 0, {
    timeoutMs: 20_000,
    what: 'the daemon answers',
  });
  a.put('by-background-daemon', 'x');
  await converge([ann, bob]);
  await ann.ok('stop');
  assert.equal((await ann.cli(['status', '--json'])).code, exitCode.notRunning);
  await ann.start();
});

test('remote commands see and change the same drive', async () => {
  assert.equal((await ann.ok('cat', 'hello.txt')).stdout, 'hello again');
  const put = await ann.cli(['put', '-', 'piped.txt'], { input: 'from a pipe' });
  assert.equal(put.code, 0, put.stderr);
  await ann.ok('mkdir', 'made');
  await ann.ok('mv', 'piped.txt', 'made/piped.txt');
  await ann.ok('cp', 'made/piped.txt', 'made/copy.txt');
  await ann.ok('rm', 'four.txt');
  await converge(world.devices.slice(0, 2));
  assert.deepEqual(viewOf(bob.path('made')), { 'copy.txt': 'from a pipe', 'piped.txt': 'from a pipe' });
  assert.equal(b.has('four.txt'), false);
  await bob.ok('get', 'made/copy.txt', world.scratch.join('got.txt'));
  assert.equal(folder(world.scratch.path).read('got.txt'), 'from a pipe');
});

test('SIGTERM ends daemon and server within ten seconds, and nothing of it is lost', async () => {
  const before = readTree(ann.root).size;
  const begin = performance.now();
  await ann.stop('SIGTERM');
  await world.server.stop('SIGTERM');
  assert.ok(performance.now() - begin < 20_000);
  await world.server.start();
  await ann.start();
  assert.equal((await converge([ann, bob])).size, before);
});
