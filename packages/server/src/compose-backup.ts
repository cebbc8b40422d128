import { constants, copyFile, mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CodedError } from '@satchel/protocol/errors.ts';
import { openDiskBlockStore } from './adapters/disk/block-store.ts';
import { openKeyFile } from './adapters/keyfile/keys.ts';
import { createMemoryCache } from './adapters/memory/cache.ts';
import { createMemoryBus } from './adapters/memory/message-bus.ts';
import { copyDatabase, schemaOf } from './adapters/sqlite/copy-database.ts';
import { openSqlite } from './adapters/sqlite/database.ts';
import { databaseFault } from './adapters/sqlite/faults.ts';
import { lockFolder } from './adapters/sqlite/folder-lock.ts';
import { systemClock } from './adapters/system/clock.ts';
import { systemRandom } from './adapters/system/random.ts';
import { adminSocketOf, holdDeletionsOf, type RemoteHold } from './administration/admin-socket.ts';
import { isThere } from './backup/durable-file.ts';
import { BackupFault } from './backup/fault.ts';
import { placesIn } from './backup/folder.ts';
import type { CopyFactory, OpenedCopy } from './backup/opened-copy.ts';
import { restoreBackup, type RestoreOptions, type RestoreReport } from './backup/restore-backup.ts';
import { IDENTITY, METADATA, takeBackup, type BackupOptions, type BackupReport } from './backup/take-backup.ts';
import { BLOCK_SETTINGS, createBlocks } from './block/blocks.ts';
import type { Config } from './config.ts';
import { examine } from './examination.ts';
import { createMeta } from './meta/meta.ts';
import type { BlockStore } from './ports/block-store.ts';
import type { Keys } from './ports/keys.ts';
import { MIGRATIONS } from './ports/migrations.ts';

type Places = Pick<Config, 'data' | 'key-file'>;
export type Say = (message: string) => void;

/** Takes a backup of a server that runs, or of one that does not, which then cannot start meanwhile. */
export async function backUp(
  config: Places,
  options: Omit<BackupOptions, 'withKey'> & { readonly withKey: boolean },
  say: Say,
): Promise<BackupReport> {
  return convertingFaults(async () => {
    if (!(await isThere(join(config.data, 'meta', METADATA))))
      throw new BackupFault('data_missing', `${config.data} holds no server's data; say where it is with --data.`);
    const keys = await existingKeys(config['key-file']);
    using hold = (await holdDeletionsOf(adminSocketOf(config.data))) ?? lockedData(config.data);
    const parts = {
      source: await openDiskBlockStore(join(config.data, 'blocks')),
      openTarget: () => openDiskBlockStore(placesIn(options.folder).blocks),
      databases: { metadata: join(config.data, 'meta', METADATA), identity: join(config.data, IDENTITY) },
      copies: await copyFactory(keys),
      clock: systemClock,
      lock: (folder: string) => lockedFor(folder, `Another command uses ${folder}; wait until it is done.`),
      holdLost: () => hold.lost,
      say,
    };
    await expectKeyFits(parts.source, keys);
    return await takeBackup(parts, { ...options, withKey: options.withKey ? config['key-file'] : undefined });
  });
}

/** Restores into the data folder of the configuration. The key file has to be in its place, or in the backup. */
export async function restore(config: Places, options: Omit<RestoreOptions, 'data'>, say: Say): Promise<RestoreReport> {
  return convertingFaults(async () => {
    const places = placesIn(options.folder);
    if (!(await isThere(options.folder)))
      throw new BackupFault('backup_missing', `There is no folder ${options.folder}.`);
    if (!(await isThere(places.mark)))
      throw new BackupFault('backup_foreign', `${options.folder} is no folder of Satchel's backups.`);
    if (!(await isThere(config['key-file'])) && (await isThere(places.key))) {
      await mkdir(dirname(config['key-file']), { recursive: true, mode: 0o700 });
      await copyFile(places.key, config['key-file'], constants.COPYFILE_EXCL);
      say(`The key file of the backup is put at ${config['key-file']}.`);
    }
    const keys = await existingKeys(config['key-file']);
    const source = await openDiskBlockStore(places.blocks);
    await expectKeyFits(source, keys);
    const openTarget = (): Promise<BlockStore> => openDiskBlockStore(join(config.data, 'blocks'));
    return restoreBackup(
      { source, openTarget, copies: await copyFactory(keys), say },
      { ...options, data: config.data },
    );
  });
}

