/** Shared folders between two accounts (S7, S8, H37, H54, H98), each member with a device of their own. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { converge } from '../support/converge.ts';
import { folder, viewOf, type View } from '../support/folder.ts';
import { sha256 } from '../support/random.ts';
import { exitCode, newAccount, type Device } from '../support/satchel.ts';
import { contents, readTree } from '../support/tree.ts';
import { until } from '../support/until.ts';
import { worldForFile } from '../support/world.ts';

const world = await worldForFile({ devices: ['ann'], keepAfterFailure: true });
const ann = world.device(0);
const friend = newAccount(world.scratch.path, 'bob');
const bob = await world.addDevice('bob', { account: friend });
const [a, b] = [folder(ann.root), folder(bob.root)];

/** Both wait until the shared folder looks the same on both, wherever it lies. */
async function untilSame(onAnn: string, onBob: string): Promise<View> {
  await until(
    async () => {
      await Promise.all([ann.wait(20), bob.wait(20)]);
      const [left, right] = [viewOf(ann.path(onAnn)), viewOf(bob.path(onBob))];
      return existsSync(bob.path(onBob)) && JSON.stringify(left) === JSON.stringify(right);
    },
    {
      timeoutMs: 60_000,
      what: () =>
        `both see the same: ${JSON.stringify(viewOf(ann.path(onAnn)))} and ${JSON.stringify(viewOf(bob.path(onBob)))}`,
      everyMs: 100,
    },
  );
  return viewOf(ann.path(onAnn));
}

async function notInSync(device: Device): Promise<void> {
  assert.notEqual(
    await device.wait(3),
    exitCode.done,
    `${device.name} has work that cannot go up and must not claim to be in sync`,
  );
}

test('a folder shared with an editor appears at the top of their drive, and both edit it', async () => {
  a.put('work/plans/plan.txt', 'plan by ann');
  a.put('work/private.txt', 'not shared');
  assert.equal(await ann.wait(), 0);
  await ann.ok('share', 'add', 'work/plans', friend.email, '--role', 'editor');
  await untilSame('work/plans', 'plans');
  b.put('plans/from-bob.txt', 'bob was here');
  b.put('plans/plan.txt', 'plan by both');
  assert.deepEqual(await untilSame('work/plans', 'plans'), {
    'from-bob.txt': 'bob was here',
    'plan.txt': 'plan by both',
  });
  assert.equal(b.has('private.txt'), false);
  assert.match((await bob.ok('share', 'ls', '--json')).stdout, /plans/);
});

test('a member places and renames the mount for themselves alone', async () => {
  b.mkdir('mine');
  b.mv('plans', 'mine/our plans');
  await untilSame('work/plans', 'mine/our plans');
  a.put('work/plans/after-move.txt', 'x');
  await untilSame('work/plans', 'mine/our plans');
  assert.ok(existsSync(ann.path('work/plans')));
});

test('H37 files moved into and out of the shared folder are one copy each, in their new place', async () => {
  a.put('to-share/x', 'moved in by ann');
  assert.equal(await ann.wait(), 0);
  a.mv('to-share', 'work/plans/from-ann');
  await untilSame('work/plans', 'mine/our plans');
  assert.equal(b.read('mine/our plans/from-ann/x'), 'moved in by ann');
  b.mv('mine/our plans/from-ann/x', 'taken out.txt');
  await untilSame('work/plans', 'mine/our plans');
  assert.equal(b.read('taken out.txt'), 'moved in by ann');
  assert.equal(a.has('work/plans/from-ann/x'), false);
  assert.equal(a.has('to-share'), false);
});

test('H54 what a viewer changes goes nowhere and is kept', async () => {
  await ann.ok('share', 'set', 'work/plans', friend.email, '--role', 'viewer');
  await untilSame('work/plans', 'mine/our plans');
  b.put('mine/our plans/plan.txt', 'a viewer writes');
  await notInSync(bob);
  const { findings } = JSON.parse((await bob.ok('doctor', '--json')).stdout) as { findings: unknown[] };
  assert.deepEqual(findings, [], 'what the status tells of is no finding, and nothing is said to be mended');
  assert.equal(await ann.wait(), 0);
  assert.equal(a.read('work/plans/plan.txt'), 'plan by both');
  assert.ok(contents(readTree(bob.root, { withOwnFolder: true })).includes(sha256('a viewer writes')));
  await ann.ok('share', 'set', 'work/plans', friend.email, '--role', 'editor');
  await until(
    async () => {
      await Promise.all([ann.wait(10), bob.wait(10)]);
      return contents(readTree(ann.root)).includes(sha256('a viewer writes'));
    },
    { timeoutMs: 60_000, what: 'an editor again: the change arrives', everyMs: 200 },
  );
});

test('H98 removed while having unsent work: nothing of it is lost, the owner keeps all', async () => {
  await untilSame('work/plans', 'mine/our plans');
  const before = viewOf(ann.path('work/plans'));
  await bob.stop();
  b.put('mine/our plans/unsent.txt', 'written offline');
  await ann.ok('share', 'rm', 'work/plans', friend.email);
  await bob.start();
  assert.equal(await bob.wait(20), exitCode.notInSync);
  assert.equal((await bob.status()).state, 'error', 'it says so instead of going on for ever');
  assert.ok(contents(readTree(bob.root, { withOwnFolder: true })).includes(sha256('written offline')));
  assert.deepEqual(viewOf(ann.path('work/plans')), before);
  assert.equal((await bob.cli(['ls', 'mine/our plans', '--json'])).stdout.includes('plan.txt'), false);
  b.mv('mine/our plans', 'mine/my own');
  assert.equal(await bob.wait(20), 0, 'moving it, as the message says, makes it their own');
  assert.equal((await bob.ok('cat', 'mine/my own/unsent.txt')).stdout, 'written offline');
});

test('P10 a folder of their own that is not sent yet stays their own when a share appears at its name', async () => {
  a.put('holiday/plan.txt', 'for both');
  assert.equal(await ann.wait(), 0);
  await bob.stop();
  b.put('holiday/diary.txt', 'for nobody else');
  await ann.ok('share', 'add', 'holiday', friend.email, '--role', 'editor');
  await bob.start();
  assert.deepEqual(await untilSame('holiday', 'holiday'), { 'plan.txt': 'for both' });
  const own = Object.keys(viewOf(bob.root)).find((path) => path.endsWith('/diary.txt')) ?? '';
  assert.match(own, /^holiday \(conflicted copy/);
  assert.equal((await bob.ok('cat', own)).stdout, 'for nobody else', 'and it is in sync');
});

test('H37 moves of a device that has not heard of the sharing cross the new border', async () => {
  const other = await world.addDevice('ann-laptop');
  const o = folder(other.root);
  a.put('desk/out', 'moved out');
  a.put('desk/stays', 'stays');
  a.put('in', 'moved in');
  await converge([ann, other]);
  await other.stop();
  o.mv('desk/out', 'out');
  o.mv('in', 'desk/in');
  await ann.ok('share', 'add', 'desk', friend.email);
  await other.start();
  assert.equal(await other.wait(30), 0);
  assert.deepEqual(await untilSame('desk', 'desk'), { in: 'moved in', stays: 'stays' });
  await converge([ann, other]);
  assert.equal(a.read('out'), 'moved out');
});

test('sharing with nobody, by a stranger, or of what is not there is refused by its code', async () => {
  assert.equal((await ann.cli(['share', 'add', 'no/such/folder', friend.email])).code, exitCode.notFound);
  assert.notEqual((await bob.cli(['share', 'add', 'work/plans', 'x@example.test'])).code, 0);
  await converge([ann]);
});
