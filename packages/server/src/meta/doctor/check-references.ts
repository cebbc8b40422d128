import { setImmediate as turn } from 'node:timers/promises';
import type { ChunkId, ObjectId, WorkspaceId } from '@satchel/protocol/ids.ts';
import { statement, type Reader } from '../../ports/database.ts';
import { chunkListOf } from '../records.ts';
import type { Examination } from './doctor.ts';

const PAGE = 1000;

const objectsAfter = statement<{ workspaceId: WorkspaceId; seq: number; limit: number }>()((q, arg) =>
  q
    .selectFrom('objects')
    .select(['object_id', 'seq'])
    .where('workspace_id', '=', arg('workspaceId'))
    .where('seq', '>', arg('seq'))
    .orderBy('seq')
    .limit(arg('limit')),
);
const versionsOf = statement<{ objectId: ObjectId }>()((q, arg) =>
  q
    .selectFrom('versions')
    .select(['version_id', 'size', 'content_hash', 'chunk_count', 'manifest'])
    .where('object_id', '=', arg('objectId')),
);
const linksAfter = statement<{ workspaceId: WorkspaceId; after: Uint8Array; limit: number }>()((q, arg) =>
  q
    .selectFrom('workspace_chunks')
    .select(['chunk_id', 'refs'])
    .where('workspace_id', '=', arg('workspaceId'))
    .where('chunk_id', '>', arg('after'))
    .orderBy('chunk_id')
    .limit(arg('limit')),
);

/** Versions of a workspace that use a chunk. */
interface Uses {
  uses: number;
  readonly size: number;
}

/** Whether the references of a workspace's links are the versions that use them. */
export async function checkReferences(
  reader: Reader,
  workspaceId: WorkspaceId,
  examination: Examination,
): Promise<void> {
  const used = await countUses(reader, workspaceId, examination);
  for await (const { chunkId, refs } of linksOf(reader, workspaceId)) {
    const uses = used.get(chunkId)?.uses ?? 0;
    used.delete(chunkId);
    examination.links.set(chunkId, (examination.links.get(chunkId) ?? 0) + 1);
    if (uses !== refs)
      examination.note({
        code: 'references_wrong',
        workspaceId,
        chunkId,
        detail: `${refs} are stored, ${uses} is right.`,
      });
  }
  for (const [chunkId, { uses }] of used)
    examination.note({
      code: 'chunk_unlinked',
      workspaceId,
      chunkId,
      detail: `${uses} versions use it, and it is not linked.`,
    });
}

/** Links of a workspace with their references as stored, in order of chunk. */
export async function* linksOf(
  reader: Reader,
  workspaceId: WorkspaceId,
): AsyncGenerator<{ readonly chunkId: ChunkId; readonly refs: number }> {
  for (let after = new Uint8Array(0); ; await turn()) {
    const rows = await reader.all(linksAfter, { workspaceId, after, limit: PAGE });
    for (const row of rows) yield { chunkId: row.chunk_id.toHex() as ChunkId, refs: row.refs };
    const last = rows.at(-1);
    if (last === undefined) return;
    after = new Uint8Array(last.chunk_id);
  }
}

/** How many versions of a workspace use each chunk, of which it counts the versions. */
export async function countUses(
  reader: Reader,
  workspaceId: WorkspaceId,
  counter: { versions: number } = { versions: 0 },
): Promise<Map<ChunkId, Uses>> {
  const used = new Map<ChunkId, Uses>();
  for (let seq = 0; ; await turn()) {
    const objects = await reader.all(objectsAfter, { workspaceId, seq, limit: PAGE });
    for (const { object_id: objectId } of objects) {
      for (const version of await reader.all(versionsOf, { objectId })) {
        counter.versions++;
        countChunks(version, used);
      }
    }
    const last = objects.at(-1);
    if (last === undefined) return used;
    seq = last.seq;
  }
}

function countChunks(version: Parameters<typeof chunkListOf>[0], used: Map<ChunkId, Uses>): void {
  const seen = new Set<ChunkId>();
  for (const { id, size } of chunkListOf(version)) {
    if (seen.has(id)) continue;
    seen.add(id);
    const known = used.get(id);
    if (known === undefined) used.set(id, { uses: 1, size });
    else known.uses++;
  }
}
