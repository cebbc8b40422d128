import { setImmediate as turn } from 'node:timers/promises';
import type { ChunkId } from '@satchel/protocol/ids.ts';
import { CHUNKS } from '../ledger/chunk-statements.ts';
import type { MetaParts } from '../parts.ts';
import type { Examination } from './doctor.ts';

const PAGE = 1000;

/** Whether every linked chunk is recorded, with as many links as there are. */
export async function checkChunks({ database }: MetaParts, examination: Examination): Promise<void> {
  const { links, note } = examination;
  for (const shard of database.shards) {
    await database.read(shard, async (reader) => {
      for (let after = new Uint8Array(0); ; await turn()) {
        const rows = await reader.all(CHUNKS.scan, { after, limit: PAGE });
        for (const row of rows) {
          examination.chunks++;
          const chunkId = row.chunk_id.toHex() as ChunkId;
          const counted = links.get(chunkId) ?? 0;
          links.delete(chunkId);
          if (counted !== row.links)
            note({ code: 'links_wrong', chunkId, detail: `${row.links} are stored, ${counted} is right.` });
          if (row.state === 'damaged')
            note({ code: 'chunk_damaged', chunkId, detail: row.damage ?? 'It failed its check.' });
        }
        const last = rows.at(-1);
        if (last === undefined) return;
        after = new Uint8Array(last.chunk_id);
      }
    });
  }
  for (const [chunkId, counted] of links)
    note({
      code: 'chunk_unrecorded',
      chunkId,
      detail: `${counted} workspaces are linked to it, and it is not recorded.`,
    });
}
