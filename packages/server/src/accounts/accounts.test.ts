import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { CodedError } from '@satchel/protocol/errors.ts';
import { newId, type UserId, type WorkspaceId } from '@satchel/protocol/ids.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import { openSqlite } from '../adapters/sqlite/database.ts';
import { systemRandom } from '../adapters/system/random.ts';
import type { Clock } from '../ports/clock.ts';
import type { ShardId } from '../ports/database.ts';
import type { Identity, Person } from '../ports/identity.ts';
import { createAccessTokens } from './access-tokens.ts';
import { createAccounts, type Accounts, type SignupMode } from './accounts.ts';
import { createDevices, type Devices } from './devices.ts';
import { createInvites, type Invites } from './invites.ts';
import { createRefreshTokens } from './refresh-tokens.ts';
import { createSignInThrottle } from './sign-in-throttle.ts';

const PASSWORD = 'correct horse 7';
const code = (expected: string) => (error: unknown) => (error as CodedError).code === expected;

interface World {
  readonly accounts: Accounts;
  readonly devices: Devices;
  readonly invites: Invites;
  readonly revoked: string[];
  /** Lets time pass. */
  readonly pass: (ms: number) => void;
}

/** People in memory; the rules under test are those of devices and tokens. */
function memoryIdentity(clock: Clock): Identity {
  const known = new Map<string, Person & { readonly password: string }>();
  return {
    register: async (email, password, name) => {
      if (known.has(email)) return 'email_taken';
      const userId = newId<UserId>(clock.now(), systemRandom.bytes(10));
      const person = { userId, email, name, emailVerified: false };
      known.set(email, { ...person, password });
      return person;
    },
    verify: async (email, password) => {
      const person = known.get(email);
      return person?.password === password ? person : undefined;
    },
    confirmEmail: async () => false,
    [Symbol.asyncDispose]: async () => undefined,
  };
}

async function worldFor(t: TestContext, signup: SignupMode = 'open'): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'satchel-accounts-'));
  const database = openSqlite({ folder });
  t.after(async () => {
    await database[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });
  let now = Date.now();
  const clock: Clock = { now: () => now, monotonic: () => now, delay: async () => undefined };
  const directory = 0 as ShardId;
  const tokens = createRefreshTokens(new Uint8Array(32).fill(1));
  const devices = createDevices({ database, directory, tokens, clock, random: systemRandom });
  const invites = createInvites({ database, directory, clock, random: systemRandom });
  const revoked: string[] = [];
  const accounts = createAccounts({
    identity: memoryIdentity(clock),
    people: { ensure: async ({ userId }) => ({ workspaceId: userId as string as WorkspaceId, disabled: false }) },
    devices,
    invites,
    tokens: createAccessTokens(new Uint8Array(32).fill(2), clock),
    throttle: createSignInThrottle(clock),
    database,
    directory,
    clock,
    signup,
    onRevoked: (deviceId) => revoked.push(deviceId),
  });
  return { accounts, devices, invites, revoked, pass: (ms) => void (now += ms) };
}

const signup = (email = 'ann@example.com') => ({ email, password: PASSWORD, deviceName: 'laptop' });

test('a device gets a token that says who it is, and a second look at it is a look-up', async (t) => {
  const { accounts } = await worldFor(t);
  const me = await accounts.signUp(signup());
  const caller = { userId: me.userId, deviceId: me.deviceId };
  assert.deepEqual(await accounts.callerOf(me.access_token), caller);
  assert.deepEqual(accounts.callerOf(me.access_token), caller);
});

test('an access token ends after its time, seen before or not', async (t) => {
  const { accounts, pass } = await worldFor(t);
  const seen = await accounts.signUp(signup('a@example.com'));
  const unseen = await accounts.signUp(signup('b@example.com'));
  await accounts.callerOf(seen.access_token);
  pass(LIMITS.accessTokenMs + 1000);
  await assert.rejects(async () => accounts.callerOf(seen.access_token), code('token_expired'));
  await assert.rejects(async () => accounts.callerOf(unseen.access_token), code('token_expired'));
});

test('a changed, foreign or unsigned access token is refused', async (t) => {
  const { accounts } = await worldFor(t);
  const { access_token: token } = await accounts.signUp(signup());
  const foreign = await createAccessTokens(new Uint8Array(32).fill(3), {
    now: () => Date.now(),
    monotonic: () => 0,
    delay: async () => undefined,
  }).issue({ userId: 'x' as never, deviceId: 'y' as never });
  const [head, body] = token.split('.');
  const none = Buffer.from('{"alg":"none"}').toString('base64url');
  for (const bad of [`${token}x`, foreign, `${none}.${body}.`, `${head}.${body}.`, 'nonsense'])
    await assert.rejects(async () => accounts.callerOf(bad), code('sign_in_required'), bad);
});

test('a refresh token is replaced with each use, and the one before it may be repeated', async (t) => {
  const { accounts } = await worldFor(t);
  const first = (await accounts.signUp(signup())).refresh_token;
  const second = (await accounts.refresh(first)).refresh_token;
  assert.notEqual(second, first);
  // The client was killed before it stored the answer, or two programs of a device refreshed at once.
  assert.equal((await accounts.refresh(first)).refresh_token, second);
  const third = (await accounts.refresh(second)).refresh_token;
  assert.notEqual(third, second);
});

