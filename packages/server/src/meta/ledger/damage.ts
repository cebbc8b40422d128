import type { Reader } from '../../ports/database.ts';
import type { MetaParts } from '../parts.ts';
import { readerOf, type OnShard } from '../shards.ts';
import { CHUNKS } from './chunk-statements.ts';

/**
 * Hex ids of the chunks that failed their check and are not healed yet (H93): neither offered as present nor taken in
 * a commit, so that whoever has the bytes sends them again. An index keeps them apart; mostly there are none.
 */
export async function damagedChunks(
  { database }: Pick<MetaParts, 'database'>,
  on: OnShard<Reader>,
): Promise<ReadonlySet<string>> {
  const damaged = new Set<string>();
  for (const shard of database.shards) {
    const rows = await readerOf(database, shard, on).all(CHUNKS.damaged, {});
    for (const row of rows) damaged.add(row.chunk_id.toHex());
  }
  return damaged;
}
