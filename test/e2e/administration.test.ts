/** `satchel admin` beside a running server: invitations, accounts and plans, as those they are about see them. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { converge } from '../support/converge.ts';
import { folder } from '../support/folder.ts';
import { createDevice, exitCode, newAccount, startServer, type Device, type Server } from '../support/satchel.ts';
import { until } from '../support/until.ts';
import { worldForFile } from '../support/world.ts';

const world = await worldForFile({ devices: ['ann', 'laptop'] });
const [ann, laptop] = [world.device(0), world.device(1)];
const { email, passwordFile } = world.account;

async function adminOf(server: Server, ...args: readonly string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await server.admin(...args, '--json');
  assert.equal(code, 0, `satchel admin ${args.join(' ')}: ${stderr}`);
  return JSON.parse(stdout) as Record<string, unknown>;
}

const admin = (...args: readonly string[]) => adminOf(world.server, ...args);

async function data(device: Device, ...command: readonly string[]): Promise<Record<string, unknown>> {
  return JSON.parse((await device.ok(...command, '--json')).stdout) as Record<string, unknown>;
}

const quota = async () => (await data(ann, 'whoami'))['quotaBytes'];

const login = (device: Device) =>
  device.cli(['login', '--server', device.serverUrl, '--email', email, '--password-file', passwordFile]);

test('a server by invitation takes who was invited, once', async () => {
  const place = world.scratch.join('invited');
  await using server = await startServer({ folder: place, args: ['--signup', 'invite'] });
  await using guest = createDevice({ name: 'guest', folder: place, serverUrl: server.url });
  const inviteFile = `${place}/invitation`;
  const signUp = (name: string, ...more: readonly string[]) => {
    const { email: address, passwordFile: password } = newAccount(place, name);
    return guest.cli(['signup', '--server', server.url, '--email', address, '--password-file', password, ...more]);
  };
  const refused = await signUp('eve');
  assert.equal(refused.code, exitCode.permission);
  assert.match(refused.stderr, /need an invitation.*\n {2}next: satchel signup --invite-file FILE/);
  const { invite } = await adminOf(server, 'invite', 'bob@example.test');
  writeFileSync(inviteFile, `${String(invite)}\n`, { mode: 0o600 });
  assert.equal((await signUp('eve', '--invite-file', inviteFile)).code, exitCode.permission, 'it is not hers');
  assert.equal((await signUp('bob', '--invite-file', inviteFile)).code, 0);
  assert.equal((await signUp('bob2', '--invite-file', inviteFile)).code, exitCode.permission, 'it was used');
});

test('what an administrator sets is what the account has', async () => {
  await admin('plan', 'set', 'family', '5G', '--days', '90');
  await admin('user', 'plan', email, 'family');
  assert.deepEqual([(await data(ann, 'whoami'))['plan'], await quota()], ['family', 5 * 1024 ** 3]);
  await admin('user', 'quota', email, '7G');
  assert.equal(await quota(), 7 * 1024 ** 3);
  await admin('user', 'quota', email, 'default');
  assert.equal(await quota(), 5 * 1024 ** 3, 'that of its plan again');
  await admin('user', 'promote', email);
  const { users } = await admin('user', 'ls');
  const told = (users as readonly Record<string, unknown>[]).map((user) =>
    ['email', 'administrator', 'disabled', 'plan', 'devices'].map((name) => user[name]),
  );
  assert.deepEqual(told, [[email, true, false, 'family', 2]]);
});

test('a disabled account is signed out and keeps everything; enabled, it goes on', async () => {
  const a = folder(ann.root);
  await admin('user', 'disable', email);
  await until(async () => (await ann.status()).state === 'error', {
    timeoutMs: 20_000,
    what: 'its daemon says that it is signed out',
  });
  a.put('meanwhile.txt', 'written while it was disabled');
  const refused = await login(ann);
  assert.equal(refused.code, exitCode.signIn);
  assert.match(refused.stderr, /disabled by the administrator/);
  await admin('user', 'enable', email);
  for (const device of [ann, laptop]) assert.equal((await login(device)).code, 0);
  await converge([ann, laptop]);
  assert.equal(folder(laptop.root).read('meanwhile.txt'), 'written while it was disabled');
});

test('all devices of an account are signed out at once', async () => {
  assert.equal((await admin('user', 'revoke', email))['devices'], 2);
  assert.equal((await ann.cli(['whoami'])).code, exitCode.signIn);
  for (const device of [ann, laptop]) assert.equal((await login(device)).code, 0);
  const { devices } = await data(ann, 'device', 'ls');
  const times = (devices as readonly Record<string, unknown>[]).map((device) =>
    Date.parse(String(device['lastSeenAt'])),
  );
  assert.ok(times.length === 2 && times.every((time) => Date.now() - time < 3_600_000), String(times));
  await converge([ann, laptop]);
});

test('who is not there, what is no size and what is no command are refused by name', async () => {
  const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
    [
      ['user', 'disable', 'nobody@example.test'],
      exitCode.notFound,
      /^satchel admin: No account has the e-mail nobody@/,
    ],
    [['user', 'plan', email, 'golden'], exitCode.notFound, /golden/],
    [['quota', email, 'much'], exitCode.usage, /"much" is not a size.*\n {2}next: satchel admin --help/],
    [['user', 'quota', email], exitCode.usage, /usage: satchel admin user quota EMAIL SIZE/],
    [['frobnicate'], exitCode.usage, /"frobnicate"/],
  ];
  for (const [command, code, says] of cases) {
    const result = await world.server.admin(...command);
    assert.equal(result.code, code, result.stderr);
    assert.match(result.stderr, says);
  }
});
