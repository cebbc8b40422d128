import { addTo, digestText, EMPTY_DIGEST } from '@satchel/core/digest.ts';
import type { ChunkId, WorkspaceId } from '@satchel/protocol/ids.ts';
import { statement, type Transaction } from '../../ports/database.ts';
import { eachWorkspace } from '../each-workspace.ts';
import { CHUNKS } from '../ledger/chunk-statements.ts';
import { OBJECTS } from '../object-statements.ts';
import type { MetaParts } from '../parts.ts';
import { fingerprintOf } from '../records.ts';
import { shardOfChunk, shardOfWorkspace, transactAll } from '../shards.ts';
import { WORKSPACE_CHUNKS, WORKSPACES } from '../workspace-statements.ts';
import { countUses, linksOf } from './check-references.ts';
import type { Finding } from './doctor.ts';

export interface RepairReport {
  /** Workspaces whose digest and usage were counted anew. */
  readonly workspaces: number;
  /** Chunks whose references or links were counted anew. */
  readonly chunks: number;
}

const PAGE = 1000;

const setRefs = statement<{ workspaceId: WorkspaceId; chunkId: Uint8Array; refs: number; now: number }>()((q, arg) =>
  q
    .updateTable('workspace_chunks')
    .set({ refs: arg('refs'), touched_at: arg('now') })
    .where('workspace_id', '=', arg('workspaceId'))
    .where('chunk_id', '=', arg('chunkId')),
);
const setLinks = statement<{ chunkId: Uint8Array; links: number; now: number }>()((q, arg) =>
  q
    .updateTable('chunks')
    .set({ links: arg('links'), unlinked_at: arg('now') })
    .where('chunk_id', '=', arg('chunkId')),
);

/**
 * Counts anew what is derived from other records: digests, usage, references and links of what the findings name.
 * Each in a transaction, for which writers wait. The grace of collection begins anew for what was touched.
 */
export async function repair(parts: MetaParts, findings: readonly Finding[]): Promise<RepairReport> {
  const workspacesWith = (...codes: readonly Finding['code'][]): ReadonlySet<WorkspaceId> =>
    new Set(findings.flatMap(({ code, workspaceId }) => (workspaceId && codes.includes(code) ? [workspaceId] : [])));
  const counted = workspacesWith('digest_wrong', 'usage_wrong');
  for (const workspaceId of counted) await recount(parts, workspaceId);
  const chunks = new Set<ChunkId>();
  for (const workspaceId of workspacesWith('references_wrong', 'chunk_unlinked'))
    for (const chunkId of await recountReferences(parts, workspaceId)) chunks.add(chunkId);
  for (const { code, chunkId } of findings) if (code === 'links_wrong' && chunkId) chunks.add(chunkId);
  await recountLinks(parts, chunks);
  return { workspaces: counted.size, chunks: chunks.size };
}

async function recount(parts: MetaParts, workspaceId: WorkspaceId): Promise<void> {
  const shard = await shardOfWorkspace(parts, workspaceId);
  await parts.database.transact(shard, async (tx) => {
    const [workspace] = await tx.all(WORKSPACES.lock, { workspaceId });
    if (workspace === undefined) return;
    let [digest, usedBytes] = [EMPTY_DIGEST, 0];
    for (let seq = 0; ;) {
      const rows = await tx.all(OBJECTS.since, { workspaceId, seq, tombstonesAfter: 0, limit: PAGE });
      for (const row of rows) {
        if (row.deleted_at !== null) continue;
        digest = addTo(digest, fingerprintOf(row));
        usedBytes += row.size;
      }
      const last = rows.at(-1);
      if (last === undefined) break;
      seq = last.seq;
    }
    await tx.run(WORKSPACES.advance, {
      workspaceId,
      headSeq: workspace.head_seq,
      digest: digestText(digest),
      usedBytes,
    });
  });
}

/** Returns the chunks whose references were wrong. */
async function recountReferences(parts: MetaParts, workspaceId: WorkspaceId): Promise<readonly ChunkId[]> {
  const shard = await shardOfWorkspace(parts, workspaceId);
  const now = parts.clock.now();
  return parts.database.transact(shard, async (tx) => {
    await tx.all(WORKSPACES.lock, { workspaceId });
    const used = await countUses(tx, workspaceId);
    const wrong: ChunkId[] = [];
    for await (const { chunkId, refs } of linksOf(tx, workspaceId)) {
      const uses = used.get(chunkId)?.uses ?? 0;
      used.delete(chunkId);
      if (uses === refs) continue;
      wrong.push(chunkId);
      await tx.run(setRefs, { workspaceId, chunkId: Uint8Array.fromHex(chunkId), refs: uses, now });
    }
    for (const [id, { uses, size }] of used) {
      wrong.push(id);
      const chunkId = Uint8Array.fromHex(id);
      await tx.run(WORKSPACE_CHUNKS.insert, { workspaceId, chunkId, size, refs: uses, now });
    }
    return wrong;
  });
}

/** All shards at once, since any workspace may be linked to a chunk. */
async function recountLinks(parts: MetaParts, chunks: ReadonlySet<ChunkId>): Promise<void> {
  if (chunks.size === 0) return;
  const { database, clock } = parts;
  const shardOf = new Map<WorkspaceId, Transaction>();
  const workspaces = await Array.fromAsync(eachWorkspace(database));
  await transactAll(database, database.shards, async (txOf) => {
    for (const { shard, workspaceId } of workspaces) shardOf.set(workspaceId, txOf(shard));
    for (const id of chunks) {
      const chunkId = Uint8Array.fromHex(id);
      let links = 0;
      for (const [workspaceId, tx] of shardOf)
        if ((await tx.first(WORKSPACE_CHUNKS.find, { workspaceId, chunkId })) !== undefined) links++;
      const tx = txOf(shardOfChunk(database, chunkId));
      if ((await tx.first(CHUNKS.find, { chunkId })) === undefined) continue;
      await tx.run(setLinks, { chunkId, links, now: clock.now() });
    }
  });
}
