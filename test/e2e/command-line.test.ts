/** The command line as scripts see it: JSON that fits its schemas, exit codes, transfers that go on where they were cut. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readdirSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ErrorOutput, OUTPUTS, STREAMS } from '@satchel/client/cli/output-schemas.ts';
import { allInSync } from '../support/converge.ts';
import { leash, run, startChild } from '../support/child.ts';
import { folder } from '../support/folder.ts';
import { linkSpeed } from '../support/link-speed.ts';
import { seededRandom } from '../support/random.ts';
import { exitCode, newAccount, satchelBin } from '../support/satchel.ts';
import { until } from '../support/until.ts';
import { worldForFile } from '../support/world.ts';

const mib = 1 << 20;
const world = await worldForFile({ devices: ['ann'], proxied: true, keepAfterFailure: true });
const ann = world.device(0);
const a = folder(ann.root);
const scratch = folder(world.scratch.join('work'));
mkdirSync(scratch.root);

/** Runs a command with --json and checks each line against the published schema, unknown fields included. */
async function json(name: string, ...args: readonly string[]): Promise<readonly Record<string, unknown>[]> {
  const { stdout } = await ann.ok(...name.split(' '), ...args, '--json');
  const schema = OUTPUTS[name];
  assert.ok(schema, name);
  const lines = stdout.split('\n').filter(Boolean);
  if (!STREAMS.has(name)) assert.equal(lines.length, 1, `${name} prints one object`);
  return lines.map((line) => {
    const value: unknown = JSON.parse(line);
    assert.deepEqual(schema.parse(value), value, `${name} prints what its schema knows`);
    return value as Record<string, unknown>;
  });
}

async function one(name: string, ...args: readonly string[]): Promise<Record<string, unknown>> {
  const [first] = await json(name, ...args);
  assert.ok(first, `${name} printed nothing`);
  return first;
}

test('--json of the daemon commands is what the schemas say', async () => {
  a.put('note.txt', 'note');
  a.put('skipped.part', 'x');
  await json('wait');
  assert.equal((await one('status', 'note.txt'))['state'], 'synced');
  await json('activity');
  await json('held ls');
  await json('held accept');
  await json('held undo');
  await json('conflicts ls');
  await json('doctor');
  await json('sync now');
  assert.equal((await one('ignore why', 'skipped.part'))['ignored'], true);
  assert.equal((await one('ignore why', 'note.txt'))['ignored'], false);
  await json('exclude ls');
  await json('pause', '--for', '1h');
  assert.equal((await one('status'))['state'], 'paused');
  await json('resume');
  assert.equal((await one('start'))['alreadyRunning'], true);
  await json('limit', '--up', '50M');
  assert.deepEqual(await one('limit', '--up', 'off'), { up: 'off', down: 'off' });
  await json('config ls');
  assert.deepEqual(await one('config set', 'trash.days', '3'), { name: 'trash.days', value: 3, from: 'config' });
  assert.deepEqual(await one('config get', 'trash.days'), { name: 'trash.days', value: 3, from: 'config' });
  await json('config set', 'trash.days', 'default');
  await json('completion', 'zsh');
  await json('version');
});

test('--json of the drive and account commands is what the schemas say', async () => {
  const account = newAccount(world.scratch.path, 'guest');
  const guest = await world.addDevice('guest', { account, link: false });
  await json('whoami');
  await json('plan ls');
  await json('device ls');
  writeFileSync(scratch.path('local.txt'), 'local');
  await json('mkdir', 'drive/inner', '-p');
  await json('put', scratch.path('local.txt'), 'drive/');
  await json('cp', 'drive/local.txt', 'drive/inner/copy.txt');
  await json('mv', 'drive/inner/copy.txt', 'drive/moved.txt');
  await json('ls', 'drive');
  await json('tree');
  assert.equal((await one('stat', 'drive/moved.txt'))['size'], 5);
  await json('get', 'drive/moved.txt', scratch.path('moved.txt'));
  await json('share add', 'drive', account.email, '--role', 'editor');
  await json('share ls');
  const sharedIn = async (path: string) => ((await one('share ls', path))['shares'] as readonly unknown[]).length;
  assert.deepEqual([await sharedIn('drive'), await sharedIn('drive/inner')], [1, 0]);
  await json('share set', 'drive', account.email);
  assert.equal((await guest.ok('cat', 'drive/local.txt')).stdout, 'local');
  assert.equal((await guest.cli(['rm', 'drive/local.txt'])).code, exitCode.permission);
  await json('share transfer', 'drive', account.email);
  await json('share leave', 'drive');
  await json('rm', 'note.txt');
  assert.equal((await ann.cli(['ls', 'drive'])).code, exitCode.notFound);
});

