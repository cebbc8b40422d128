import { randomUUID } from 'node:crypto';
import { mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { CLIENT_FOLDER } from '@satchel/protocol/names.ts';
import { createHashPool } from './adapters/hash-pool.ts';
import { createHttpApi } from './adapters/http-api.ts';
import { createNativeFiles } from './adapters/linux-files.ts';
import { createRootGuard } from './adapters/marker-root-guard.ts';
import { createNodeDisk } from './adapters/node-disk.ts';
import { createStateStampFile } from './adapters/state-stamp-file.ts';
import { createPooledRandom, systemClock } from './adapters/system-clock.ts';
import { createTokenFile } from './adapters/token-file.ts';
import { createWatcherFor } from './adapters/watcher-choice.ts';
import { loadClientConfig, tokenFile, type ClientConfig } from './config.ts';
import type { DaemonControl } from './control/daemon-control.ts';
import { createDaemonControl } from './daemon/control.ts';
import { Daemon } from './daemon/daemon.ts';
import { StatusReport } from './daemon/status.ts';
import type { RateLimit } from './ports/rate-limit.ts';
import type { StateStamps } from './ports/state-stamps.ts';
import type { Watcher } from './ports/watcher.ts';
import { ClientDatabase, ClientDatabaseError } from './state/database.ts';
import { isOlderCopy, renewStamp } from './state/state-age.ts';
import { createRateLimit } from './transfer/rate-limit.ts';

export interface DaemonSetup {
  readonly home: string;
  readonly config: ClientConfig;
  readonly log: (message: string, details?: Readonly<Record<string, unknown>>) => void;
}

/** Folders without events are swept this often. */
const SWEEP_MS = 60_000;

/**
 * Starts this device's daemon on the real disk, network and clock. It works until `stop`, or until `finished`
 * rejects with what it could not mend.
 */
export async function runDaemon({
  home,
  config,
  log,
}: DaemonSetup): Promise<DaemonControl & { readonly finished: Promise<void> }> {
  let current = config;
  const { account, root } = config;
  const clock = systemClock;
  const up = createRateLimit(clock);
  const down = createRateLimit(clock);
  applyLimits(current, up, down);
  const tokens = createTokenFile(tokenFile(home), clock);
  const api = createHttpApi({ server: new URL(account.server), tokens, clock, up, down });
  const hashing = createHashPool();
  const disk = createNodeDisk(root.path, createNativeFiles());
  const guard = createRootGuard(root.path, root.markerId);
  const stamps = createStateStampFile(root.path);
  const isRootThere = () => guard.problem() === undefined;
  const db = openPresentDatabase(home, log, isRootThere() ? stamps : undefined);
  const restamp = () => {
    try {
      if (isRootThere()) renewStamp(db, stamps, randomUUID());
    } catch (error) {
      // A full disk: the stamp that it has stays good.
      log('the state could not be stamped', { error: String(error) });
    }
  };
  restamp();
  const rootProblem = () => guard.problem();
  const ports = {
    disk,
    hashing,
    api,
    clock,
    random: createPooledRandom(),
    db,
    rootProblem,
    breathe: () => setImmediate(),
    log,
    watcher: lateWatcher,
  };
  const daemon = new Daemon({
    ports,
    identity: { workspaceId: account.workspaceId, deviceName: () => current.settings['device.name'] },
    preferences: {
      guardDeletes: () => current.settings['guard.deletes'],
      freeFloorBytes: () => current.settings['disk.free-floor'],
      trash: () => ({
        maxAgeMs: current.settings['trash.days'] * 24 * 3_600_000,
        maxBytes: current.settings['trash.bytes'],
      }),
    },
  });
  const about = {
    root: root.path,
    server: account.server,
    account: account.email,
    device: () => current.settings['device.name'],
  };
  const session = () => api.session.state();
  const report = new StatusReport({ daemon, db, rootProblem, session, about, monotonic: () => clock.monotonic() });
  const stopping = new AbortController();
  const close = async () => {
    restamp();
    disk[Symbol.dispose]();
    api[Symbol.dispose]();
    await hashing[Symbol.asyncDispose]();
    db[Symbol.dispose]();
  };
  const finished = daemon.run(stopping.signal).finally(close);
  const control = createDaemonControl({
    daemon,
    report,
    db,
    reloadSettings() {
      current = loadClientConfig(home, process.env);
      applyLimits(current, up, down);
      api.session.reload().catch((error: unknown) => log('the stored sign-in cannot be read', { error }));
    },
    async stop() {
      stopping.abort(new Error('the daemon is being stopped'));
      await finished;
    },
  });
  return { ...control, finished };
}

/** Chosen when the folder is there: its file system decides. */
const lateWatcher: Watcher = {
  async watch(root, listener) {
    const watcher = await createWatcherFor(root, {
      privateFolder: CLIENT_FOLDER,
      intervalMs: SWEEP_MS,
      clock: systemClock,
    });
    return watcher.watch(root, listener);
  },
};

function applyLimits(config: ClientConfig, up: RateLimit, down: RateLimit): void {
  const { 'limit.up': upLimit, 'limit.down': downLimit } = config.settings;
  up.set(upLimit === 'off' ? undefined : upLimit);
  down.set(downLimit === 'off' ? undefined : downLimit);
}

/** C7, H86: an older copy of the database is as good as none: merged by content, and nothing is deleted by that. */
function openPresentDatabase(home: string, log: DaemonSetup['log'], stamps: StateStamps | undefined): ClientDatabase {
  const db = openDatabase(home, log);
  if (stamps === undefined || !isOlderCopy(db, stamps)) return db;
  db[Symbol.dispose]();
  const aside = putAside(home, 'outdated');
  log('the database is an older copy: it is put aside and rebuilt from the folder and the server', { aside });
  return openDatabase(home, log);
}

/** C7, H85: a damaged database is put aside and built anew by a merge with the server; nothing is deleted by that. */
function openDatabase(home: string, log: DaemonSetup['log']): ClientDatabase {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  try {
    return new ClientDatabase(databaseOf(home));
  } catch (error) {
    if (!(error instanceof ClientDatabaseError) || error.fault !== 'corrupt') throw error;
    const aside = putAside(home, 'damaged');
    log('the database is damaged: it is put aside and rebuilt from the folder and the server', {
      aside,
      reason: error.message,
    });
    return new ClientDatabase(databaseOf(home));
  }
}

const databaseOf = (home: string): string => join(home, 'client.db');

/** Returns where it lies now. */
function putAside(home: string, why: 'damaged' | 'outdated'): string {
  const aside = `${databaseOf(home)}.${why}-${Date.now()}`;
  for (const suffix of ['', '-wal', '-shm']) moveAside(databaseOf(home) + suffix, aside + suffix);
  return aside;
}

function moveAside(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
}
