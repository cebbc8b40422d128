import type { DeviceId, UserId } from '@satchel/protocol/ids.ts';
import { statement } from '../ports/database.ts';

/** The SQL of devices, invitations and administrators; `devices` and `invites` are the accounts service's tables. */
export const DEVICES = {
  insert: statement<{
    deviceId: DeviceId;
    userId: UserId;
    name: string;
    now: number;
    salt: Uint8Array;
  }>()((q, arg) =>
    q.insertInto('devices').values({
      device_id: arg('deviceId'),
      user_id: arg('userId'),
      name: arg('name'),
      created_at: arg('now'),
      last_seen_at: arg('now'),
      revoked_at: null,
      refresh_salt: arg('salt'),
      refresh_generation: 1,
    }),
  ),
  find: statement<{ deviceId: DeviceId }>()((q, arg) =>
    q.selectFrom('devices').selectAll().where('device_id', '=', arg('deviceId')),
  ),
  listOfUser: statement<{ userId: UserId }>()((q, arg) =>
    q
      .selectFrom('devices')
      .selectAll()
      .where('user_id', '=', arg('userId'))
      .where('revoked_at', 'is', null)
      .orderBy('created_at')
      .orderBy('device_id'),
  ),
  rotate: statement<{ deviceId: DeviceId; generation: number; now: number }>()((q, arg) =>
    q
      .updateTable('devices')
      .set({ refresh_generation: arg('generation'), last_seen_at: arg('now') })
      .where('device_id', '=', arg('deviceId')),
  ),
  revoke: statement<{ deviceId: DeviceId; now: number }>()((q, arg) =>
    q
      .updateTable('devices')
      .set({ revoked_at: arg('now') })
      .where('device_id', '=', arg('deviceId'))
      .where('revoked_at', 'is', null),
  ),
  revokeAllOfUser: statement<{ userId: UserId; now: number }>()((q, arg) =>
    q
      .updateTable('devices')
      .set({ revoked_at: arg('now') })
      .where('user_id', '=', arg('userId'))
      .where('revoked_at', 'is', null),
  ),
  revokedSince: statement<{ since: number }>()((q, arg) =>
    q.selectFrom('devices').select('device_id').where('revoked_at', '>=', arg('since')),
  ),
} as const;

export const INVITES = {
  insert: statement<{ hash: string; email: string | null; now: number; expiresAt: number }>()((q, arg) =>
    q.insertInto('invites').values({
      invite_hash: arg('hash'),
      email: arg('email'),
      created_at: arg('now'),
      expires_at: arg('expiresAt'),
      used_at: null,
    }),
  ),
  findOpen: statement<{ hash: string; now: number }>()((q, arg) =>
    q
      .selectFrom('invites')
      .select('email')
      .where('invite_hash', '=', arg('hash'))
      .where('used_at', 'is', null)
      .where('expires_at', '>', arg('now')),
  ),
  use: statement<{ hash: string; now: number }>()((q, arg) =>
    q
      .updateTable('invites')
      .set({ used_at: arg('now') })
      .where('invite_hash', '=', arg('hash'))
      .where('used_at', 'is', null)
      .where('expires_at', '>', arg('now')),
  ),
  reopen: statement<{ hash: string }>()((q, arg) =>
    q.updateTable('invites').set({ used_at: null }).where('invite_hash', '=', arg('hash')),
  ),
} as const;

export const ADMINISTRATORS = {
  insert: statement<{ userId: UserId; now: number }>()((q, arg) =>
    q
      .insertInto('administrators')
      .values({ user_id: arg('userId'), since: arg('now') })
      .onConflict((conflict) => conflict.column('user_id').doNothing()),
  ),
  find: statement<{ userId: UserId }>()((q, arg) =>
    q.selectFrom('administrators').select('user_id').where('user_id', '=', arg('userId')),
  ),
  any: statement<Record<string, never>>()((q) => q.selectFrom('administrators').select('user_id').limit(1)),
} as const;
