import type { WorkspaceId } from '@satchel/protocol/ids.ts';
import {
  statement,
  type Database,
  type Durability,
  type Reader,
  type ShardId,
  type Statement,
  type Transaction,
} from '../ports/database.ts';
import type { MetaParts } from './parts.ts';

/** Users, devices, plans, members and the map of workspaces. */
export const DIRECTORY = 0 as ShardId;

/** A transaction or reader and the shard that it is on. */
export interface OnShard<Tx extends Reader = Transaction> {
  readonly shard: ShardId;
  readonly tx: Tx;
}

const shardRow = statement<{ workspaceId: WorkspaceId }>()((q, arg) =>
  q.selectFrom('workspace_shards').select('shard').where('workspace_id', '=', arg('workspaceId')),
);

/** Where a workspace lies; the directory for one that does not exist, where it will not be found either. */
export async function shardOfWorkspace(
  { database, cache }: Pick<MetaParts, 'database' | 'cache'>,
  workspaceId: WorkspaceId,
): Promise<ShardId> {
  const [only] = database.shards;
  if (database.shards.length === 1 && only !== undefined) return only;
  const key = `workspace:${workspaceId}:shard`;
  const known = await cache.get<ShardId>(key);
  if (known !== undefined) return known;
  const stamp = cache.stamp();
  const row = await database.read(DIRECTORY, async (reader) => reader.first(shardRow, { workspaceId }));
  if (row === undefined) return DIRECTORY;
  await cache.set(key, row.shard as ShardId, stamp);
  return row.shard as ShardId;
}

/** Where a chunk is recorded: chunk ids are hashes, so any four bytes spread evenly. */
export function shardOfChunk(database: Database, chunkId: Uint8Array): ShardId {
  const number = new DataView(chunkId.buffer, chunkId.byteOffset, 4).getUint32(0);
  return database.shards[number % database.shards.length] ?? DIRECTORY;
}

/**
 * The directory as seen from within a transaction: the same one where the shard is the directory's. Otherwise a
 * read of its own: roles and quotas are then as of a moment during the transaction, which is the same promise that
 * a member who is being removed gets from one shard, where either of the two transactions comes first.
 */
export function directoryFrom({ database }: Pick<MetaParts, 'database'>, { shard, tx }: OnShard<Reader>): Reader {
  return readerOf(database, DIRECTORY, { shard, tx });
}

/** A reader of `shard` from within a transaction that may be on another. */
export function readerOf(database: Database, shard: ShardId, from: OnShard<Reader>): Reader {
  if (shard === from.shard) return from.tx;
  return {
    all: async <Args, Row>(query: Statement<Args, Row>, args: Args) =>
      database.read(shard, async (reader) => reader.all(query, args)),
    first: async <Args, Row>(query: Statement<Args, Row>, args: Args) =>
      database.read(shard, async (reader) => reader.first(query, args)),
  };
}

export type TransactionOf = (shard: ShardId) => Transaction;

/**
 * One work on several shards: one transaction where they are all the same, else nested ones that commit from the
 * last shard to the first. It is not atomic across shards, so each caller orders what it writes such that a crash
 * in between leaves what doctor mends and nobody misses. Shards are entered in ascending order: no two works wait
 * for each other. Only what is on one shard may be relaxed: what is durable on another would not bring it along.
 */
export async function transactAll<T>(
  database: Database,
  shards: Iterable<ShardId>,
  work: (txOf: TransactionOf) => Promise<T>,
  durability: Durability = 'full',
): Promise<T> {
  const ordered = [...new Set(shards)].sort((a, b) => a - b);
  const open = new Map<ShardId, Transaction>();
  const txOf: TransactionOf = (shard) => {
    const tx = open.get(shard);
    if (tx === undefined) throw new Error(`Shard ${shard} was not named when the work began.`);
    return tx;
  };
  const enter = async (index: number): Promise<T> => {
    const shard = ordered[index];
    if (shard === undefined) return work(txOf);
    const enterNext = async (tx: Transaction): Promise<T> => {
      open.set(shard, tx);
      return enter(index + 1);
    };
    return database.transact(shard, enterNext, ordered.length === 1 ? durability : 'full');
  };
  return enter(0);
}
