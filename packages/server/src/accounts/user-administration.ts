import { CodedError } from '@satchel/protocol/errors.ts';
import type { UserId } from '@satchel/protocol/ids.ts';
import type { Clock } from '../ports/clock.ts';
import type { Database, ShardId } from '../ports/database.ts';
import { ADMINISTRATORS, DEVICES } from './account-statements.ts';
import type { Devices } from './devices.ts';
import { PLANS, USED, USERS } from './user-statements.ts';

export interface UserSummary {
  readonly userId: UserId;
  readonly email: string;
  readonly name: string;
  readonly plan: string;
  readonly quotaBytes: number;
  readonly usedBytes: number;
  readonly devices: number;
  readonly administrator: boolean;
  readonly disabled: boolean;
  /** ms since 1970. */
  readonly createdAt: number;
}

export interface PlanSummary {
  readonly name: string;
  readonly quotaBytes: number;
  readonly retentionDays: number;
}

/** What an administrator does to users and plans. An unknown e-mail is CodedError('not_found') throughout. */
export interface UserAdministration {
  /** All users in order of their addresses. */
  list(): AsyncIterable<UserSummary>;
  /** @param quotaBytes undefined: what the plan says */
  setQuota(email: string, quotaBytes: number | undefined): Promise<void>;
  /** With that plan's quota. @throws CodedError('not_found') for an unknown plan too */
  setPlan(email: string, plan: string): Promise<void>;
  /** Signs all devices out; returns how many. */
  revokeDevices(email: string): Promise<number>;
  /** A disabled account is signed out everywhere and cannot sign in; its data stays. */
  setDisabled(email: string, disabled: boolean): Promise<void>;
  makeAdministrator(email: string): Promise<void>;
  plans(): Promise<readonly PlanSummary[]>;
  setPlanTerms(plan: PlanSummary): Promise<void>;
}

export interface UserAdministrationPorts {
  readonly database: Database;
  readonly directory: ShardId;
  readonly devices: Devices;
  readonly clock: Clock;
}

const PAGE = 200;

export function createUserAdministration(ports: UserAdministrationPorts): UserAdministration {
  const { database, directory, devices, clock } = ports;

  async function userOf(email: string): Promise<UserId> {
    const folded = email.toLowerCase();
    const row = await database.read(directory, (reader) => reader.first(USERS.byEmail, { email: folded }));
    if (!row) throw new CodedError('not_found', `No account has the e-mail ${email}.`);
    return row.user_id;
  }

  return {
    list: () => listed(ports),
    setQuota: async (email, quotaBytes) => {
      const row = { userId: await userOf(email), quotaBytes: quotaBytes ?? null };
      await database.transact(directory, (tx) => tx.run(USERS.setQuota, row));
    },
    setPlan: async (email, plan) => {
      const userId = await userOf(email);
      await database.transact(directory, async (tx) => {
        if (!(await tx.first(PLANS.find, { plan }))) throw new CodedError('not_found', `There is no plan ${plan}.`);
        // The key is the beginning, so each begins after the one before, whatever the clock says.
        const now = Math.max(clock.now(), 1 + ((await tx.first(PLANS.last, { userId }))?.since ?? 0));
        await tx.run(PLANS.endPresent, { userId, now });
        await tx.run(PLANS.begin, { userId, plan, now });
        await tx.run(USERS.setQuota, { userId, quotaBytes: null });
      });
    },
    revokeDevices: async (email) => devices.revokeAll(await userOf(email)),
    setDisabled: async (email, disabled) => {
      const userId = await userOf(email);
      const at = disabled ? clock.now() : null;
      await database.transact(directory, async (tx) => {
        await tx.run(USERS.setDisabled, { userId, at });
        if (disabled) await tx.run(DEVICES.revokeAllOfUser, { userId, now: clock.now() });
      });
      if (disabled) await devices.learnRevoked();
    },
    makeAdministrator: async (email) => {
      const userId = await userOf(email);
      await database.transact(directory, (tx) => tx.run(ADMINISTRATORS.insert, { userId, now: clock.now() }));
    },
    plans: async () => {
      const rows = await database.read(directory, (reader) => reader.all(PLANS.list, {}));
      return rows.map((row) => ({ name: row.plan, quotaBytes: row.quota_bytes, retentionDays: row.retention_days }));
    },
    setPlanTerms: async ({ name, quotaBytes, retentionDays }) => {
      await database.transact(directory, (tx) => tx.run(PLANS.insert, { plan: name, quotaBytes, retentionDays }));
    },
  };
}

async function* listed({ database, directory, devices }: UserAdministrationPorts): AsyncGenerator<UserSummary> {
  for (let after = ''; ;) {
    const args = { after, limit: PAGE };
    const page = await database.read(directory, (reader) => reader.all(USERS.list, args));
    for (const row of page) {
      let usedBytes = 0;
      for (const shard of database.shards) {
        const used = await database.read(shard, (reader) => reader.first(USED.byOwner, { ownerId: row.user_id }));
        usedBytes += Number(used?.used ?? 0);
      }
      yield {
        userId: row.user_id,
        email: row.email,
        name: row.name,
        plan: row.plan,
        quotaBytes: Number(row.quota_bytes),
        usedBytes,
        devices: (await devices.list(row.user_id)).length,
        administrator: row.administrator_since !== null,
        disabled: row.disabled_at !== null,
        createdAt: row.created_at,
      };
    }
    const last = page.at(-1);
    if (!last || page.length < PAGE) return;
    after = last.email;
  }
}
