import { CodedError } from '@satchel/protocol/errors.ts';
import { newId, type DeviceId, type UserId } from '@satchel/protocol/ids.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import type { Caller } from '../ports/chunk-ledger.ts';
import type { Clock, Random } from '../ports/clock.ts';
import type { Database, ShardId } from '../ports/database.ts';
import type { DeviceRow } from '../ports/schema.ts';
import { DEVICES } from './account-statements.ts';
import { refreshVerdict, type RefreshTokens } from './refresh-tokens.ts';
import { USERS } from './user-statements.ts';

/** Devices of users and their refresh tokens. */
export interface Devices {
  /** A new device, signed in, with its first refresh token. @throws CodedError('account_disabled') */
  add(userId: UserId, name: string): Promise<Granted>;
  /**
   * The successor of a refresh token. An old token revokes the device, except for the one just before the newest.
   * @throws CodedError('sign_in_required' | 'device_revoked')
   */
  rotate(token: string): Promise<Granted>;
  list(userId: UserId): Promise<readonly DeviceRow[]>;
  /** @throws CodedError('not_found') when the user has no such device that is signed in */
  revoke(userId: UserId, deviceId: DeviceId): Promise<void>;
  revokeAll(userId: UserId): Promise<number>;
  /** Whether the device was revoked while its access tokens may still live. A look-up in memory. */
  isRevoked(deviceId: DeviceId): boolean;
  /** Learns of revocations by other processes; called every few seconds. */
  learnRevoked(): Promise<void>;
}

export interface Granted {
  readonly caller: Caller;
  readonly refreshToken: string;
}

export interface DevicesOptions {
  readonly database: Database;
  readonly directory: ShardId;
  readonly tokens: RefreshTokens;
  readonly clock: Clock;
  readonly random: Random;
}

/** Revocations older than every access token need not be remembered. */
const REMEMBERED_MS = LIMITS.accessTokenMs + 60_000;

export function accountDisabled(): CodedError {
  return new CodedError('account_disabled', 'This account was disabled by the administrator of the server.');
}

type Outcome = 'unknown' | 'revoked' | 'reused' | { readonly device: DeviceRow; readonly generation: number };

export function createDevices(options: DevicesOptions): Devices {
  const { database, directory, tokens, clock, random } = options;
  let revoked: ReadonlySet<DeviceId> = new Set();
  let [begun, learnt] = [0, 0];
  const learnRevoked = async (): Promise<void> => {
    const number = (begun += 1);
    const since = clock.now() - REMEMBERED_MS;
    const rows = await database.read(directory, (reader) => reader.all(DEVICES.revokedSince, { since }));
    // RACE: a look that began earlier and ends later would let a device in again that was just signed out.
    if (number < learnt) return;
    learnt = number;
    revoked = new Set(rows.map((row) => row.device_id));
  };

  return {
    add: async (userId, name) => {
      const deviceId = newId<DeviceId>(clock.now(), random.bytes(10));
      const salt = random.bytes(32);
      await database.transact(directory, async (tx) => {
        // RACE: with disabling, which signs out the devices that there are.
        const user = await tx.first(USERS.standing, { userId });
        if (user !== undefined && user.disabled_at !== null) throw accountDisabled();
        await tx.run(DEVICES.insert, { deviceId, userId, name, salt, now: clock.now() });
      });
      return { caller: { userId, deviceId }, refreshToken: tokens.issue({ deviceId, salt }, 1) };
    },
    rotate: async (token) => {
      const outcome = await rotated(options, token);
      if (outcome === 'unknown') throw new CodedError('sign_in_required', 'The refresh token is not valid.');
      if (outcome === 'reused') await learnRevoked();
      if (outcome === 'reused' || outcome === 'revoked')
        throw new CodedError('device_revoked', 'This device was signed out; sign in again.');
      const { device, generation } = outcome;
      const seed = { deviceId: device.device_id, salt: device.refresh_salt };
      return {
        caller: { userId: device.user_id, deviceId: device.device_id },
        refreshToken: tokens.issue(seed, generation),
      };
    },
    list: (userId) => database.read(directory, (reader) => reader.all(DEVICES.listOfUser, { userId })),
    revoke: async (userId, deviceId) => {
      const changed = await database.transact(directory, async (tx) => {
        const device = await tx.first(DEVICES.find, { deviceId });
        return device?.user_id === userId ? await tx.run(DEVICES.revoke, { deviceId, now: clock.now() }) : 0;
      });
      if (changed === 0) throw new CodedError('not_found', `No device ${deviceId} is signed in to this account.`);
      await learnRevoked();
    },
    revokeAll: async (userId) => {
      const count = await database.transact(directory, (tx) =>
        tx.run(DEVICES.revokeAllOfUser, { userId, now: clock.now() }),
      );
      await learnRevoked();
      return count;
    },
    isRevoked: (deviceId) => revoked.has(deviceId),
    learnRevoked,
  };
}

async function rotated({ database, directory, tokens, clock }: DevicesOptions, token: string): Promise<Outcome> {
  const claim = tokens.parse(token);
  if (!claim) return 'unknown';
  const { deviceId } = claim;
  return database.transact(directory, async (tx): Promise<Outcome> => {
    const device = await tx.first(DEVICES.find, { deviceId });
    if (!device || !tokens.proves(claim, { deviceId, salt: device.refresh_salt })) return 'unknown';
    if (device.revoked_at !== null) return 'revoked';
    const verdict = refreshVerdict(claim.generation, device.refresh_generation);
    if (verdict === 'reuse') {
      await tx.run(DEVICES.revoke, { deviceId, now: clock.now() });
      return 'reused';
    }
    const generation = claim.generation + 1;
    if (verdict === 'rotate') await tx.run(DEVICES.rotate, { deviceId, generation, now: clock.now() });
    return { device, generation };
  });
}