test('errors are one object on stderr with --json, and say by their exit codes what is the matter', async () => {
  const cases: readonly (readonly [readonly string[], number, string])[] = [
    [['cat', 'no/such/file'], exitCode.notFound, 'not_found'],
    [['frobnicate'], exitCode.usage, 'usage'],
    [['wait', '--timeout', 'soon'], exitCode.usage, 'usage'],
    [['mkdir', 'drive/../x'], exitCode.usage, 'usage'],
    [['cat', `n${'a'.repeat(300)}`], exitCode.usage, 'name_invalid'],
    [['config', 'set', 'guard.deletes', 'few'], exitCode.usage, 'usage'],
    [['conflicts', 'resolve', 'none.txt', '--keep', 'both'], exitCode.notFound, 'not_found'],
    [['put', '/no/such/file'], exitCode.notFound, 'enoent'],
    [
      ['login', '--password-file', world.account.passwordFile, '--email', 'other@example.test'],
      exitCode.conflict,
      'linked',
    ],
    [['link', join(world.scratch.path, 'elsewhere')], exitCode.conflict, 'linked'],
    [['link', ann.path('inside')], exitCode.conflict, 'root_nested'],
  ];
  for (const [args, code, name] of cases) {
    const result = await ann.cli([...args, '--json']);
    assert.equal(result.code, code, args.join(' '));
    assert.equal(result.stdout, '', args.join(' '));
    const { error } = ErrorOutput.parse(JSON.parse(result.stderr));
    assert.equal(error.code, name, args.join(' '));
  }
  const wrong = scratch.path('wrong.password');
  writeFileSync(wrong, 'not the password\n');
  assert.equal((await ann.cli(['login', '--password-file', wrong])).code, exitCode.signIn);
  const away = ['signup', '--server', 'http://127.0.0.1:1', '--email', world.account.email];
  const lost = await run([satchelBin, ...away, '--password-file', wrong], {
    env: { PATH: process.env['PATH'], SATCHEL_HOME: scratch.path('lost') },
  });
  assert.equal(lost.code, exitCode.tryAgain);
  assert.equal((await ann.cli(['login'])).code, exitCode.usage, 'nobody can be asked for the password');
});

test('put and get carry a folder: empty ones, symlinks, exec bits, times and odd names', async () => {
  const from = folder(scratch.path('tree'));
  for (let i = 0; i < 700; i++) from.put(`many/${i}.txt`, `content ${i}`);
  from.mkdir('empty');
  from.put('tool.sh', '#!/bin/sh\n');
  from.chmod('tool.sh', 0o755);
  from.put('ünï 名 "x"\n.txt', 'odd');
  from.put('large.bin', seededRandom(5).bytes(9 * mib));
  symlinkSync('tool.sh', from.path('link'));
  utimesSync(from.path('tool.sh'), 1_700_000_000.123, 1_700_000_000.123);
  await ann.ok('put', from.root, 'uploaded');
  await ann.ok('get', 'uploaded', scratch.path('back'));
  const back = folder(scratch.path('back'));
  assert.deepEqual(
    readdirSync(back.root, { recursive: true }).sort(),
    readdirSync(from.root, { recursive: true }).sort(),
  );
  for (const path of ['many/699.txt', 'ünï 名 "x"\n.txt']) assert.equal(back.read(path), from.read(path));
  assert.ok(readFileSync(back.path('large.bin')).equals(readFileSync(from.path('large.bin'))));
  assert.equal(statSync(back.path('tool.sh')).mode & 0o111, 0o111);
  assert.equal(Math.round(statSync(back.path('tool.sh')).mtimeMs), 1_700_000_000_123);
});

