import { existsSync, mkdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { DeviceId } from '@satchel/protocol/ids.ts';
import { createAccessTokens } from './accounts/access-tokens.ts';
import { createAccounts } from './accounts/accounts.ts';
import { createDevices, type Devices } from './accounts/devices.ts';
import { createInvites } from './accounts/invites.ts';
import { createRefreshTokens } from './accounts/refresh-tokens.ts';
import { createSignInThrottle } from './accounts/sign-in-throttle.ts';
import { createUserAdministration } from './accounts/user-administration.ts';
import { createIdentity } from './adapters/better-auth/identity.ts';
import { openDiskBlockStore } from './adapters/disk/block-store.ts';
import { floorKeepingBlockStore, spaceAt } from './adapters/disk/free-floor.ts';
import { openKeyFile } from './adapters/keyfile/keys.ts';
import { createLogMailer } from './adapters/mailer-log/log-mailer.ts';
import { createMemoryCache } from './adapters/memory/cache.ts';
import { createMemoryBus } from './adapters/memory/message-bus.ts';
import { openSqlite } from './adapters/sqlite/database.ts';
import { createTableQueue } from './adapters/sqlite/work-queue.ts';
import { systemClock } from './adapters/system/clock.ts';
import { systemRandom } from './adapters/system/random.ts';
import { breakingBlockStore } from './adapters/wrap/breaking-block-store.ts';
import { retryingBlockStore } from './adapters/wrap/retrying-block-store.ts';
import type { Administer } from './administration/admin-socket.ts';
import { createAdminister } from './administration/commands.ts';
import { RESTORING } from './backup/restore-backup.ts';
import { BLOCK_SETTINGS, createBlocks } from './block/blocks.ts';
import { openDataKeys } from './block/data-keys.ts';
import type { Config } from './config.ts';
import { createOpenConnections, type OpenConnections } from './gateway/open-connections.ts';
import type { Services } from './gateway/services.ts';
import { createMeta, type Meta } from './meta/meta.ts';
import { USERS } from './meta/people.ts';
import { DIRECTORY } from './meta/shards.ts';
import { createLongPolls } from './notify/long-poll.ts';
import { createNotifier, type Notifier } from './notify/notifier.ts';
import { MIGRATIONS } from './ports/migrations.ts';
import { doctorTask, upkeepJobs, upkeepTasks, type UpkeepHealth, type UpkeepParts } from './upkeep.ts';
import { createDeletionGate } from './work/deletion-gate.ts';
import { expectAllOfUsed, expectWholeData } from './whole-data.ts';
import { startSchedule } from './work/schedule.ts';
import { startWorker } from './work/worker.ts';

/** All services of one process on their adapters. Disposing it closes everything in the right order. */
export interface Composition extends AsyncDisposable {
  readonly services: Services;
  readonly administer: Administer;
  /** Nothing stored is deleted until it is disposed: a backup copies it. */
  holdDeletions(): Promise<Disposable>;
  /** The one-time word of a new administrator. */
  openSetup(): string;
  /** Why requests should not come here, or undefined. */
  fault(): Promise<string | undefined>;
  /** What the last daily examination of the data found. */
  examined(): UpkeepHealth['examined'];
  /** Begins what runs beside the requests. */
  startWork(): void;
  /** Ends long-lived answers; their clients come back to another node, or to this one after its restart. */
  endNotifications(): Promise<void>;
}

/** Revocations by other processes are learnt of this often. */
const LEARN_REVOKED_MS = 5_000;
const JOB_ATTEMPTS = 8;
const CACHE_ENTRIES = 50_000;

/** @throws Error with a sentence for the operator when something cannot be opened */
export async function compose(config: Config, log: Logger): Promise<Composition> {
  await using opening = new AsyncDisposableStack();
  const base = await openBase(config, log, opening);
  const { clock, random, database } = base;

  const meta = opening.use(
    createMeta({
      database,
      bus: base.bus,
      cache: base.cache,
      clock,
      random,
      settings: { defaultQuotaBytes: config['default-quota'], guardDeletes: config['guard-deletes'] },
    }),
  );
  const blocks = await createBlocks(
    { store: base.store, ledger: meta.ledger, keys: base.keys, clock, random },
    { ...BLOCK_SETTINGS, deduplication: config.dedup },
  );
  const notifier = opening.use(composeNotifier(base, meta, log));
  const connections = createOpenConnections();
  const people = composeAccounts(config, log, { ...base, opening, meta, connections });
  const stopping = new AbortController();
  opening.defer(() => stopping.abort());
  void watchRevoked(people.devices, connections, { signal: stopping.signal, log });

  const gate = createDeletionGate();
  const health: UpkeepHealth = { examined: undefined };
  const upkeep: UpkeepParts = { blocks: blocks.upkeep, meta, gate, clock };
  const administer = createAdminister({
    users: createUserAdministration({
      database,
      directory: DIRECTORY,
      devices: people.devices,
      clock,
    }),
    invites: people.invites,
    publicUrl: publicUrlOf(config),
    upkeep: upkeepTasks(upkeep),
    doctor: doctorTask(upkeep),
    schemaVersion: MIGRATIONS.length,
  });
  const resources = opening.move();
  return {
    services: {
      accounts: people.accounts,
      meta,
      blocks,
      notifier,
      longPolls: createLongPolls(notifier, clock),
      connections,
    },
    administer,
    holdDeletions: gate.hold,
    openSetup: people.invites.openSetup,
    examined: () => health.examined,
    fault: async () => (base.store.isOpen() ? 'The block store does not answer.' : undefined),
    startWork: () => {
      if (!config.role.includes('work')) return;
      const queue = createTableQueue({ database, clock, random, maxAttempts: JOB_ATTEMPTS });
      resources.use(startWorker({ queue, clock, random, log, handlers: upkeepJobs(upkeep, health, log) }));
      resources.use(startSchedule({ queue, clock, log }));
    },
    endNotifications: async () => notifier[Symbol.asyncDispose](),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

function composeNotifier({ bus, clock, random }: Base, meta: Meta, log: Logger): Notifier {
  return createNotifier({ bus, clock, random, workspacesOf: meta.workspacesOf, log });
}

type Base = Awaited<ReturnType<typeof openBase>>;

/** What everything stands on. The database comes first: it takes the lock of the data folder. */
async function openBase(config: Config, log: Logger, opening: AsyncDisposableStack) {
  const clock = systemClock;
  const random = systemRandom;
  mkdirSync(config.data, { recursive: true, mode: 0o700 });
  if (existsSync(join(config.data, RESTORING)))
    throw new Error(`${config.data} holds a restore that was cut off. Run the same "satchel admin restore" again.`);
  const parts = await expectWholeData(config);
  const database = opening.use(openSqlite({ folder: join(config.data, 'meta') }));
  if ((await database.read(DIRECTORY, (reader) => reader.first(USERS.any, {}))) !== undefined)
    expectAllOfUsed(parts, config.data);
  const announce = (message: string): void => log.warn(message);
  const keys = await openKeyFile({ path: config['key-file'], announce });
  const folder = join(config.data, 'blocks');
  const disk = floorKeepingBlockStore(await openDiskBlockStore(folder), () => spaceAt(folder), clock);
  const store = breakingBlockStore(retryingBlockStore(disk, { clock, random }), clock);
  const dataKeys = await openDataKeys(store, keys, random);
  const bus = createMemoryBus((error) => log.error({ err: error }, 'a listener of pings failed'));
  const cache = createMemoryCache({ entries: CACHE_ENTRIES });
  return { clock, random, database, store, keys, dataKeys, bus, cache };
}

function composeAccounts(
  config: Config,
  log: Logger,
  parts: Base & { readonly opening: AsyncDisposableStack; readonly meta: Meta; readonly connections: OpenConnections },
) {
  const { clock, random, database, dataKeys, opening, meta, connections } = parts;
  const identity = opening.use(
    createIdentity({
      file: join(config.data, 'identity.sqlite'),
      secret: dataKeys.derive('verification mails'),
      publicUrl: publicUrlOf(config),
      clock,
      random,
      mailer: createLogMailer(log),
      log,
    }),
  );
  const directory = DIRECTORY;
  const tokens = createRefreshTokens(dataKeys.derive('refresh tokens'));
  const devices = createDevices({ database, directory, tokens, clock, random });
  const invites = createInvites({ database, directory, clock, random });
  const accounts = createAccounts({
    identity,
    people: meta,
    devices,
    invites,
    tokens: createAccessTokens(dataKeys.derive('access tokens'), clock),
    throttle: createSignInThrottle(clock),
    database,
    directory,
    clock,
    signup: config.signup,
    onRevoked: (deviceId: DeviceId) => connections.cutDevice(deviceId),
  });
  return { accounts, devices, invites };
}

/** Learns of devices that other processes have signed out, and ends their connections. Supervised: goes on after a fault. */
async function watchRevoked(
  devices: Devices,
  connections: OpenConnections,
  { signal, log }: { readonly signal: AbortSignal; readonly log: Logger },
): Promise<void> {
  while (!signal.aborted) {
    try {
      await devices.learnRevoked();
      for (const deviceId of connections.devices()) if (devices.isRevoked(deviceId)) connections.cutDevice(deviceId);
    } catch (error) {
      log.warn({ err: error }, 'signed-out devices could not be read; trying again');
    }
    await systemClock.delay(LEARN_REVOKED_MS, signal);
  }
}

function publicUrlOf(config: Config): string {
  const { host, port } = config.listen;
  const all = host === '0.0.0.0' || host === '::';
  const name = all ? hostname() : host.includes(':') ? `[${host}]` : host;
  return config['public-url'] ?? `${config.tls ? 'https' : 'http'}://${name}:${port}`;
}
