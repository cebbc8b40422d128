import type { ChunkId, UploadId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { Caller, StoredChunk } from '../../ports/chunk-ledger.ts';
import type { Transaction } from '../../ports/database.ts';
import { expectRole } from '../access.ts';
import type { MetaParts } from '../parts.ts';
import { shardOfChunk, transactAll, type TransactionOf } from '../shards.ts';
import { WORKSPACE_CHUNKS } from '../workspace-statements.ts';
import { CHUNKS, locationArgs } from './chunk-statements.ts';
import { shardsOf } from './standing.ts';
import { noteArrived } from './uploads.ts';

/** `ChunkLedger.recordStored`. Returns the announced uploads of which something has arrived. */
export async function recordStored(
  parts: MetaParts,
  caller: Caller,
  workspaceId: WorkspaceId,
  chunks: readonly StoredChunk[],
): Promise<ReadonlySet<UploadId>> {
  const byId = new Map(chunks.map((chunk) => [chunk.id, { chunk, chunkId: Uint8Array.fromHex(chunk.id) }]));
  return linking(
    parts,
    caller,
    { workspaceId, ids: [...byId.values()].map((each) => each.chunkId) },
    async (tx, txOf) => {
      const now = parts.clock.now();
      for (const { chunk, chunkId } of byId.values()) {
        const chunkTx = txOf(shardOfChunk(parts.database, chunkId));
        const addsLink =
          (await tx.run(WORKSPACE_CHUNKS.insertNew, { workspaceId, chunkId, size: chunk.size, now })) === 1;
        await recordChunk(chunkTx, { chunk, chunkId, now, addsLink });
        if (!addsLink) await tx.run(WORKSPACE_CHUNKS.touch, { workspaceId, chunkId, now });
      }
    },
  );
}

interface Recording {
  readonly chunk: StoredChunk;
  readonly chunkId: Uint8Array;
  readonly now: number;
  readonly addsLink: boolean;
}

async function recordChunk(tx: Transaction, { chunk, chunkId, now, addsLink }: Recording): Promise<void> {
  const at = locationArgs(chunk.location);
  const inserted = await tx.run(CHUNKS.insertNew, {
    chunk_id: chunkId,
    size: chunk.size,
    store_key: at.key,
    store_offset: at.offset,
    store_length: at.length,
    encoding: at.encoding,
    state: 'stored',
    damage: null,
    links: addsLink ? 1 : 0,
    unlinked_at: now,
  });
  if (inserted === 1) return;
  const known = await tx.first(CHUNKS.find, { chunkId });
  if (known?.state === 'damaged') await tx.run(CHUNKS.heal, { chunkId, ...at });
  if (addsLink) await tx.run(CHUNKS.addLink, { chunkId });
}

/** `ChunkLedger.linkProved`. A chunk that was collected meanwhile is left out: the commit will ask for it. */
export async function linkProved(
  parts: MetaParts,
  caller: Caller,
  workspaceId: WorkspaceId,
  chunks: readonly ChunkId[],
): Promise<ReadonlySet<UploadId>> {
  const ids = [...new Set(chunks)].map((id) => Uint8Array.fromHex(id));
  return linking(parts, caller, { workspaceId, ids }, async (tx, txOf) => {
    const now = parts.clock.now();
    for (const chunkId of ids) {
      if ((await tx.first(WORKSPACE_CHUNKS.find, { workspaceId, chunkId })) !== undefined) continue;
      const chunkTx = txOf(shardOfChunk(parts.database, chunkId));
      const chunk = await chunkTx.first(CHUNKS.find, { chunkId });
      if (chunk === undefined) continue;
      await chunkTx.run(CHUNKS.addLink, { chunkId });
      await tx.run(WORKSPACE_CHUNKS.insert, { workspaceId, chunkId, size: chunk.size, refs: 0, now });
    }
  });
}

/**
 * Runs a work that links chunks to a workspace, on all the shards that it needs, and notes what has arrived.
 * Nobody relies on it but a commit, which is refused where a power cut has taken it back, so that the chunk is sent again.
 * Where shards differ, a crash in between leaves a chunk that counts a link too many: it is kept too long, not lost.
 */
async function linking(
  parts: MetaParts,
  caller: Caller,
  { workspaceId, ids }: { readonly workspaceId: WorkspaceId; readonly ids: readonly Uint8Array[] },
  work: (tx: Transaction, txOf: TransactionOf) => Promise<void>,
): Promise<ReadonlySet<UploadId>> {
  const { own, all } = await shardsOf(parts, workspaceId, ids);
  const link = async (txOf: TransactionOf) => {
    const tx = txOf(own);
    await expectRole(parts, { shard: own, tx }, { caller, workspaceId }, 'editor');
    await work(tx, txOf);
    return noteArrived(tx, workspaceId, ids);
  };
  return transactAll(parts.database, all, link, 'relaxed');
}
