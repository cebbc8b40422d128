import type { Compilable } from 'kysely';
import type { QueryBuilder } from './schema.ts';

export type ShardId = number & { readonly __brand: 'ShardId' };

/** A value that both dialects store: integers up to 2^53, text, bytes, null. Booleans are 0 and 1. */
export type SqlValue = number | string | Uint8Array | null;

/**
 * SQL is written once, with Kysely, for both dialects, and compiled once: `build` makes the query with placeholders;
 * an adapter prepares it and runs it with the arguments in place.
 */
export interface Statement<Args, Row> {
  readonly build: (q: QueryBuilder, arg: Placeholder<Args>) => Compilable<Row>;
}

/** Stands for an argument in a query; typed as its value, so that the query is checked against the columns. */
export type Placeholder<Args> = <K extends keyof Args>(name: K) => Args[K];

/**
 * A statement, to be kept as a constant: adapters recognise it by identity. Constants in it are written as literals,
 * so that the planner knows them: a partial index serves only a query in which its condition stands.
 *
 * `const byId = statement<{ id: ObjectId }>()((q, arg) => q.selectFrom('objects').where('object_id', '=', arg('id')) …)`
 */
export function statement<Args>() {
  return <Row>(build: Statement<Args, Row>['build']): Statement<Args, Row> => ({ build });
}

/** `relaxed`: a power cut may take it back (D9). */
export type Durability = 'full' | 'relaxed';

export interface Reader {
  all<Args, Row>(query: Statement<Args, Row>, args: Args): Promise<readonly Row[]>;
  first<Args, Row>(query: Statement<Args, Row>, args: Args): Promise<Row | undefined>;
}

export interface Transaction extends Reader {
  /** Returns the number of rows changed. */
  run<Args, Row>(query: Statement<Args, Row>, args: Args): Promise<number>;
}

/**
 * The metadata database.
 *
 * - D1 `transact` resolves only after the work is durable (S2); when `work` throws, nothing of it is visible.
 * - D2 Works of one shard that write the same workspace are serialised (S3): what a work has read stays true until it commits.
 * - D3 `read` sees only committed state, the same throughout, and everything committed before it was called.
 * - D4 Adapters may commit several works together (group commit); each stays all-or-nothing on its own.
 * - D5 A work may be run again after a serialisation failure: it must have no effect outside the transaction.
 * - D6 A reader or transaction is not used after its work has ended; trying to is an error.
 * - D7 A full disk is CodedError('storage_full'); other faults of the machine are CodedError('unavailable') with the cause.
 * - D8 Opening migrates in one transaction; a database that a newer program has migrated is refused (H95).
 * - D9 A `relaxed` work resolves once it is committed and seen by everybody. It is durable with the next work of its shard
 *   that is not relaxed, never after it. For what is asked for again where it is missing, such as the record of a chunk.
 */
export interface Database extends AsyncDisposable {
  readonly shards: readonly ShardId[];
  transact<T>(shard: ShardId, work: (tx: Transaction) => Promise<T>, durability?: Durability): Promise<T>;
  read<T>(shard: ShardId, work: (reader: Reader) => Promise<T>): Promise<T>;
}

export type { QueryBuilder, Schema } from './schema.ts';
