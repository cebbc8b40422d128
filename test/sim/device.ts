import { join } from 'node:path';
import { createDaemonControl } from '@satchel/client/daemon/control.ts';
import { Daemon } from '@satchel/client/daemon/daemon.ts';
import { StatusReport } from '@satchel/client/daemon/status.ts';
import type { DaemonControl } from '@satchel/client/control/daemon-control.ts';
import { ClientDatabase } from '@satchel/client/state/database.ts';
import { newId, type DeviceId, type ObjectId } from '@satchel/protocol/ids.ts';
import type { Chance } from './chance.ts';
import { createDiskPort, ROOT } from './disk-port.ts';
import { SimDisk, type Inode } from './disk.ts';
import { createSimHashing } from './hashing.ts';
import {
  createSimClock,
  createSimRandom,
  Incarnation,
  KilledError,
  mortalDatabase,
  wallMs,
  type Faults,
  type WallClock,
} from './machine.ts';
import type { Guards } from './modes.ts';
import { createSimApi, type Line } from './network.ts';
import type { Scheduler } from './scheduler.ts';
import type { SimAccount, SimServer } from './server.ts';
import { traceTrees } from './tracing.ts';
import { createSimWatcher } from './watcher.ts';

export interface World {
  readonly scheduler: Scheduler;
  readonly chance: Chance;
  readonly server: SimServer;
  readonly faults: Faults;
  /** Where databases lie. */
  readonly folder: string;
  readonly hasBirthTimes: boolean;
  /** Every change of the trees is told. */
  readonly isTraced: boolean;
  readonly guards: Guards | undefined;
  readonly isPacking: boolean;
}

interface Running {
  readonly incarnation: Incarnation;
  readonly daemon: Daemon;
  readonly control: DaemonControl;
  readonly stopping: AbortController;
}

/** One machine with its disk, its clock, its line to the server, and, while it runs, its daemon. */
export class SimDevice {
  readonly name: string;
  readonly deviceId: DeviceId;
  readonly account: SimAccount;
  readonly disk: SimDisk;
  readonly wall: WallClock;
  readonly line: Line;
  readonly log: string[] = [];
  readonly #world: World;
  readonly #hasExchange: boolean;
  readonly #spinMs: number;
  /** Outlives the daemons, as the file does that it stands for. */
  #database = new ClientDatabase(':memory:');
  running: Running | undefined;
  readonly #runs: AbortController[] = [];
  kills = 0;
  powerCuts = 0;
  /** A file with the database as it was some time ago: what a power cut may leave of it. */
  #snapshot: string | undefined;
  #snapshots = 0;

  constructor(world: World, name: string, account = 0) {
    const { chance, scheduler, server } = world;
    this.#world = world;
    this.name = name;
    this.account = server.accounts[account]!;
    this.deviceId = newId<DeviceId>(1_800_000_000_000, chance.bytes(10));
    server.register(this.deviceId, this.account);
    this.wall = { offsetMs: chance.happens(0.3) ? Math.floor(chance.between(-1e9, 1e9)) : 0 };
    // The kernel's clock ticks every 4 ms.
    const wallNs = () => BigInt(Math.floor(wallMs(scheduler, this.wall) / 4) * 4) * 1_000_000n + 123n;
    this.disk = new SimDisk(wallNs, world);
    this.disk.create('.satchel', 'folder');
    this.disk.flush();
    this.line = { isUp: true, latencyMs: chance.pick([1, 5, 40]), lostReplies: 0, lostRequests: 0, duplicates: 0 };
    this.#hasExchange = chance.happens(0.8);
    this.#spinMs = chance.pick([0.001, 0.01, 0.5]);
  }

