/** The command line at its edges: interrupted folders, odd names, several arguments, a server that is away. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { startChild } from '../support/child.ts';
import { folder } from '../support/folder.ts';
import { linkSpeed } from '../support/link-speed.ts';
import { seededRandom } from '../support/random.ts';
import { exitCode, satchelBin, type Status } from '../support/satchel.ts';
import { until } from '../support/until.ts';
import { worldForFile } from '../support/world.ts';

const mib = 1 << 20;
const world = await worldForFile({ devices: ['ann'], proxied: true, keepAfterFailure: true });
const ann = world.device(0);
const scratch = folder(world.scratch.join('work'));
mkdirSync(scratch.root);

/** Starts a command and ends it, once the condition holds. */
async function cutShort(args: readonly string[], when: () => boolean, signal: 'SIGINT' | 'SIGKILL'): Promise<void> {
  await using child = startChild({
    name: args.join(' '),
    logFile: world.scratch.join('cut.log'),
    env: { ...process.env, SATCHEL_HOME: ann.home },
    command: [satchelBin, ...args],
  });
  await until(when, { timeoutMs: 30_000, what: () => `it is half through\n${child.log()}`, everyMs: 2 });
  const { code } = await child.end(signal);
  assert.equal(code, signal === 'SIGINT' ? exitCode.interrupted : null, child.log());
}

test('put and get of a folder that were cut short go on where they were, not inside of it', async () => {
  const names = ['a.bin', 'b.bin', 'c.bin'];
  const size = 12 * mib;
  for (const [at, name] of names.entries()) scratch.put(`from/${name}`, seededRandom(at).bytes(size));
  const net = world.net(ann);
  net.resetTraffic();
  net.limit({ up: linkSpeed(8 * 16 * mib) });
  const put = ['put', scratch.path('from'), 'target'];
  await cutShort(put, () => net.traffic().upBytes > 2 * size, 'SIGINT');
  net.limit({});
  net.resetTraffic();
  await ann.ok(...put);
  assert.ok(net.traffic().upBytes < 2 * size, `${net.traffic().upBytes} bytes up after the interruption`);
  assert.deepEqual((await ann.ok('ls', 'target')).stdout.split('\n').filter(Boolean), names);

  net.resetTraffic();
  net.limit({ down: linkSpeed(8 * 16 * mib) });
  const get = ['get', 'target', scratch.path('back')];
  await cutShort(get, () => net.traffic().downBytes > 2 * size, 'SIGKILL');
  net.limit({});
  net.resetTraffic();
  await ann.ok(...get);
  assert.ok(net.traffic().downBytes < 2 * size, `${net.traffic().downBytes} bytes down after the interruption`);
  for (const name of names)
    assert.ok(readFileSync(scratch.path(`back/${name}`)).equals(readFileSync(scratch.path(`from/${name}`))), name);

  // Complete ones are targets as any other: the copy goes into them.
  await ann.ok(...put);
  await ann.ok('stat', 'target/from/a.bin');
  await ann.ok('rm', '-r', 'target/from');
  await ann.ok(...get);
  assert.ok(scratch.has('back/target/a.bin'));
});

test('a name as long as a disk takes is fetched as any other', async () => {
  const name = `${'名'.repeat(83)}.longer`.slice(0, 86);
  scratch.put(name, 'content');
  assert.equal(Buffer.byteLength(name), 252);
  await ann.ok('put', scratch.path(name));
  mkdirSync(scratch.path('long'));
  await ann.ok('get', name, scratch.path('long'));
  assert.equal(scratch.read(`long/${name}`), 'content');
});

test('rm and mkdir of several do what they can, and end with 9', async () => {
  await ann.ok('mkdir', 'one', 'two');
  const made = await ann.cli(['mkdir', 'one', 'three', '--json']);
  assert.equal(made.code, exitCode.partly);
  assert.deepEqual(JSON.parse(made.stdout), { created: ['three'] });
  const removed = await ann.cli(['rm', '-r', 'one', 'none', 'two', '--json']);
  assert.equal(removed.code, exitCode.partly);
  assert.deepEqual(JSON.parse(removed.stdout), { deleted: ['one', 'two'] });
  assert.match(removed.stderr, /There is nothing at none on the server\. \(1 of 3 not done\)/);
});

test('paths of the synced folder may lead there through a symlink; an excluded one is told', async () => {
  folder(ann.root).put('kept/file', 'x');
  folder(ann.root).put('away/file', 'x');
  assert.equal(await ann.wait(30), 0);
  symlinkSync(ann.root, scratch.path('way'));
  await ann.ok('exclude', 'add', scratch.path('way/away'));
  assert.equal(await ann.wait(30), 0);
  const asked = [scratch.path('way/kept/file'), 'away', 'away/file', 'none'];
  const { paths } = JSON.parse((await ann.ok('status', ...asked, '--json')).stdout) as {
    readonly paths: readonly { readonly path: string; readonly state: string }[];
  };
  assert.deepEqual(
    paths.map(({ path, state }) => `${path} ${state}`),
    ['kept/file synced', 'away excluded', 'away/file excluded', 'none unknown'],
  );
  assert.equal((await ann.ok('exclude', 'ls', 'away')).stdout, 'away\n');
  assert.equal((await ann.ok('exclude', 'ls', 'kept')).stdout, '');
  assert.deepEqual(JSON.parse((await ann.ok('conflicts', 'ls', 'kept', '--json')).stdout), { conflicts: [] });
  await ann.ok('exclude', 'rm', 'away');
});

