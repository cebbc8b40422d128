import type { Compilable } from 'kysely';
import type { Schema } from '../meta/schema.ts';
import type { QueryBuilder } from '../meta/schema.ts';

export type ShardId = number & { readonly __brand: 'ShardId' };

/** A value that both dialects store: integers up to 2^53, text, bytes, null. Booleans are 0 and 1. */
export type SqlValue = number | string | Uint8Array | null;

/**
 * SQL is written once, with Kysely, for both dialects, and compiled once: `statement((q, arg) => …)` builds the
 * query with placeholders; an adapter prepares it and runs it with the arguments in place.
 */
export interface Statement<Args extends Readonly<Record<string, SqlValue>>, Row> {
  readonly build: (q: QueryBuilder, arg: <K extends keyof Args>(name: K) => Args[K]) => Compilable<Row>;
}

export interface Reader {
  all<A extends Readonly<Record<string, SqlValue>>, R>(statement: Statement<A, R>, args: A): Promise<readonly R[]>;
  first<A extends Readonly<Record<string, SqlValue>>, R>(statement: Statement<A, R>, args: A): Promise<R | undefined>;
}

export interface Transaction extends Reader {
  /** Returns the number of rows changed. */
  run<A extends Readonly<Record<string, SqlValue>>, R>(statement: Statement<A, R>, args: A): Promise<number>;
}

/**
 * The metadata database.
 *
 * - D1 `transact` resolves only after the work is durable (S2); when `work` throws, nothing of it is visible.
 * - D2 Works of one shard that write the same workspace are serialised (S3): what a work has read stays true until it commits.
 * - D3 `read` sees only committed state, and everything committed before it was called.
 * - D4 Adapters may commit several works together (group commit); each stays all-or-nothing on its own.
 * - D5 A work may be run again after a serialisation failure: it must have no effect outside the transaction.
 */
export interface Database extends AsyncDisposable {
  readonly shards: readonly ShardId[];
  transact<T>(shard: ShardId, work: (tx: Transaction) => Promise<T>): Promise<T>;
  read<T>(shard: ShardId, work: (reader: Reader) => Promise<T>): Promise<T>;
}

export type { Schema };