test('get replaces nothing unless told to, and leaves no part behind', async () => {
  scratch.put('mine.txt', 'mine');
  scratch.put('theirs.txt', 'theirs');
  scratch.put('mine.txt.part', 'of another program');
  await ann.ok('put', scratch.path('theirs.txt'), 'mine.txt');
  assert.equal((await ann.cli(['get', 'mine.txt', scratch.path('mine.txt')])).code, exitCode.conflict);
  assert.equal(scratch.read('mine.txt'), 'mine');
  await ann.ok('get', '--force', 'mine.txt', scratch.path('mine.txt'));
  assert.equal(scratch.read('mine.txt'), 'theirs');
  assert.equal((await one('get', 'mine.txt', scratch.path('mine.txt')))['outcome'], 'unchanged');
  assert.equal(scratch.read('mine.txt.part'), 'of another program');
  assert.equal(scratch.has('mine.txt.satchel.part'), false);
});

test('put of a changed file is a new version of the same object and sends only what changed', async () => {
  scratch.put('versions.bin', seededRandom(6).bytes(12 * mib));
  await ann.ok('put', scratch.path('versions.bin'));
  const first = await one('stat', 'versions.bin');
  scratch.patch('versions.bin', 6 * mib, 'a change in the middle');
  world.net(ann).resetTraffic();
  await ann.ok('put', scratch.path('versions.bin'));
  const second = await one('stat', 'versions.bin');
  assert.equal(second['objectId'], first['objectId']);
  assert.notEqual(second['versionId'], first['versionId']);
  assert.ok(world.net(ann).traffic().upBytes < 6 * mib, `${world.net(ann).traffic().upBytes} bytes up`);
});

test('an interrupted put ends with 130; the next one sends the rest only', async () => {
  await ann.stop();
  const size = 48 * mib;
  scratch.put('cut-up.bin', seededRandom(7).bytes(size));
  world.net(ann).resetTraffic();
  world.net(ann).limit({ up: linkSpeed(8 * 16 * mib) });
  await interrupt(['put', scratch.path('cut-up.bin')], () => world.net(ann).traffic().upBytes > size / 2);
  world.net(ann).limit({});
  assert.equal((await ann.cli(['stat', 'cut-up.bin'])).code, exitCode.notFound, 'nothing half stands there');
  world.net(ann).resetTraffic();
  await ann.ok('put', scratch.path('cut-up.bin'));
  const { upBytes } = world.net(ann).traffic();
  assert.ok(upBytes < size * 0.75, `${upBytes} bytes up after the interruption`);
  await ann.start();
});

test('an interrupted get ends with 130; the next one fetches the rest only, also beside a damaged part', async () => {
  await ann.stop();
  const size = 48 * mib;
  world.net(ann).resetTraffic();
  world.net(ann).limit({ down: linkSpeed(8 * 16 * mib) });
  const target = scratch.path('cut-down.bin');
  await interrupt(['get', 'cut-up.bin', target], () => world.net(ann).traffic().downBytes > size / 2);
  world.net(ann).limit({});
  assert.equal(scratch.has('cut-down.bin'), false, 'nothing half stands there');
  scratch.patch('cut-down.bin.satchel.part', 1000, 'damaged');
  world.net(ann).resetTraffic();
  await ann.ok('get', 'cut-up.bin', target);
  assert.ok(readFileSync(target).equals(readFileSync(scratch.path('cut-up.bin'))));
  const { downBytes } = world.net(ann).traffic();
  assert.ok(downBytes < size * 0.75, `${downBytes} bytes down after the interruption`);
  await ann.start();
});

