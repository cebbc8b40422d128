import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { newId, type DeviceId, type ObjectId, type UserId, type WorkspaceId } from '@satchel/protocol/ids.ts';
import type { ObjectRecord } from '@satchel/protocol/objects.ts';
import { USERS } from '@satchel/server/accounts/user-statements.ts';
import { createMemoryCache } from '@satchel/server/adapters/memory/cache.ts';
import { createMemoryBus } from '@satchel/server/adapters/memory/message-bus.ts';
import { openSqlite } from '@satchel/server/adapters/sqlite/database.ts';
import { writtenAt } from '@satchel/server/block/block-names.ts';
import { createBlocks, type Blocks } from '@satchel/server/block/blocks.ts';
import { createMeta, type Meta } from '@satchel/server/meta/meta.ts';
import { DIRECTORY } from '@satchel/server/meta/shards.ts';
import { createNotifier, type Notifier } from '@satchel/server/notify/notifier.ts';
import type { BlockKey, BlockStore } from '@satchel/server/ports/block-store.ts';
import type { Caller } from '@satchel/server/ports/chunk-ledger.ts';
import type { Database } from '@satchel/server/ports/database.ts';
import type { Keys } from '@satchel/server/ports/keys.ts';
import type { Chance } from './chance.ts';
import { createSimClock, createSimRandom } from './machine.ts';
import type { Life, Scheduler } from './scheduler.ts';

/** What one run of the server process consists of. */
interface Services extends Life {
  readonly meta: Meta;
  readonly blocks: Blocks;
  readonly notifier: Notifier;
}

/** Where databases lie: in memory, where the system offers that. */
export function scratchFolder(): string {
  return mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'satchel-sim-'));
}

/** Somebody with an account. What the server gives them is known once it has started. */
export interface SimAccount {
  readonly email: string;
  readonly userId: UserId;
  workspaceId: WorkspaceId;
  rootId: ObjectId;
}

/** The real Meta, Block and Notification Service. What is stored outlives a crash. */
export class SimServer implements AsyncDisposable {
  readonly #scheduler: Scheduler;
  readonly #chance: Chance;
  readonly #folder = scratchFolder();
  #database: Database;
  /** Ends when the metadata lies as it was backed up. */
  #starting: Promise<void> | undefined;
  #restoring: Promise<void> | undefined;
  #isRestored = false;
  readonly #objects = new Map<BlockKey, Uint8Array>();
  readonly accounts: readonly SimAccount[];
  readonly #owners = new Map<DeviceId, SimAccount>();
  services: Services | undefined;
  crashes = 0;
  guardDeletes = 1000;

  constructor(scheduler: Scheduler, chance: Chance, accounts = 1) {
    this.#scheduler = scheduler;
    this.#chance = chance;
    this.#database = this.#open();
    this.accounts = Array.from({ length: accounts }, (_, index) => ({
      email: `${'abc'.charAt(index)}@example.org`,
      userId: newId<UserId>(1_800_000_000_000, chance.bytes(10)),
      workspaceId: '' as WorkspaceId,
      rootId: '' as ObjectId,
    }));
  }

