import type { ChunkId } from '@satchel/protocol/ids.ts';
import type { ChunkLocation, StoredChunk } from '../../ports/chunk-ledger.ts';
import type { Transaction } from '../../ports/database.ts';
import type { MetaParts } from '../parts.ts';
import { shardOfChunk, transactAll } from '../shards.ts';
import { WORKSPACE_CHUNKS } from '../workspace-statements.ts';
import { CHUNKS, locationArgs, storedChunkOf } from './chunk-statements.ts';

/**
 * `ChunkLedger.forgetUnreferenced`: first links that no version uses, then chunks that nothing is linked to (S5).
 * RACE: a link that is wanted again at this moment is either touched before the transaction, and stays, or finds
 * the chunk gone, and the bytes are asked for: a chunk is never promised and then collected.
 */
export async function forgetUnreferenced(
  parts: MetaParts,
  olderThan: number,
  limit: number,
): Promise<readonly StoredChunk[]> {
  for (;;) {
    const { forgotten, links } = await forgetSome(parts, olderThan, limit);
    // Links alone are no chunks: a folder that was shared leaves thousands behind whose chunks live on in the share.
    if (forgotten.length > 0 || links < limit) return forgotten;
  }
}

async function forgetSome({ database }: MetaParts, olderThan: number, limit: number) {
  // All shards at once, since a workspace's unused links may point anywhere; collection is rare and bounded.
  return transactAll(database, database.shards, async (txOf) => {
    let links = 0;
    for (const shard of database.shards) {
      const tx = txOf(shard);
      for (const link of await tx.all(WORKSPACE_CHUNKS.unused, { olderThan, limit })) {
        links++;
        const { workspace_id: workspaceId, chunk_id: chunkId, touched_at: unlinkedAt } = link;
        await tx.run(WORKSPACE_CHUNKS.remove, { workspaceId, chunkId });
        await txOf(shardOfChunk(database, chunkId)).run(CHUNKS.removeLink, { chunkId, unlinkedAt });
      }
    }
    const forgotten: StoredChunk[] = [];
    for (const shard of database.shards) forgotten.push(...(await forgetUnlinked(txOf(shard), olderThan, limit)));
    return { forgotten, links };
  });
}

async function forgetUnlinked(tx: Transaction, olderThan: number, limit: number): Promise<readonly StoredChunk[]> {
  const rows = await tx.all(CHUNKS.unlinked, { olderThan, limit });
  for (const row of rows) await tx.run(CHUNKS.remove, { chunkId: row.chunk_id });
  return rows.map(storedChunkOf);
}

/** `ChunkLedger.relocate`. */
export async function relocate(
  { database }: Pick<MetaParts, 'database'>,
  id: ChunkId,
  from: ChunkLocation,
  to: ChunkLocation,
): Promise<boolean> {
  const chunkId = Uint8Array.fromHex(id);
  const args = { chunkId, fromKey: from.key, fromOffset: from.offset, ...locationArgs(to) };
  return (await database.transact(shardOfChunk(database, chunkId), async (tx) => tx.run(CHUNKS.relocate, args))) === 1;
}
