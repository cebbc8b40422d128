import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Durability, QueryBuilder, SqlValue, Statement, Transaction } from '../../ports/database.ts';
import { compileStatement } from './compile.ts';

/** A statement made ready on one connection; `bind` puts arguments into the order of its placeholders. */
interface Prepared {
  readonly statement: StatementSync;
  readonly bind: (args: Readonly<Record<string, SqlValue>>) => SqlValue[];
  readonly writes: boolean;
}

export interface ConnectionOptions {
  readonly file: string;
  readonly builder: QueryBuilder;
  readonly readOnly: boolean;
}

/** What every connection is set to. FULL: a commit is on the disk before it is acknowledged (S2). */
const SETTINGS = `
  pragma journal_mode = wal;
  pragma synchronous = full;
  pragma foreign_keys = on;
  pragma temp_store = memory;
  pragma wal_autocheckpoint = 16000;
  pragma journal_size_limit = 67108864;`;
/** Pages are cached up to this; chunk ids are random, so the writer touches pages all over its indexes. */
const CACHE_KIB = { writer: 65_536, reader: 16_384 };
const BUSY_TIMEOUT_MS = 5000;

/** One connection to the file, with its prepared statements. */
export class Connection {
  readonly #database: DatabaseSync;
  readonly #builder: QueryBuilder;
  readonly #prepared = new WeakMap<object, Prepared>();
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #savepoint: StatementSync;
  readonly #release: StatementSync;
  #durability: Durability = 'full';
  /** Counts the statements that may have written. */
  writes = 0;

  constructor(options: ConnectionOptions) {
    this.#database = new DatabaseSync(options.file, { timeout: BUSY_TIMEOUT_MS });
    this.#builder = options.builder;
    this.#database.exec(SETTINGS);
    this.#database.exec(`pragma cache_size = -${options.readOnly ? CACHE_KIB.reader : CACHE_KIB.writer}`);
    if (options.readOnly) this.#database.exec('pragma query_only = on');
    this.#begin = this.#database.prepare(options.readOnly ? 'begin' : 'begin immediate');
    this.#commit = this.#database.prepare('commit');
    this.#savepoint = this.#database.prepare('savepoint work');
    this.#release = this.#database.prepare('release work');
  }

  /** The log is written in order and synced as a whole: what is durable brings along what was relaxed before it. */
  begin(durability: Durability): void {
    if (durability !== this.#durability)
      this.#database.exec(`pragma synchronous = ${durability === 'full' ? 'full' : 'normal'}`);
    this.#durability = durability;
    this.#begin.run();
  }

  commit(): void {
    this.#commit.run();
  }

  savepoint(): void {
    this.#savepoint.run();
  }

  release(): void {
    this.#release.run();
  }

  /** Takes back everything since the savepoint. */
  undo(): void {
    this.#database.exec('rollback to work; release work');
  }

  /** Ends a transaction without effect; SQLite may have done so itself after a fault of the disk. */
  rollback(): void {
    if (this.#database.isTransaction) this.#database.exec('rollback');
  }

  get inTransaction(): boolean {
    return this.#database.isTransaction;
  }

  exec(sql: string): void {
    this.#database.exec(sql);
  }

  prepare(sql: string): { get(): unknown } {
    return this.#database.prepare(sql);
  }

  all<Args, Row>(query: Statement<Args, Row>, args: Args): readonly Row[] {
    const { statement, bind, writes } = this.#prepare(query);
    if (writes) this.writes++;
    return statement.all(...bind(args as Readonly<Record<string, SqlValue>>)) as unknown as readonly Row[];
  }

  first<Args, Row>(query: Statement<Args, Row>, args: Args): Row | undefined {
    const { statement, bind, writes } = this.#prepare(query);
    if (writes) this.writes++;
    return statement.get(...bind(args as Readonly<Record<string, SqlValue>>)) as unknown as Row | undefined;
  }

  run<Args, Row>(query: Statement<Args, Row>, args: Args): number {
    const { statement, bind } = this.#prepare(query);
    this.writes++;
    return Number(statement.run(...bind(args as Readonly<Record<string, SqlValue>>)).changes);
  }

  close(): void {
    this.#database.close();
  }

  #prepare<Args, Row>(query: Statement<Args, Row>): Prepared {
    const known = this.#prepared.get(query);
    if (known !== undefined) return known;
    const { sql, parameters } = compileStatement(this.#builder, query);
    const bind = (args: Readonly<Record<string, SqlValue>>): SqlValue[] => {
      const values: SqlValue[] = [];
      for (const parameter of parameters) {
        const value = args[parameter];
        if (value === undefined) throw new TypeError(`An argument is missing for: ${sql}`);
        values.push(value);
      }
      return values;
    };
    const prepared = { statement: this.#database.prepare(sql), bind, writes: !/^(?:select|with)\b/i.test(sql) };
    this.#prepared.set(query, prepared);
    return prepared;
  }
}

/** A view of a connection for one work; using it after `end` is an error (D6). */
export class WorkView implements Transaction, Disposable {
  readonly #connection: Connection;
  readonly #writesBefore: number;
  #ended = false;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#writesBefore = connection.writes;
  }

  async all<Args, Row>(query: Statement<Args, Row>, args: Args): Promise<readonly Row[]> {
    return this.#open().all(query, args);
  }

  async first<Args, Row>(query: Statement<Args, Row>, args: Args): Promise<Row | undefined> {
    return this.#open().first(query, args);
  }

  async run<Args, Row>(query: Statement<Args, Row>, args: Args): Promise<number> {
    return this.#open().run(query, args);
  }

  /** Whether something may have to be undone. */
  get hasWritten(): boolean {
    return this.#connection.writes > this.#writesBefore;
  }

  [Symbol.dispose](): void {
    this.#ended = true;
  }

  #open(): Connection {
    if (this.#ended) throw new Error('A transaction or reader was used after its work had ended.');
    return this.#connection;
  }
}
