import { statement } from '../../ports/database.ts';
import type { ChunkLocation, StoredChunk } from '../../ports/chunk-ledger.ts';
import type { ChunkRow } from '../../ports/schema.ts';
import type { ChunkId } from '@satchel/protocol/ids.ts';
import type { BlockKey } from '../../ports/block-store.ts';
import { placeholders } from '../placeholders.ts';

const CHUNK_COLUMNS: Readonly<Record<keyof ChunkRow, true>> = {
  chunk_id: true,
  size: true,
  store_key: true,
  store_offset: true,
  store_length: true,
  encoding: true,
  state: true,
  damage: true,
  links: true,
  unlinked_at: true,
};

export interface LocationArgs {
  readonly key: string;
  readonly offset: number;
  readonly length: number;
  readonly encoding: ChunkLocation['encoding'];
}

/** Far more than a store that still works will ever have. */
const MOST_DAMAGED = 100_000;

interface MoveArgs extends LocationArgs {
  readonly chunkId: Uint8Array;
  readonly fromKey: string;
  readonly fromOffset: number;
}

export const CHUNKS = {
  find: statement<{ chunkId: Uint8Array }>()((q, arg) =>
    q.selectFrom('chunks').selectAll().where('chunk_id', '=', arg('chunkId')),
  ),
  /** Nothing changes where it is known already. */
  insertNew: statement<ChunkRow>()((q, arg) =>
    q
      .insertInto('chunks')
      .values(placeholders(arg, CHUNK_COLUMNS))
      .onConflict((conflict) => conflict.column('chunk_id').doNothing()),
  ),
  addLink: statement<{ chunkId: Uint8Array }>()((q, arg) =>
    q
      .updateTable('chunks')
      .set((e) => ({ links: e('links', '+', 1) }))
      .where('chunk_id', '=', arg('chunkId')),
  ),
  removeLink: statement<{ chunkId: Uint8Array; unlinkedAt: number }>()((q, arg) =>
    q
      .updateTable('chunks')
      .set((e) => ({ links: e('links', '-', 1), unlinked_at: arg('unlinkedAt') }))
      .where('chunk_id', '=', arg('chunkId')),
  ),
  heal: statement<LocationArgs & { readonly chunkId: Uint8Array }>()((q, arg) =>
    q
      .updateTable('chunks')
      .set({
        store_key: arg('key'),
        store_offset: arg('offset'),
        store_length: arg('length'),
        encoding: arg('encoding'),
        state: 'stored',
        damage: null,
      })
      .where('chunk_id', '=', arg('chunkId')),
  ),
  relocate: statement<MoveArgs>()((q, arg) =>
    q
      .updateTable('chunks')
      .set({
        store_key: arg('key'),
        store_offset: arg('offset'),
        store_length: arg('length'),
        encoding: arg('encoding'),
        state: 'stored',
        damage: null,
      })
      .where('chunk_id', '=', arg('chunkId'))
      .where('store_key', '=', arg('fromKey'))
      .where('store_offset', '=', arg('fromOffset')),
  ),
  setDamaged: statement<{ chunkId: Uint8Array; reason: string }>()((q, arg) =>
    q
      .updateTable('chunks')
      .set({ state: 'damaged', damage: arg('reason') })
      .where('chunk_id', '=', arg('chunkId')),
  ),
  damaged: statement<Record<never, never>>()((q) =>
    q.selectFrom('chunks').select(['chunk_id', 'damage']).where('state', '=', 'damaged').limit(MOST_DAMAGED),
  ),
  damagedAfter: statement<{ after: Uint8Array; limit: number }>()((q, arg) =>
    q
      .selectFrom('chunks')
      .select('chunk_id')
      .where('state', '=', 'damaged')
      .where('chunk_id', '>', arg('after'))
      .orderBy('chunk_id')
      .limit(arg('limit')),
  ),
  scan: statement<{ after: Uint8Array; limit: number }>()((q, arg) =>
    q.selectFrom('chunks').selectAll().where('chunk_id', '>', arg('after')).orderBy('chunk_id').limit(arg('limit')),
  ),
  unlinked: statement<{ olderThan: number; limit: number }>()((q, arg) =>
    q
      .selectFrom('chunks')
      .selectAll()
      .where('links', '=', 0)
      .where('unlinked_at', '<', arg('olderThan'))
      .limit(arg('limit')),
  ),
  remove: statement<{ chunkId: Uint8Array }>()((q, arg) =>
    q.deleteFrom('chunks').where('chunk_id', '=', arg('chunkId')).where('links', '=', 0),
  ),
  objects: statement<{ after: string; limit: number }>()((q, arg) =>
    q
      .selectFrom('chunks')
      .select((e) => ['store_key', e.fn.max<number>(e('store_offset', '+', e.ref('store_length'))).as('end_bytes')])
      .where('store_key', '>', arg('after'))
      .groupBy('store_key')
      .orderBy('store_key')
      .limit(arg('limit')),
  ),
  anyAtKey: statement<{ key: string }>()((q, arg) =>
    q.selectFrom('chunks').select('chunk_id').where('store_key', '=', arg('key')).limit(1),
  ),
} as const;

export function storedChunkOf(row: ChunkRow): StoredChunk {
  return {
    id: row.chunk_id.toHex() as ChunkId,
    size: row.size,
    location: {
      key: row.store_key as BlockKey,
      offset: row.store_offset,
      length: row.store_length,
      encoding: row.encoding,
    },
  };
}

export function locationArgs(location: ChunkLocation): LocationArgs {
  return { key: location.key, offset: location.offset, length: location.length, encoding: location.encoding };
}