test('an old refresh token revokes the device, its access token included', async (t) => {
  const { accounts, pass } = await worldFor(t);
  const me = await accounts.signUp(signup());
  const second = await accounts.refresh(me.refresh_token);
  const third = await accounts.refresh(second.refresh_token);
  await assert.rejects(accounts.refresh(me.refresh_token), code('device_revoked'));
  await assert.rejects(accounts.refresh(third.refresh_token), code('device_revoked'));
  await assert.rejects(async () => accounts.callerOf(third.access_token), code('device_revoked'));
  pass(1000);
  const again = await accounts.signIn({ email: 'ann@example.com', password: PASSWORD, deviceName: 'laptop' }, '::1');
  assert.notEqual(again.deviceId, me.deviceId);
});

test('a made-up refresh token is refused and revokes nobody', async (t) => {
  const { accounts } = await worldFor(t);
  const me = await accounts.signUp(signup());
  const [device, , mac] = me.refresh_token.split('.');
  for (const bad of ['', 'x', `${device}.0.${mac}`, `${device}.2.${mac}`, `${me.refresh_token}0`])
    await assert.rejects(accounts.refresh(bad), code('sign_in_required'), bad);
  assert.ok(await accounts.refresh(me.refresh_token));
});

test('H97 a revoked device is out at once, the others stay', async (t) => {
  const { accounts, revoked, pass } = await worldFor(t);
  const laptop = await accounts.signUp(signup());
  pass(1);
  const phone = await accounts.signIn({ email: 'ann@example.com', password: PASSWORD, deviceName: 'phone' }, '::1');
  const caller = await accounts.callerOf(phone.access_token);
  assert.deepEqual(
    (await accounts.devices(caller)).devices.map((device) => [device.name, device.current]),
    [
      ['laptop', false],
      ['phone', true],
    ],
  );
  await accounts.revokeDevice(caller, laptop.deviceId);
  assert.deepEqual(revoked, [laptop.deviceId]);
  await assert.rejects(accounts.refresh(laptop.refresh_token), code('device_revoked'));
  await assert.rejects(async () => accounts.callerOf(laptop.access_token), code('device_revoked'));
  assert.deepEqual(await accounts.callerOf(phone.access_token), caller);
  await assert.rejects(accounts.revokeDevice(caller, laptop.deviceId), code('not_found'));
});

test('nobody revokes the device of somebody else', async (t) => {
  const { accounts } = await worldFor(t);
  const ann = await accounts.signUp(signup('ann@example.com'));
  const bob = await accounts.signUp(signup('bob@example.com'));
  const caller = await accounts.callerOf(bob.access_token);
  await assert.rejects(accounts.revokeDevice(caller, ann.deviceId), code('not_found'));
  assert.ok(await accounts.refresh(ann.refresh_token));
});

test('guessing is slowed down per account, and a right password does not help while it is', async (t) => {
  const { accounts, pass } = await worldFor(t);
  await accounts.signUp(signup());
  const login = (password: string) => ({ email: 'ANN@example.com', password, deviceName: 'x' });
  for (let attempt = 0; attempt < 10; attempt += 1)
    await assert.rejects(accounts.signIn(login('wrong'), `10.0.0.${attempt}`), code('credentials_refused'));
  await assert.rejects(accounts.signIn(login(PASSWORD), '10.0.1.1'), (error: CodedError) => {
    return error.code === 'rate_limited' && (error.retryAfterS ?? 0) > 0;
  });
  pass(61_000);
  assert.ok(await accounts.signIn(login(PASSWORD), '10.0.1.1'));
});

test('weak passwords are refused with a reason', async (t) => {
  const { accounts } = await worldFor(t);
  for (const password of ['short', 'aaaaaaaaaaaa', 'password123', '12345678', 'ann@example.com', 'Letmein!'])
    await assert.rejects(accounts.signUp({ ...signup(), password }), code('password_weak'), password);
});

test('sign-up by invitation takes each invitation once, for its address only', async (t) => {
  const { accounts, invites, pass } = await worldFor(t, 'invite');
  await assert.rejects(accounts.signUp(signup()), code('signup_closed'));
  const invite = await invites.create('ann@example.com', 60_000);
  await assert.rejects(accounts.signUp({ ...signup('bob@example.com'), invite }), code('signup_closed'));
  assert.ok(await accounts.signUp({ ...signup(), invite }));
  await assert.rejects(accounts.signUp({ ...signup('eve@example.com'), invite }), code('signup_closed'));
  const late = await invites.create(undefined, 60_000);
  pass(61_000);
  await assert.rejects(accounts.signUp({ ...signup('eve@example.com'), invite: late }), code('signup_closed'));
});

test('an invitation is not used up by an address that is taken', async (t) => {
  const { accounts, invites } = await worldFor(t, 'invite');
  const one = await invites.create(undefined, 60_000);
  await accounts.signUp({ ...signup(), invite: one });
  const two = await invites.create(undefined, 60_000);
  await assert.rejects(accounts.signUp({ ...signup(), invite: two }), code('email_taken'));
  assert.ok(await accounts.signUp({ ...signup('bob@example.com'), invite: two }));
});

test('the one-time word makes one administrator, on a closed server too', async (t) => {
  const { accounts, invites } = await worldFor(t, 'closed');
  const invite = invites.openSetup();
  assert.equal(await accounts.hasAdministrator(), false);
  const me = await accounts.signUp({ ...signup(), invite });
  assert.equal(await accounts.isAdministrator(me.userId), true);
  await assert.rejects(accounts.signUp({ ...signup('eve@example.com'), invite }), code('signup_closed'));
});