  #open(): Database {
    return openSqlite({ folder: this.#folder, batch: { works: 256, ms: 1e9 } });
  }

  /** At most one start at a time: two processes would be two servers. */
  start(): Promise<void> {
    return (this.#starting ??= this.#start().finally(() => (this.#starting = undefined)));
  }

  async #start(): Promise<void> {
    await this.#restoring;
    const life: Life = { isAlive: true };
    const clock = createSimClock(this.#scheduler, { offsetMs: 0 }, life);
    const random = createSimRandom(this.#chance);
    const bus = createMemoryBus((error) => (this.#scheduler.failure ??= error));
    const meta = createMeta({
      database: this.#database,
      bus,
      cache: createMemoryCache({ entries: 10_000 }),
      clock,
      random,
      settings: { defaultQuotaBytes: undefined, guardDeletes: this.guardDeletes },
    });
    if (this.#isRestored) await meta.renewEpochs();
    this.#isRestored = false;
    const store = createSimStore(this.#objects, this.#scheduler, { chance: this.#chance, life });
    const blocks = await createBlocks({ store, ledger: meta.ledger, keys: PLAIN_KEYS, clock, random });
    const notifier = createNotifier({
      bus,
      clock,
      random,
      workspacesOf: meta.workspacesOf,
      log: { warn: () => undefined },
    });
    for (const account of this.accounts) {
      const { userId, email } = account;
      account.workspaceId = (await meta.ensure({ userId, email, name: email.slice(0, 1) })).workspaceId;
      const { workspaces } = await meta.workspaces(this.callerOf(account));
      account.rootId = workspaces.find(({ kind }) => kind === 'personal')!.rootId;
    }
    this.services = { isAlive: true, meta, blocks, notifier };
    const { services } = this;
    Object.defineProperty(services, 'isAlive', {
      get: () => life.isAlive,
      set(value: boolean) {
        life.isAlive = value;
      },
    });
  }

  /** kill -9: what was on its way is never answered. */
  crash(): void {
    if (this.services === undefined) return;
    this.services.isAlive = false;
    this.services = undefined;
    this.crashes++;
    this.#scheduler.note('server crashes');
  }

  /** The metadata as it is now; storage objects are never changed. */
  backUp(): void {
    rmSync(this.#backup(), { force: true });
    using database = new DatabaseSync(join(this.#folder, 'satchel.sqlite'), { readOnly: true });
    database.exec(`VACUUM INTO '${this.#backup()}'`);
  }

  /** S10: the server dies and is put back to its backup. */
  async restore(): Promise<void> {
    await this.#starting;
    this.crash();
    this.#scheduler.note('server is restored');
    await (this.#restoring ??= this.#putBack());
    this.#restoring = undefined;
  }

  #backup(): string {
    return join(this.#folder, 'backup.sqlite');
  }

  async #putBack(): Promise<void> {
    await this.#database[Symbol.asyncDispose]();
    for (const suffix of ['', '-wal', '-shm']) rmSync(join(this.#folder, `satchel.sqlite${suffix}`), { force: true });
    copyFileSync(this.#backup(), join(this.#folder, 'satchel.sqlite'));
    this.#database = this.#open();
    this.#isRestored = true;
  }

  /** The device is this account's. */
  register(deviceId: DeviceId, account: SimAccount): void {
    this.#owners.set(deviceId, account);
  }

  accountOf(deviceId: DeviceId): SimAccount {
    return this.#owners.get(deviceId) ?? this.accounts[0]!;
  }

  caller(deviceId: DeviceId): Caller {
    return { userId: this.accountOf(deviceId).userId, deviceId };
  }

  /** By a device that does not sync. */
  callerOf({ userId }: SimAccount): Caller {
    return { userId, deviceId: newId<DeviceId>(1_800_000_000_000, new Uint8Array(10)) };
  }

  /** H61: bytes that the accounts may hold; undefined: as many as they want. */
  async setQuota(quotaBytes: number | undefined): Promise<void> {
    await this.#database.transact(DIRECTORY, async (tx) => {
      for (const { userId } of this.accounts) await tx.run(USERS.setQuota, { userId, quotaBytes: quotaBytes ?? null });
    });
  }

  /** H93: a bit of something that is stored is another one. */
  damage(chance: Chance): string | undefined {
    const keys = [...this.#objects.keys()].filter((key) => writtenAt(key) !== undefined);
    if (keys.length === 0) return undefined;
    const key = chance.pick(keys);
    const bytes = this.#objects.get(key)!.slice();
    bytes[chance.below(bytes.length)]! ^= 1 << chance.below(8);
    this.#objects.set(key, bytes);
    return key;
  }

  /** Looks at all that is stored. @returns what is damaged and in use */
  async damaged(): Promise<ReadonlySet<string>> {
    const { meta, blocks } = this.services!;
    await blocks.upkeep.scrub();
    const damaged = new Set<string>();
    for (const account of this.accounts) {
      const { chunks } = await meta.damaged(this.callerOf(account), account.workspaceId, undefined);
      for (const { id } of chunks) damaged.add(id);
    }
    return damaged;
  }

  /** All live objects of a workspace. */
  async listing(account: SimAccount, workspaceId: WorkspaceId): Promise<readonly ObjectRecord[]> {
    const { meta } = this.services!;
    const objects: ObjectRecord[] = [];
    let cursor: string | undefined;
    for (;;) {
      const query = { workspace_id: workspaceId, limit: 1000, ...(cursor ? { cursor } : {}) };
      const page = await meta.list(this.callerOf(account), query);
      objects.push(...page.objects.filter(({ deleted }) => deleted !== true));
      if (!page.hasMore) return objects;
      cursor = page.cursor;
    }
  }

  async doctor(): Promise<readonly unknown[]> {
    const report = await this.services!.meta.doctor();
    return 'findings' in report ? (report.findings as readonly unknown[]) : [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.crash();
    // Works that are still in the queue belong to nobody any more.
    await this.#database[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const PLAIN_KEYS: Keys = {
  create: async () => ({ key: new Uint8Array(32).fill(7), wrapped: new Uint8Array(32).fill(7) }),
  unwrap: async (wrapped) => new Uint8Array(wrapped),
};

/** Objects in memory; an object is absent or whole (B1), also when the server dies meanwhile. */
function createSimStore(
  objects: Map<BlockKey, Uint8Array>,
  scheduler: Scheduler,
  { chance, life }: { chance: Chance; life: Life },
): BlockStore {
  const pause = () => scheduler.sleep(chance.between(0, 2), life);
  return {
    async put(key, bytes) {
      await pause();
      objects.set(key, new Uint8Array(Buffer.concat(bytes.map((part) => Buffer.from(part)))));
    },
    async get(key, range) {
      await pause();
      const bytes = objects.get(key);
      if (bytes === undefined || range === undefined) return bytes?.slice();
      if (range.offset + range.length > bytes.length) throw new RangeError('outside the object');
      return bytes.slice(range.offset, range.offset + range.length);
    },
    size: async (key) => objects.get(key)?.length,
    delete: async (key) => void objects.delete(key),
    async *list(prefix) {
      for (const [key, { length }] of objects) if (key.startsWith(prefix)) yield { key, sizeBytes: length };
    },
  };
}
