import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test, type TestContext } from 'node:test';
import { pino } from 'pino';
import { CodedError } from '@satchel/protocol/errors.ts';
import type { Identity } from '../../ports/identity.ts';
import type { Mail } from '../../ports/mailer.ts';
import { systemClock } from '../system/clock.ts';
import { systemRandom } from '../system/random.ts';
import { createIdentity } from './identity.ts';

async function identityFor(t: TestContext): Promise<{ identity: Identity; mails: Mail[]; file: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'satchel-identity-'));
  const mails: Mail[] = [];
  const file = join(folder, 'identity.db');
  const identity = createIdentity({
    file,
    secret: new Uint8Array(32).fill(7),
    publicUrl: 'http://127.0.0.1:7420',
    clock: systemClock,
    random: systemRandom,
    mailer: { send: async (mail) => void mails.push(mail) },
    log: pino({ enabled: false }),
  });
  t.after(async () => {
    await identity[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });
  return { identity, mails, file };
}

test('I1 an address is registered once, whatever its letter case', async (t) => {
  const { identity } = await identityFor(t);
  const person = await identity.register('Ann@Example.com', 'a good long password', 'Ann');
  assert.ok(person !== 'email_taken');
  assert.equal(person.email, 'ann@example.com');
  assert.match(person.userId, /^[0-7][0-9a-hjkmnp-tv-z]{25}$/);
  assert.equal(await identity.register('ann@example.COM', 'another long password', 'Bob'), 'email_taken');
});

test('I1 the link in the mail confirms the address', async (t) => {
  const { identity, mails } = await identityFor(t);
  await identity.register('ann@example.com', 'a good long password', 'Ann');
  const token = /token=(\S+)/.exec(mails[0]?.text ?? '')?.[1];
  assert.ok(token);
  assert.equal(await identity.confirmEmail(`${token}x`), false);
  assert.equal(await identity.confirmEmail(token), true);
  assert.equal((await identity.verify('ann@example.com', 'a good long password'))?.emailVerified, true);
});

test('I2 a wrong password and an unknown address are refused alike', async (t) => {
  const { identity } = await identityFor(t);
  await identity.register('ann@example.com', 'a good long password', 'Ann');
  assert.equal((await identity.verify('ANN@example.com', 'a good long password'))?.name, 'Ann');
  assert.equal(await identity.verify('ann@example.com', 'a good long passworD'), undefined);
  assert.equal(await identity.verify('nobody@example.com', 'a good long password'), undefined);
});

test('I3 the file holds an argon2id hash and no password', async (t) => {
  const { identity, file } = await identityFor(t);
  await identity.register('ann@example.com', 'a good long password', 'Ann');
  using database = new DatabaseSync(file, { readOnly: true });
  const row = database.prepare('select password from account').get();
  assert.match(String(row?.['password']), /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
});

test('S11 a database that cannot be used now is told as such, at the first use too, and later works', async (t) => {
  const { identity, file } = await identityFor(t);
  const isUnavailable = (error: unknown) => error instanceof CodedError && error.code === 'unavailable';
  const password = 'a good long password';
  await mkdir(file);
  await assert.rejects(identity.register('ann@example.com', password, 'Ann'), isUnavailable);
  await rmdir(file);
  assert.notEqual(await identity.register('ann@example.com', password, 'Ann'), 'email_taken');
  {
    using other = new DatabaseSync(file);
    other.exec('begin immediate');
    await assert.rejects(identity.register('bob@example.com', password, 'Bob'), isUnavailable);
    await assert.rejects(identity.verify('ann@example.com', password), isUnavailable);
  }
  assert.equal((await identity.verify('ann@example.com', password))?.name, 'Ann');
});
