import { DatabaseSync, type StatementSync, type SQLInputValue } from 'node:sqlite';
import { SCHEMA, SCHEMA_VERSION } from './schema.ts';
import type { ColumnRow, SqlRow } from './rows.ts';

/**
 * Why a client database cannot be used. The caller rebuilds a damaged one by a merge (C7), and stops for a newer one
 * (H95) and for one that cannot be opened now, for want of room, of descriptors or of a lock.
 */
export type DatabaseFault = 'corrupt' | 'newer' | 'unavailable';

/** SQLite's primary result codes (sqlite.org/rescode.html). */
const CANNOT_BE_OPENED_NOW: ReadonlySet<number> = new Set([
  3, // PERM
  5, // BUSY
  7, // NOMEM
  8, // READONLY
  10, // IOERR
  13, // FULL
  14, // CANTOPEN
]);
/** Of IOERR: the file is shorter than it was. */
const SHORT_READ = 522;

export class ClientDatabaseError extends Error {
  readonly fault: DatabaseFault;
  constructor(fault: DatabaseFault, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'ClientDatabaseError';
    this.fault = fault;
  }
}

/**
 * The client's SQLite database. Statements are prepared once; all work happens on the control thread.
 * synchronous=NORMAL: after a power cut the database may be some transactions behind the disk, which is safe, since
 * it holds observations: the start-up scan and listing come before the first plan. What is no observation, and would
 * be missed then, is made durable before anything is done by it.
 */
export class ClientDatabase implements Disposable {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #columnStatements = new Map<string, StatementSync>();
  readonly #onRollback: (() => void)[] = [];
  #depth = 0;

  constructor(path: string) {
    this.#db = openChecked(path);
  }

  all(sql: string, ...args: SQLInputValue[]): SqlRow[] {
    return this.#statement(sql).all(...args) as SqlRow[];
  }

  /** As `all`, for many rows: the columns in the order in which they were asked for. */
  columns(sql: string, ...args: SQLInputValue[]): ColumnRow[] {
    return this.#columnStatement(sql).all(...args) as unknown as ColumnRow[];
  }

  /** As `first`, for what is asked often. */
  firstColumns(sql: string, ...args: SQLInputValue[]): ColumnRow | undefined {
    return this.#columnStatement(sql).get(...args) as unknown as ColumnRow | undefined;
  }

  first(sql: string, ...args: SQLInputValue[]): SqlRow | undefined {
    return this.#statement(sql).get(...args) as SqlRow | undefined;
  }

  iterate(sql: string, ...args: SQLInputValue[]): Iterable<SqlRow> {
    return this.#db.prepare(sql).iterate(...args) as Iterable<SqlRow>;
  }

  run(sql: string, ...args: SQLInputValue[]): number {
    return Number(this.#statement(sql).run(...args).changes);
  }

  /** For blobs. */
  value(sql: string, ...args: SQLInputValue[]): unknown {
    const row = this.#statement(sql).get(...args);
    return row === undefined ? undefined : Object.values(row)[0];
  }

  /** Grows with each row that is written or removed. */
  changes(): number {
    return Number(this.first('SELECT total_changes() AS n')?.['n']);
  }

  /** Called after a transaction came to nothing: what was remembered of it is wrong. */
  rolledBack(listener: () => void): void {
    this.#onRollback.push(listener);
  }

  /** All or nothing; nested calls join the outer one. */
  transaction<T>(work: () => T): T {
    if (this.#depth > 0) return work();
    this.#db.exec('BEGIN IMMEDIATE');
    this.#depth++;
    try {
      const result = work();
      this.#db.exec('COMMIT');
      return result;
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      for (const listener of this.#onRollback) listener();
      throw error;
    } finally {
      this.#depth--;
    }
  }

  /** Everything recorded so far survives a power cut; else only what was recorded some time ago does. */
  makeDurable(): void {
    this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  }

  /** Gives memory back: there is nothing to be done. */
  rest(): void {
    this.#db.exec('PRAGMA shrink_memory');
  }

  [Symbol.dispose](): void {
    this.#statements.clear();
    this.#columnStatements.clear();
    this.#db.close();
  }

  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const made = this.#db.prepare(sql);
    this.#statements.set(sql, made);
    return made;
  }

  #columnStatement(sql: string): StatementSync {
    const known = this.#columnStatements.get(sql);
    if (known !== undefined) return known;
    const made = this.#db.prepare(sql);
    made.setReturnArrays(true);
    this.#columnStatements.set(sql, made);
    return made;
  }
}

/**
 * The hashes of files are random, so a mass change touches pages all over their index. A log four times as long as
 * SQLite's own choice is copied back, and flushed, less than a quarter as often; both are given back at rest.
 */
const SETTINGS = `PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=5000;
  PRAGMA cache_size=-16000; PRAGMA wal_autocheckpoint=4000; PRAGMA journal_size_limit=4194304`;

function openChecked(path: string): DatabaseSync {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path);
    db.exec(SETTINGS);
    const version = Number(Object.values(db.prepare('PRAGMA user_version').get() ?? {})[0]);
    if (version > SCHEMA_VERSION) {
      throw new ClientDatabaseError('newer', `${path} was written by a newer Satchel; update this one to open it`);
    }
    if (version === 0) db.exec(`BEGIN; ${SCHEMA} PRAGMA user_version=${SCHEMA_VERSION}; COMMIT`);
    const check = Object.values(db.prepare('PRAGMA quick_check(1)').get() ?? {})[0];
    if (check !== 'ok') throw new ClientDatabaseError('corrupt', `${path} is damaged: ${String(check)}`);
    return db;
  } catch (error) {
    db?.close();
    if (error instanceof ClientDatabaseError) throw error;
    if (!isForNow(error)) throw new ClientDatabaseError('corrupt', `${path} is no database of Satchel`, error);
    const message = `${path} cannot be opened now (${(error as Error).message}): make room or end what uses it, and start again`;
    throw new ClientDatabaseError('unavailable', message, error);
  }
}

function isForNow(error: unknown): boolean {
  const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) : 0;
  return code !== SHORT_READ && CANNOT_BE_OPENED_NOW.has(code & 0xff);
}