  start(): void {
    const { scheduler, chance, server, faults } = this.#world;
    const incarnation = new Incarnation(scheduler, chance, { faults, died: () => this.#died() });
    const db = mortalDatabase(this.#database, incarnation, () => {
      // What a power cut leaves is from now on no older than this.
      if (this.#snapshot !== undefined) this.rememberDatabase();
    });
    const clock = createSimClock(scheduler, this.wall, incarnation, this.#spinMs);
    const rootProblem = () =>
      this.disk.isMounted ? undefined : ({ code: 'root_missing', message: 'it is not mounted' } as const);
    const daemon = new Daemon({
      ports: {
        disk: createDiskPort(this.disk, incarnation, { hasExchange: this.#hasExchange }),
        hashing: createSimHashing(this.disk, incarnation, this.#world),
        api: createSimApi(server, incarnation, { line: this.line, deviceId: this.deviceId }),
        clock,
        random: createSimRandom(chance),
        db,
        rootProblem,
        breathe: () => incarnation.sleep(0),
        log: (message, details) => this.#note(`${message} ${JSON.stringify(details ?? {})}`),
        watcher: createSimWatcher(this.disk, incarnation),
      },
      identity: { workspaceId: this.account.workspaceId, deviceName: () => this.name },
      preferences: {
        guardDeletes: () => this.#world.guards?.client ?? 1000,
        freeFloorBytes: () => 0,
        trash: () => ({ maxAgeMs: 1e12, maxBytes: 1e12 }),
      },
    });
    if (this.#world.isTraced) traceTrees(daemon, (what) => scheduler.tell(`${this.name}: ${what}`));
    const about = { root: ROOT, server: 'sim', account: this.account.email, device: () => this.name };
    const report = new StatusReport({
      daemon,
      db,
      rootProblem,
      session: () => 'signed_in',
      about,
      monotonic: () => clock.monotonic(),
    });
    const stopping = new AbortController();
    const control = createDaemonControl({
      daemon,
      report,
      db,
      reloadSettings: () => undefined,
      stop: async () => stopping.abort(),
    });
    this.running = { incarnation, daemon, control, stopping };
    this.#runs.push(stopping);
    this.#note('starts');
    daemon.run(stopping.signal).catch((error: unknown) => {
      if (incarnation.isAlive && !(error instanceof KilledError)) scheduler.failure ??= error;
    });
  }

  #note(what: string): void {
    const line = `${this.#world.scheduler.now.toFixed(0)} ${this.name}: ${what}`;
    this.log.push(line);
    this.#world.scheduler.note(line);
  }

  /** kill -9. */
  kill(): void {
    this.running?.incarnation.kill();
  }

  /** Signals that nobody aborts are kept by the runtime, with the dead daemon that listens to them. */
  bury(): void {
    this.kill();
    for (const stopping of this.#runs) stopping.abort();
    this.#database[Symbol.dispose]();
  }

  #died(): void {
    const { running } = this;
    if (running === undefined) return;
    this.running = undefined;
    this.kills++;
    this.#note('is killed');
    this.disk.changes.length = 0;
  }

  /** The folder on this disk that its daemon knows, or knew when it was last alive, by this id. */
  folderOf(objectId: ObjectId): Inode | undefined {
    const row = this.#database.first("SELECT ino FROM local WHERE object_id = ? AND kind = 'folder'", objectId);
    if (row === undefined) return undefined;
    for (const [, inode] of this.disk.walk()) if (inode.ino === row['ino'] && inode.type === 'folder') return inode;
    return undefined;
  }

  /** What a power cut may later take the database back to. */
  rememberDatabase(): void {
    if (this.running === undefined) return;
    this.#snapshot = join(this.#world.folder, `${this.name}-${this.#snapshots++}.db`);
    this.#database.run('VACUUM INTO ?', this.#snapshot);
  }

  /** @returns contents lost to users, and what lies in their place */
  powerCut(): ReturnType<SimDisk['powerCut']> {
    const { chance } = this.#world;
    this.kill();
    this.powerCuts++;
    this.#note('loses power');
    this.disk.mount();
    const outcome = this.disk.powerCut(chance);
    const snapshot = this.#snapshot;
    if (snapshot !== undefined && chance.happens(0.5)) {
      this.#note('the database is as it was some time ago');
      this.#world.scheduler.after(1, () => {
        this.#database[Symbol.dispose]();
        this.#database = new ClientDatabase(snapshot);
      });
    }
    this.#snapshot = undefined;
    return outcome;
  }

  /** The user's view: path → what is there. */
  tree(): ReadonlyMap<string, string> {
    const tree = new Map<string, string>();
    for (const [path, inode] of this.disk.walk()) {
      if (path === '.satchel' || path.startsWith('.satchel/')) continue;
      const bit = (inode.mode & 0o100) === 0 ? '' : ' x';
      const text =
        inode.type === 'file'
          ? `file${bit} ${inode.data.toString('latin1')}`
          : inode.type === 'symlink'
            ? `link ${inode.target}`
            : 'folder';
      tree.set(path, text);
    }
    return tree;
  }
}