test('a server that is away is told soon, with 8 and what to type; status does not claim to have been in sync', async () => {
  assert.equal(await ann.wait(30), 0);
  await world.server.stop();
  try {
    await until(async () => (await ann.status()).state === 'offline', {
      timeoutMs: 20_000,
      what: 'status says offline',
    });
    const then = await lastSync();
    await ann.ok('sync', 'now');
    assert.equal(await ann.wait(1), exitCode.notInSync);
    assert.equal(await lastSync(), then, 'the last time in sync was before');
    await ann.ok('restart');
    assert.equal(await lastSync(), then, 'also of a daemon that has not reached it yet');
    for (const command of [['ls'], ['mkdir', 'x y'], ['whoami'], ['share', 'ls']]) {
      const begun = performance.now();
      const { code, stderr } = await ann.cli(command);
      assert.equal(code, exitCode.tryAgain, stderr);
      assert.ok(performance.now() - begun < 8_000, `${command.join(' ')} took ${performance.now() - begun} ms`);
      assert.match(stderr, /next: satchel /);
    }
    assert.equal((await ann.cli(['doctor'])).code, exitCode.tryAgain);
  } finally {
    await world.server.start();
  }
  assert.equal(await ann.wait(30), 0);
});

async function lastSync(): Promise<unknown> {
  return ((await ann.status()) as Status & { readonly lastSyncAt: unknown }).lastSyncAt;
}

test('what does not fit is refused by its name', async () => {
  assert.equal((await world.server.admin('quota', world.account.email, '1K')).code, 0);
  scratch.put('much.bin', seededRandom(9).bytes(mib));
  const put = await ann.cli(['put', scratch.path('much.bin')]);
  assert.equal(put.code, exitCode.quota);
  assert.match(put.stderr, /^satchel: much\.bin: .*quota/);
  folder(ann.root).put('in it.bin', seededRandom(10).bytes(mib));
  const waited = await ann.cli(['wait', '--timeout', '30']);
  assert.equal(waited.code, exitCode.notInSync);
  assert.match(waited.stderr, /^satchel: in it\.bin: .*quota/);
  folder(ann.root).rm('in it.bin');
  assert.equal((await world.server.admin('quota', world.account.email, 'default')).code, 0);
  assert.equal(await ann.wait(30), 0);
});

test('a folder to link is a folder, and a refused password names what to do', async () => {
  writeFileSync(scratch.path('file'), '');
  const elsewhere = ['--home', scratch.path('other-home')];
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [['signup', '--server', world.server.url, '--email', 'nobody', '--password-file', '-'], /"nobody" is no e-mail/],
    [['signup', '--server', world.server.url, '--email', 'a@b.test'], /next: satchel signup --help/],
    [['sync', '--json'], /needs a second word: now/],
  ];
  for (const [command, says] of cases) {
    const { code, stderr } = await ann.cli([...command, ...elsewhere], { input: 'password 1\n' });
    assert.equal(code, exitCode.usage, stderr);
    assert.match(stderr, says);
  }
  const second = await world.addDevice('second', { link: false });
  const { code, stderr } = await second.cli(['link', scratch.path('file')]);
  assert.equal(code, exitCode.usage, stderr);
  assert.match(stderr, /file is no folder/);
});

test('two of the same command at once: each does what it says, as if one had come after the other', async () => {
  const several = Array.from({ length: 4 }, (_, at) => at);
  for (const at of several) scratch.put(`same-${at}`, `content ${at}`);
  const puts = await Promise.all(several.map((at) => ann.cli(['put', scratch.path(`same-${at}`), 'same.txt'])));
  assert.deepEqual(
    puts.map(({ code }) => code),
    several.map(() => 0),
    puts.map(({ stderr }) => stderr).join(''),
  );
  assert.match((await ann.ok('cat', 'same.txt')).stdout, /^content [0-3]$/);
  const made = await Promise.all(several.map(() => ann.cli(['mkdir', '-p', 'at/the/same', '--json'])));
  assert.deepEqual(
    made.map(({ code }) => code),
    several.map(() => 0),
    made.map(({ stderr }) => stderr).join(''),
  );
  await ann.ok('stop');
  const started = await Promise.all(several.map(() => ann.cli(['start', '--json'])));
  assert.deepEqual(
    started.map(({ code }) => code),
    several.map(() => 0),
    started.map(({ stderr }) => stderr).join(''),
  );
  const answers = started.map(({ stdout }) => JSON.parse(stdout) as { pid: number; alreadyRunning: boolean });
  assert.equal(new Set(answers.map(({ pid }) => pid)).size, 1);
  assert.equal(answers.filter(({ alreadyRunning }) => !alreadyRunning).length, 1);
  await ann.ok('stop');
});

test('a daemon whose state was removed ends: no command would reach it any more', async () => {
  const passing = await world.addDevice('passing');
  rmSync(passing.home, { recursive: true });
  await until(() => !passing.running(), { timeoutMs: 30_000, what: 'it has ended' });
  assert.match(passing.log(), /the state of this device is gone/);
});
