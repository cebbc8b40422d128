/** Sizes, kinds of files, names and permissions (hazards §1, §3, §4). */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { attributeOf, setAttribute, SOME_ACL } from '@satchel/client/ports/attributes.fixture.ts';
import { converge } from '../support/converge.ts';
import { conflictCopies, folder, viewOf } from '../support/folder.ts';
import { linkSpeed } from '../support/link-speed.ts';
import { seededRandom } from '../support/random.ts';
import { type Device } from '../support/satchel.ts';
import { until } from '../support/until.ts';
import { worldForFile } from '../support/world.ts';

// Whole trees are removed here: holding them back has tests of its own.
const world = await worldForFile({
  devices: ['ann', 'bob'],
  proxied: true,
  deviceEnv: { SATCHEL_GUARD_DELETES: 'off' },
  server: { env: { SATCHEL_GUARD_DELETES: 'off' } },
});
const [ann, bob] = [world.device(0), world.device(1)];
const [a, b] = [folder(ann.root), folder(bob.root)];

/** Peak resident memory of a daemon, MiB. */
function peakMemoryMiB(device: Device): number {
  const found = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${device.process().pid}/status`, 'utf8'));
  return Number(found?.[1]) / 1024;
}

async function untilProblem(device: Device, name: string): Promise<void> {
  await until(async () => (await device.status()).problems.some(({ path }) => path.includes(name)), {
    timeoutMs: 20_000,
    what: `${device.name} names a problem with ${name}`,
    everyMs: 200,
  });
}

test('H16 0 bytes, 1 byte and one around each chunk bound arrive whole', async () => {
  const random = seededRandom(16);
  const bounds = [4096, 128 << 10, 256 << 10, 1 << 20, 4 << 20];
  const sizes = [0, 1, ...bounds.flatMap((bound) => [bound - 1, bound, bound + 1])];
  for (const size of sizes) a.put(`sizes/${size}`, random.bytes(size));
  for (const size of [0, 1, 1 << 20, 9 << 20]) a.put(`zeros/${size}`, Buffer.alloc(size));
  await converge(world.devices);
});

test('H16 a sparse file of 2 GiB arrives, memory stays bounded', async () => {
  const fd = openSync(ann.path('sparse.bin'), 'w');
  ftruncateSync(fd, 2 ** 31);
  writeSync(fd, 'in the middle', 2 ** 30);
  closeSync(fd);
  await converge(world.devices, { timeoutSeconds: 120 });
  for (const device of world.devices)
    assert.ok(peakMemoryMiB(device) < 700, `${device.name} took ${peakMemoryMiB(device)} MiB`);
  a.rm('sparse.bin');
  await converge(world.devices);
});

test('H17 a FIFO and a socket are left out and never opened, hard links arrive as files', async () => {
  a.put('special/plain', 'plain');
  execFileSync('mkfifo', [ann.path('special/fifo')]);
  const listener = createServer().listen(ann.path('special/socket')).unref();
  linkSync(ann.path('special/plain'), ann.path('special/linked'));
  const skip = (path: string): boolean => /fifo|socket/.test(path);
  await converge(world.devices, { skip });
  assert.deepEqual(viewOf(bob.path('special')), { linked: 'plain', plain: 'plain' });
  b.put('special/linked', 'edited there');
  await converge(world.devices, { skip });
  assert.equal(a.read('special/plain'), 'plain', 'an edit from elsewhere does not write through a hard link');
  assert.ok(lstatSync(ann.path('special/fifo')).isFIFO());
  listener.close();
  a.rm('special');
  await converge(world.devices);
});

test('H45 one name in both forms of Unicode: no loop, no explosion', async () => {
  a.put('forms/\u00e9.txt', 'composed');
  await converge(world.devices);
  b.put('forms/e\u0301-alone.txt', 'decomposed on disk');
  await converge(world.devices);
  assert.equal(Object.values(viewOf(ann.path('forms'))).length, 2);
  a.put('forms/e\u0301.txt', 'the other form beside it');
  for (let i = 0; i < 3; i++) for (const device of world.devices) assert.ok([0, 11].includes(await device.wait(5)));
  assert.equal(a.read('forms/\u00e9.txt'), 'composed');
  assert.equal(a.read('forms/e\u0301.txt'), 'the other form beside it');
  assert.ok(Object.keys(viewOf(bob.path('forms'))).length <= 3, JSON.stringify(viewOf(bob.path('forms'))));
  a.rm('forms');
  await converge(world.devices);
});

test('H46 a name that is not UTF-8 is a named problem; everything else goes on', async () => {
  const bad = Buffer.concat([Buffer.from(`${ann.root}/bad-`), Buffer.from([0xff, 0xfe])]);
  writeFileSync(bad, 'unnamed');
  a.put('after-bad.txt', 'good');
  await until(() => b.has('after-bad.txt'), { timeoutMs: 20_000, what: 'the good name arrives' });
  await untilProblem(ann, 'bad-');
  assert.equal(readFileSync(bad, 'utf8'), 'unnamed');
  rmSync(bad);
  await converge(world.devices);
  assert.deepEqual((await ann.status()).problems, []);
});

test('H48 names of 255 bytes, also when a conflict suffix must fit in', async () => {
  const ascii = `${'n'.repeat(251)}.txt`;
  const wide = `${'日'.repeat(83)}.txt`.slice(0, 87);
  for (const name of [ascii, wide]) a.put(`long/${name}`, 'base');
  await converge(world.devices);
  await Promise.all([ann.stop(), bob.stop()]);
  for (const name of [ascii, wide]) {
    a.put(`long/${name}`, 'by ann');
    b.put(`long/${name}`, 'by bob');
  }
  await ann.start();
  await bob.start();
  await converge(world.devices);
  const view = viewOf(ann.path('long'));
  assert.equal(conflictCopies(view).length, 2, Object.keys(view).join('\n'));
  assert.deepEqual(Object.values(view).sort(), ['by ann', 'by ann', 'by bob', 'by bob']);
  for (const name of Object.keys(view))
    assert.ok(Buffer.byteLength(name) <= 255 && name.endsWith('.txt') && name.isWellFormed());
});

test('H48 a tree 200 folders deep arrives; one too deep is a problem of its own', async () => {
  const deep = Array.from({ length: 200 }, (_, i) => `d${i}`).join('/');
  a.put(`${deep}/bottom.txt`, 'deep down');
  await converge(world.devices);
  assert.equal(b.read(`${deep}/bottom.txt`), 'deep down');
  a.rm('d0');
  await converge(world.devices);
  const tooDeep = Array.from({ length: 300 }, (_, i) => `e${i}`).join('/');
  a.put(`${tooDeep}/bottom.txt`, 'too deep');
  a.put('beside-the-deep.txt', 'fine');
  await until(() => b.has('beside-the-deep.txt'), { timeoutMs: 20_000, what: 'the rest goes on' });
  assert.equal(a.read(`${tooDeep}/bottom.txt`), 'too deep');
  a.rm('e0');
  await converge(world.devices);
});

test('H51 links travel as links; no link is ever followed, also not by a deletion', async () => {
  const outside = world.scratch.join('outside');
  mkdirSync(outside);
  writeFileSync(join(outside, 'precious'), 'precious');
  a.put('links/target.txt', 'target');
  a.link('target.txt', 'links/inside');
  a.link('no-such-file', 'links/dangling');
  a.link('.', 'links/loop');
  a.link('..', 'links/up');
  a.link(outside, 'links/outside');
  await converge(world.devices, { skip: (path) => path.endsWith('/outside') });
  const view = viewOf(bob.path('links'));
  assert.equal(view['inside'], '-> target.txt');
  assert.equal(view['dangling'], '-> no-such-file');
  assert.equal(view['loop'], '-> .');
  assert.equal(Object.values(view).includes('precious'), false);
  a.rm('links');
  await converge(world.devices);
  assert.equal(readFileSync(join(outside, 'precious'), 'utf8'), 'precious');
});

test('H52 a folder swapped for a link during a download: nothing is written through the link', async () => {
  const victim = world.scratch.join('victim');
  mkdirSync(victim);
  a.put('swap/first.txt', 'first');
  await converge(world.devices);
  world.net(bob).limit({ down: linkSpeed(40_000_000) });
  world.net(bob).resetTraffic();
  const content = seededRandom(52).bytes(8 << 20);
  a.put('swap/second.bin', content);
  await until(() => world.net(bob).traffic().downBytes > 1 << 20, {
    timeoutMs: 20_000,
    what: 'the download has begun',
  });
  renameSync(bob.path('swap'), world.scratch.join('swapped-away'));
  symlinkSync(victim, bob.path('swap'));
  world.net(bob).limit({});
  assert.equal(await bob.wait(20), 0, 'a link out of the folder is nothing to wait for');
  assert.deepEqual(viewOf(victim), {});
  assert.equal(a.read('swap/first.txt'), 'first', 'what the link hides is not deleted elsewhere');
  // The link stays on its device for good; what it hides comes back once it is gone.
  b.rm('swap');
  const tree = await converge(world.devices);
  assert.ok(
    [...tree.values()].some((entry) => entry.kind === 'file' && entry.sizeBytes === content.length),
    'the new file lives',
  );
  assert.deepEqual(viewOf(victim), {});
});

test('H53 a folder that may not be written is reported and tried again; the rest goes on', async () => {
  a.put('closed/old.txt', 'old');
  await converge(world.devices);
  b.chmod('closed', 0o555);
  a.put('closed/new.txt', 'new');
  a.put('open.txt', 'open');
  await until(() => b.has('open.txt'), { timeoutMs: 20_000, what: 'the rest goes on' });
  await untilProblem(bob, 'closed');
  b.chmod('closed', 0o755);
  await converge(world.devices);
  assert.equal(b.read('closed/new.txt'), 'new');
});

test('H53 a read-only file is replaced by its new version and stays what it is elsewhere', async () => {
  a.put('readonly.txt', 'one');
  a.chmod('readonly.txt', 0o444);
  await converge(world.devices);
  a.chmod('readonly.txt', 0o644);
  a.put('readonly.txt', 'two');
  await converge(world.devices);
  assert.equal(b.read('readonly.txt'), 'two');
});

test('H55 attributes, access control list and permissions of a file stay when its content is replaced', async (t) => {
  a.put('attributes.txt', 'one');
  await converge(world.devices);
  const path = bob.path('attributes.txt');
  if (!setAttribute(path, 'user.color', Buffer.from('blue'))) return t.skip('this file system has no attributes');
  b.chmod('attributes.txt', 0o660);
  const hasAcl = setAttribute(path, 'system.posix_acl_access', SOME_ACL);
  await converge(world.devices);
  a.put('attributes.txt', 'two');
  await converge(world.devices);
  assert.equal(b.read('attributes.txt'), 'two');
  assert.equal(attributeOf(path, 'user.color')?.toString(), 'blue');
  assert.equal(statSync(path).mode & 0o777, 0o660);
  if (hasAcl) assert.deepEqual(attributeOf(path, 'system.posix_acl_access'), Buffer.from(SOME_ACL));
  assert.equal(attributeOf(ann.path('attributes.txt'), 'user.color'), undefined, 'they do not travel');
});

test('H12 H102 one unreadable file among a thousand is a named problem, never a deletion', async () => {
  for (let i = 0; i < 1000; i++) a.put(`thousand/${i}`, `content ${i}`);
  a.put('unreadable-later.txt', 'known to both');
  await converge(world.devices);
  a.put('thousand/17', 'changed but closed');
  a.chmod('thousand/17', 0o000);
  a.chmod('unreadable-later.txt', 0o000);
  for (let i = 500; i < 600; i++) a.put(`thousand/${i}`, `changed ${i}`);
  await until(() => b.read('thousand/599') === 'changed 599', { timeoutMs: 20_000, what: 'the rest goes on' });
  await untilProblem(ann, '17');
  assert.ok(existsSync(bob.path('thousand/17')) && existsSync(bob.path('unreadable-later.txt')));
  assert.notEqual(await ann.wait(2), 0, 'a device with an unsynced file does not claim to be in sync');
  a.chmod('thousand/17', 0o644);
  a.chmod('unreadable-later.txt', 0o644);
  await converge(world.devices);
  assert.equal(b.read('thousand/17'), 'changed but closed');
  assert.equal(statSync(bob.path('unreadable-later.txt')).size, 13);
});