function lockedData(data: string): RemoteHold {
  const lock = lockedFor(join(data, 'meta'), `Another command, or a server that starts, uses ${data}; try again.`);
  return { lost: false, [Symbol.dispose]: () => lock[Symbol.dispose]() };
}

function lockedFor(folder: string, busy: string): Disposable {
  try {
    return lockFolder(folder, busy);
  } catch (error) {
    if ((error as Error).message !== busy) throw error;
    throw new BackupFault('backup_in_use', busy, { cause: error });
  }
}

async function existingKeys(path: string): Promise<Keys> {
  if (!(await isThere(path)))
    throw new BackupFault(
      'key_missing',
      `There is no key file ${path}. Put its copy there, or say where it is with --key-file: without it the data cannot be read.`,
    );
  return openKeyFile({ path, announce: () => undefined });
}

async function expectKeyFits(store: BlockStore, keys: Keys): Promise<void> {
  for await (const { key } of store.list('keys/')) {
    const wrapped = await store.get(key);
    try {
      if (wrapped !== undefined) await keys.unwrap(wrapped);
    } catch (error) {
      throw new BackupFault('key_wrong', (error as Error).message, { cause: error });
    }
  }
}

async function copyFactory(keys: Keys): Promise<CopyFactory> {
  const text = await readFile(new URL('../package.json', import.meta.url), 'utf8');
  return {
    schemaVersion: MIGRATIONS.length,
    productVersion: (JSON.parse(text) as { version: string }).version,
    open: async (folder, store) => openCopy(folder, store, keys),
    copyDatabase,
    schemaOf,
  };
}

async function openCopy(folder: string, store: BlockStore, keys: Keys): Promise<OpenedCopy> {
  await using opening = new AsyncDisposableStack();
  const [clock, random] = [systemClock, systemRandom];
  const database = opening.use(openSqlite({ folder }));
  const bus = createMemoryBus(() => undefined /* nobody listens to a copy */);
  const settings = { defaultQuotaBytes: undefined, guardDeletes: 'off' } as const;
  const cache = createMemoryCache({ entries: 1000 });
  const meta = opening.use(createMeta({ database, bus, cache, clock, random, settings }));
  const opened = opening.move();
  return {
    ledger: meta.ledger,
    examine: async () => {
      // Opened here, when the data keys are in the store: without them it would make one.
      const limits = { ...BLOCK_SETTINGS, recentBytes: 0, scrubBytesPerSecond: Infinity };
      const blocks = await createBlocks({ store, ledger: meta.ledger, keys, clock, random }, limits);
      const report = await examine({ meta, blocks: blocks.upkeep }, { deep: true });
      if (report.unread > 0)
        throw new BackupFault('folder_unusable', `${report.unread} chunks cannot be read: check the disk.`);
      return report;
    },
    renewEpochs: () => meta.renewEpochs(),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** Faults of disks and databases as an administrator of backups can act on them. */
async function convertingFaults<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw asBackupFault(error);
  }
}

/** What a folder that was named wrongly, or that others own, answers. */
const UNUSABLE = new Set(['EACCES', 'EPERM', 'EROFS', 'EEXIST', 'ENOTDIR']);

function asBackupFault(error: unknown): unknown {
  if (error instanceof BackupFault) return error;
  const fault = databaseFault(error);
  const { code, message } = fault as NodeJS.ErrnoException;
  if ((fault instanceof CodedError && code === 'storage_full') || code === 'ENOSPC' || code === 'EDQUOT')
    return new BackupFault(
      'storage_full',
      `${message}. Make room and run it again: what was copied so far is kept and not copied twice.`,
      { cause: error },
    );
  if (fault instanceof CodedError || UNUSABLE.has(code ?? ''))
    return new BackupFault('folder_unusable', message, { cause: error });
  return error;
}
