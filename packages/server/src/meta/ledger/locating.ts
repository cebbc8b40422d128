import type { ChunkId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { BlockKey } from '../../ports/block-store.ts';
import type { Caller, RecordedChunk, StoredChunk, UsedObject } from '../../ports/chunk-ledger.ts';
import { expectReader } from '../access.ts';
import type { MetaParts } from '../parts.ts';
import { shardOfChunk, shardOfWorkspace } from '../shards.ts';
import { WORKSPACE_CHUNKS } from '../workspace-statements.ts';
import { CHUNKS, storedChunkOf } from './chunk-statements.ts';

/** `ChunkLedger.locate`. */
export async function locate(
  parts: MetaParts,
  caller: Caller,
  workspaceId: WorkspaceId,
  ids: readonly ChunkId[],
): Promise<ReadonlyMap<ChunkId, StoredChunk>> {
  await expectReader(parts, caller, workspaceId);
  const linked = await parts.database.read(await shardOfWorkspace(parts, workspaceId), async (reader) => {
    const found: ChunkId[] = [];
    for (const id of ids) {
      const chunkId = Uint8Array.fromHex(id);
      if ((await reader.first(WORKSPACE_CHUNKS.find, { workspaceId, chunkId })) !== undefined) found.push(id);
    }
    return found;
  });
  // Safe as a second read: a linked chunk is not collected, and one that is unlinked in between reads as absent.
  return locateAny(parts, linked);
}

/** `ChunkLedger.locateAny`. */
export async function locateAny(
  { database }: Pick<MetaParts, 'database'>,
  ids: readonly ChunkId[],
): Promise<ReadonlyMap<ChunkId, StoredChunk>> {
  const found = new Map<ChunkId, StoredChunk>();
  const wanted = ids.map((id) => ({ id, chunkId: Uint8Array.fromHex(id) }));
  const byShard = Map.groupBy(wanted, ({ chunkId }) => shardOfChunk(database, chunkId));
  for (const [shard, group] of byShard) {
    await database.read(shard, async (reader) => {
      for (const { id, chunkId } of group) {
        const row = await reader.first(CHUNKS.find, { chunkId });
        if (row !== undefined) found.set(id, storedChunkOf(row));
      }
    });
  }
  return found;
}

/** `ChunkLedger.scan`. */
export async function scan(
  { database }: Pick<MetaParts, 'database'>,
  after: ChunkId | undefined,
  limit: number,
): Promise<readonly RecordedChunk[]> {
  const from = after === undefined ? new Uint8Array(0) : Uint8Array.fromHex(after);
  const pages = await Promise.all(
    database.shards.map(async (shard) =>
      database.read(shard, async (reader) => reader.all(CHUNKS.scan, { after: from, limit })),
    ),
  );
  const found = pages.flat().map((row) => ({ ...storedChunkOf(row), isDamaged: row.state === 'damaged' }));
  if (pages.length > 1) found.sort((a, b) => (a.id < b.id ? -1 : 1));
  return found.slice(0, limit);
}

/** `ChunkLedger.objects`. A pack may hold chunks of several shards; each shard answers up to its last key only. */
export async function objects(
  { database }: Pick<MetaParts, 'database'>,
  after: BlockKey | undefined,
  limit: number,
): Promise<readonly UsedObject[]> {
  const pages = await Promise.all(
    database.shards.map(async (shard) =>
      database.read(shard, async (reader) => reader.all(CHUNKS.objects, { after: after ?? '', limit })),
    ),
  );
  const ends = new Map<string, number>();
  for (const row of pages.flat()) ends.set(row.store_key, Math.max(row.end_bytes, ends.get(row.store_key) ?? 0));
  // RACE: beyond the last key of a full page that shard may have more of a pack.
  const known = pages.filter((page) => page.length === limit).map((page) => page.at(-1)?.store_key ?? '');
  return [...ends]
    .filter(([key]) => known.every((last) => key <= last))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, endBytes]) => ({ key: key as BlockKey, endBytes }));
}

/** `ChunkLedger.usesKey`. */
export async function usesKey({ database }: Pick<MetaParts, 'database'>, key: BlockKey): Promise<boolean> {
  for (const shard of database.shards)
    if ((await database.read(shard, async (reader) => reader.first(CHUNKS.anyAtKey, { key }))) !== undefined)
      return true;
  return false;
}
