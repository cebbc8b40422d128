import { setImmediate as turn } from 'node:timers/promises';
import type { ChunkId, ObjectId, VersionId, WorkspaceId } from '@satchel/protocol/ids.ts';
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

/** Whether the references of a workspace's links are the versions that use them. */
export async function checkReferences(
  reader: Reader,
  workspaceId: WorkspaceId,
  examination: Examination,
): Promise<void> {
  const used = await countUses(reader, workspaceId, examination);
  for (let after = new Uint8Array(0); ; await turn()) {
    const rows = await reader.all(linksAfter, { workspaceId, after, limit: PAGE });
    for (const row of rows) {
      const chunkId = row.chunk_id.toHex() as ChunkId;
      const uses = used.get(chunkId) ?? 0;
      used.delete(chunkId);
      examination.links.set(chunkId, (examination.links.get(chunkId) ?? 0) + 1);
      if (uses !== row.refs)
        examination.note({
          code: 'references_wrong',
          workspaceId,
          chunkId,
          detail: `${row.refs} are stored, ${uses} is right.`,
        });
    }
    const last = rows.at(-1);
    if (last === undefined) break;
    after = new Uint8Array(last.chunk_id);
  }
  for (const [chunkId, uses] of used)
    examination.note({
      code: 'chunk_unlinked',
      workspaceId,
      chunkId,
      detail: `${uses} versions use it, and it is not linked.`,
    });
}

async function countUses(
  reader: Reader,
  workspaceId: WorkspaceId,
  examination: Examination,
): Promise<Map<ChunkId, number>> {
  const used = new Map<ChunkId, number>();
  for (let seq = 0; ; await turn()) {
    const objects = await reader.all(objectsAfter, { workspaceId, seq, limit: PAGE });
    for (const { object_id: objectId } of objects) {
      for (const version of await reader.all(versionsOf, { objectId })) {
        examination.versions++;
        countChunks(version, used);
      }
    }
    const last = objects.at(-1);
    if (last === undefined) return used;
    seq = last.seq;
  }
}

function countChunks(
  version: Parameters<typeof chunkListOf>[0] & { readonly version_id: VersionId },
  used: Map<ChunkId, number>,
): void {
  for (const id of new Set(chunkListOf(version).map((chunk) => chunk.id))) used.set(id, (used.get(id) ?? 0) + 1);
}
