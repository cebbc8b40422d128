import type { ChunkId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { DamagedChunks } from '@satchel/protocol/transfer.ts';
import type { Caller } from '../../ports/chunk-ledger.ts';
import type { Reader } from '../../ports/database.ts';
import { expectReader } from '../access.ts';
import { eachWorkspace } from '../each-workspace.ts';
import type { MetaParts } from '../parts.ts';
import { readerOf, shardOfChunk, shardOfWorkspace, type OnShard } from '../shards.ts';
import { WORKSPACE_CHUNKS } from '../workspace-statements.ts';
import { CHUNKS } from './chunk-statements.ts';

/** Damaged chunks looked at for one answer. */
const LOOKED_AT = 256;

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

/** Those that versions of the workspace use, in order of id after `after`; nothing is told of others (S7). */
export async function damagedIn(
  parts: MetaParts,
  caller: Caller,
  workspaceId: WorkspaceId,
  after: ChunkId | undefined,
): Promise<DamagedChunks> {
  await expectReader(parts, caller, workspaceId);
  const ids = await damagedAfter(parts, after);
  const shard = await shardOfWorkspace(parts, workspaceId);
  const chunks = await parts.database.read(shard, async (reader) => {
    const found: DamagedChunks['chunks'] = [];
    for (const id of ids) {
      const link = await reader.first(WORKSPACE_CHUNKS.find, { workspaceId, chunkId: Uint8Array.fromHex(id) });
      if (link !== undefined && link.refs > 0) found.push({ id, size: link.size });
    }
    return found;
  });
  const last = ids.length < LOOKED_AT ? undefined : ids.at(-1);
  return { chunks, ...(last === undefined ? {} : { next: last }) };
}

async function damagedAfter({ database }: MetaParts, after: ChunkId | undefined): Promise<readonly ChunkId[]> {
  const args = { after: Uint8Array.fromHex(after ?? ''), limit: LOOKED_AT };
  const ids: ChunkId[] = [];
  for (const shard of database.shards) {
    const rows = await database.read(shard, async (reader) => reader.all(CHUNKS.damagedAfter, args));
    ids.push(...rows.map((row) => row.chunk_id.toHex() as ChunkId));
  }
  return ids.sort().slice(0, LOOKED_AT);
}

/** `ChunkLedger.recordDamaged`. Damage that is new is told to the devices of those who lose something by it. */
export async function recordDamaged(parts: MetaParts, id: ChunkId, reason: string): Promise<void> {
  const { database, bus } = parts;
  const chunkId = Uint8Array.fromHex(id);
  const isNew = await database.transact(shardOfChunk(database, chunkId), async (tx) => {
    const known = await tx.first(CHUNKS.find, { chunkId });
    await tx.run(CHUNKS.setDamaged, { chunkId, reason });
    return known?.state === 'stored';
  });
  if (!isNew) return;
  for await (const { shard, workspaceId } of eachWorkspace(database)) {
    const link = await database.read(shard, async (reader) =>
      reader.first(WORKSPACE_CHUNKS.find, { workspaceId, chunkId }),
    );
    if (link !== undefined && link.refs > 0)
      bus.publish({ workspace: workspaceId }, { workspace: workspaceId, damaged: true });
  }
}
