import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { newId, type UserId } from '@satchel/protocol/ids.ts';
import { openSqlite } from '../adapters/sqlite/database.ts';
import { systemClock } from '../adapters/system/clock.ts';
import { systemRandom } from '../adapters/system/random.ts';
import { statement, type Database, type ShardId } from '../ports/database.ts';
import { createDevices } from './devices.ts';
import { createRefreshTokens } from './refresh-tokens.ts';
import { createUserAdministration } from './user-administration.ts';

const insertUser = statement<{ userId: UserId; email: string }>()((q, arg) =>
  q.insertInto('users').values({
    user_id: arg('userId'),
    email: arg('email'),
    name: '',
    quota_bytes: null,
    created_at: 0,
    disabled_at: null,
  }),
);

test('a disabled account has no device left, whatever happens right after, and gets none', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'satchel-users-'));
  const sqlite = openSqlite({ folder });
  t.after(async () => {
    await sqlite[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });
  let left = Infinity;
  const database: Database = {
    ...sqlite,
    transact: async (...work) => {
      if (left-- <= 0) throw new Error('killed');
      return sqlite.transact(...work);
    },
  };
  const [directory, clock, email] = [0 as ShardId, systemClock, 'ann@example.org'];
  const tokens = createRefreshTokens(new Uint8Array(32));
  const devices = createDevices({ database, directory, tokens, clock, random: systemRandom });
  const users = createUserAdministration({ database, directory, devices, clock });
  const userId = newId<UserId>(1, new Uint8Array(10));
  await database.transact(directory, async (tx) => tx.run(insertUser, { userId, email }));
  const { caller, refreshToken } = await devices.add(userId, 'laptop');
  left = 1;
  await users.setDisabled(email, true);
  left = Infinity;
  assert.deepEqual(await devices.list(userId), []);
  assert.equal(devices.isRevoked(caller.deviceId), true);
  await assert.rejects(devices.rotate(refreshToken), { code: 'device_revoked' });
  await assert.rejects(devices.add(userId, 'another'), { code: 'account_disabled' }, 'who was signing in just then');
  await users.setDisabled(email, false);
  await devices.add(userId, 'another');
});
