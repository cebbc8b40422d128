import type { Clock, Random } from '@satchel/client/ports/clock.ts';
import type { ClientDatabase } from '@satchel/client/state/database.ts';
import type { Chance } from './chance.ts';
import type { Life, Scheduler } from './scheduler.ts';

/** Thrown by everything that a killed process calls; nothing that it does afterwards has any effect. */
export class KilledError extends Error {
  constructor() {
    super('the process was killed');
  }
}

export interface Faults {
  /** Of dying at a call of the disk or the database, in place of finishing it. */
  killPerCall: number;
  /** Of EIO, ENOSPC and the like per call of the disk. */
  diskError: number;
  /** Of a request or its reply being lost. */
  lostRequest: number;
  lostReply: number;
  duplicate: number;
  lostPing: number;
  /** Of events being dropped; an overflow is told some time later. */
  overflow: number;
  /** Of a listing being refused because its cursor is too old (H87). */
  expiredCursor: number;
  /** How many times as long as usual changes of names, the reading of files, and events of the watcher take. */
  slowDisk: number;
  slowReading: number;
  slowWatcher: number;
}

export const NO_FAULTS: Faults = {
  killPerCall: 0,
  diskError: 0,
  lostRequest: 0,
  lostReply: 0,
  duplicate: 0,
  lostPing: 0,
  overflow: 0,
  expiredCursor: 0,
  slowDisk: 1,
  slowReading: 1,
  slowWatcher: 1,
};

/** One run of a daemon, from its start to its end or death. */
export class Incarnation implements Life {
  isAlive = true;
  readonly scheduler: Scheduler;
  readonly chance: Chance;
  readonly faults: Faults;
  readonly #died: () => void;

  constructor(scheduler: Scheduler, chance: Chance, { faults, died }: { faults: Faults; died: () => void }) {
    this.scheduler = scheduler;
    this.chance = chance;
    this.faults = faults;
    this.#died = died;
  }

  kill(): void {
    if (!this.isAlive) return;
    this.isAlive = false;
    this.#died();
  }

  /** At the beginning of every call to the world. */
  check(): void {
    if (!this.isAlive) throw new KilledError();
    this.mayDie();
  }

  mayDie(): void {
    if (!this.chance.happens(this.faults.killPerCall)) return;
    this.kill();
    throw new KilledError();
  }

  sleep(ms: number): Promise<void> {
    return this.scheduler.sleep(ms, this);
  }
}

/** Wall time of one machine: off by some time, and jumping. */
export interface WallClock {
  offsetMs: number;
}

const EPOCH_MS = 1_800_000_000_000;

export function wallMs(scheduler: Scheduler, wall: WallClock): number {
  return EPOCH_MS + Math.floor(scheduler.now) + wall.offsetMs;
}

/** @param spinMs what each look at the monotonic clock costs, so that long loops notice that time goes by */
export function createSimClock(scheduler: Scheduler, wall: WallClock, life?: Life, spinMs = 0): Clock {
  return {
    now: () => wallMs(scheduler, wall),
    monotonic: () => scheduler.look(spinMs),
    delay: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve();
        const due = scheduler.after(ms, end, life);
        function end(): void {
          due[Symbol.dispose]();
          signal?.removeEventListener('abort', end);
          resolve();
        }
        signal?.addEventListener('abort', end, { once: true });
      }),
  };
}

export function createSimRandom(chance: Chance): Random {
  return { bytes: (length) => chance.bytes(length), fraction: () => chance.fraction() };
}

/** The client's database as one incarnation has it: the dead read and write nothing. */
export function mortalDatabase(
  db: ClientDatabase,
  incarnation: Incarnation,
  flushed: () => void = () => undefined,
): ClientDatabase {
  const rolledBack: (() => void)[] = [];
  let isInside = false;
  const alive = (): ClientDatabase => {
    if (!incarnation.isAlive) throw new KilledError();
    return db;
  };
  const changing = (): ClientDatabase => {
    alive();
    if (!isInside) incarnation.mayDie();
    return db;
  };
  const mortal: Pick<ClientDatabase, keyof ClientDatabase> = {
    run: (sql, ...args) => changing().run(sql, ...args),
    all: (sql, ...args) => alive().all(sql, ...args),
    first: (sql, ...args) => alive().first(sql, ...args),
    columns: (sql, ...args) => alive().columns(sql, ...args),
    firstColumns: (sql, ...args) => alive().firstColumns(sql, ...args),
    iterate: (sql, ...args) => alive().iterate(sql, ...args),
    value: (sql, ...args) => alive().value(sql, ...args),
    changes: () => alive().changes(),
    rest: () => alive().rest(),
    makeDurable() {
      changing();
      flushed();
    },
    rolledBack: (listener) => void rolledBack.push(listener),
    transaction(work) {
      if (isInside) return alive().transaction(work);
      changing();
      isInside = true;
      try {
        return db.transaction(work);
      } catch (error) {
        for (const listener of rolledBack) listener();
        throw error;
      } finally {
        isInside = false;
      }
    },
    [Symbol.dispose]: () => undefined,
  };
  // The same calls, of a class that has private members: no other way to stand in for it.
  return mortal as ClientDatabase;
}

/** A command that the daemon does not survive is answered by nobody. */
export function unlessKilled(command: () => void): void {
  try {
    command();
  } catch (error) {
    if (!(error instanceof KilledError)) throw error;
  }
}