/** Starts a command and interrupts it as Ctrl-C does, once the condition holds. */
async function interrupt(args: readonly string[], when: () => boolean): Promise<void> {
  await using child = startChild({
    name: args.join(' '),
    logFile: world.scratch.join('interrupted.log'),
    env: { ...process.env, SATCHEL_HOME: ann.home },
    command: [satchelBin, ...args],
  });
  await until(when, { timeoutMs: 30_000, what: () => `it is half through\n${child.log()}`, everyMs: 2 });
  const { code } = await child.end('SIGINT');
  assert.equal(code, exitCode.interrupted, child.log());
}

test('cat and put stream: a slow pipe in, exact bytes out', async () => {
  const bytes = seededRandom(8).bytes(9 * mib);
  assert.equal((await ann.cli(['put', '-', 'pipe.bin'], { input: bytes })).code, 0);
  await ann.ok('get', 'pipe.bin', scratch.path('pipe.bin'));
  assert.ok(readFileSync(scratch.path('pipe.bin')).equals(Buffer.from(bytes)));
  const slow = `(printf one; sleep 1; printf two) | '${satchelBin}' put - slow.txt && '${satchelBin}' cat slow.txt`;
  const result = await run([...leash(), 'sh', '-c', slow], { env: { ...process.env, SATCHEL_HOME: ann.home } });
  assert.equal(result.stdout, 'onetwo', result.stderr);
});

test('status loads little: no schemas, no HTTP, no database', async () => {
  const hook = join(import.meta.dirname, '../support/loaded-modules.mjs');
  const { code, stderr } = await run([satchelBin, 'status'], {
    env: { ...process.env, SATCHEL_HOME: ann.home, NODE_OPTIONS: `--import ${hook}` },
  });
  assert.equal(code, 0, stderr);
  const loaded = stderr.split('\n').filter((line) => line.startsWith('file:'));
  assert.ok(
    loaded.some((url) => url.endsWith('/commands/status.ts')),
    'the modules were counted',
  );
  assert.deepEqual(
    loaded.filter((url) => url.includes('/node_modules/')),
    [],
  );
  assert.ok(loaded.length < 30, `${loaded.length} modules`);
});

test('H97 signing in again while the daemon runs lets it go on', async () => {
  const { devices } = (await one('device ls')) as { devices: readonly { deviceId: string; current: boolean }[] };
  const current = devices.find((device) => device.current);
  assert.ok(current);
  await ann.ok('device', 'revoke', current.deviceId);
  assert.equal((await ann.cli(['whoami'])).code, exitCode.signIn);
  await until(async () => (await ann.wait(2)) !== 0, { timeoutMs: 20_000, what: 'the daemon notices' });
  const { state, problems } = (await one('status')) as { state: string; problems: readonly { code: string }[] };
  assert.deepEqual([state, problems[0]?.code], ['error', 'device_revoked']);
  await ann.logIn(world.account);
  a.put('after-login.txt', 'x');
  await allInSync([ann], 30);
  assert.equal((await ann.ok('cat', 'after-login.txt')).stdout, 'x');
});

test('unlink and link again: the files stay, the folder is merged, nothing is deleted', async () => {
  a.put('stays.txt', 'stays');
  await allInSync([ann], 30);
  await ann.stop();
  await json('unlink');
  assert.equal(a.read('stays.txt'), 'stays');
  const preview = await one('link', ann.root, '--dry-run');
  assert.deepEqual([preview['upload'], preview['keepTwice']], [[], []]);
  await json('link', ann.root);
  assert.equal((await one('link', ann.root))['linked'], false);
  await json('start');
  await allInSync([ann], 30);
  assert.equal(a.read('stays.txt'), 'stays');
  await json('restart');
  await json('stop');
  assert.equal((await ann.cli(['status'])).code, exitCode.notRunning);
  assert.deepEqual(await one('stop'), { wasRunning: false });
  await json('logout');
  assert.equal((await ann.cli(['ls'])).code, exitCode.signIn);
  assert.equal((await ann.cli(['start'])).code, exitCode.signIn);
});
