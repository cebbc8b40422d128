import type { ChunkId, WorkspaceId } from '@satchel/protocol/ids.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import type { ChunkRef } from '@satchel/protocol/objects.ts';
import type { BlockKey, BlockStore } from '../ports/block-store.ts';
import type { Caller, ChunkLedger, StoredChunk } from '../ports/chunk-ledger.ts';
import type { Clock, Random } from '../ports/clock.ts';
import { newChunkKey, newPackKey } from './block-names.ts';
import type { ChunkRecorder } from './chunk-recorder.ts';
import { joined, lengthOf, type Content } from './content.ts';
import type { DataKeys } from './data-keys.ts';
import { giveBack } from './memory.ts';
import type { RecentChunks } from './recent-chunks.ts';
import { seal } from './seal.ts';

export interface StoringPorts {
  readonly store: BlockStore;
  readonly ledger: ChunkLedger;
  readonly clock: Clock;
  readonly random: Random;
  readonly dataKeys: DataKeys;
  readonly recent: RecentChunks;
  readonly recorder: ChunkRecorder;
}

/** A verified chunk on its way to the store. */
export interface NewChunk {
  readonly chunk: ChunkRef;
  readonly content: Content;
}

/** A pack is written when it has this much, so that memory stays bounded whatever decodes out of one request. */
const PACK_BYTES = 16 * 1024 * 1024;

/** Writes verified chunks: large ones as objects of their own, small ones together. Durable when it resolves. */
export interface ChunkWriter {
  add(chunk: NewChunk): Promise<void>;
  /** Writes what waits, and names all that was added. */
  finish(): Promise<readonly StoredChunk[]>;
}

interface OpenPack {
  readonly key: BlockKey;
  readonly parts: Uint8Array[];
  readonly chunks: StoredChunk[];
  length: number;
}

export function createChunkWriter(ports: Pick<StoringPorts, 'store' | 'clock' | 'random' | 'dataKeys'>): ChunkWriter {
  const { store, clock, random, dataKeys } = ports;
  const stored: StoredChunk[] = [];
  let pack: OpenPack | undefined;

  async function closePack(): Promise<void> {
    const full = pack;
    pack = undefined;
    if (full === undefined) return;
    const bytes = joined(full.parts);
    if (full.parts.length > 1) giveBack(full.parts);
    await store.put(full.key, [bytes]);
    giveBack([bytes]);
    stored.push(...full.chunks);
  }
  return {
    async add({ chunk, content }) {
      const { encoding } = content;
      const sealed = seal(dataKeys.current, random, chunk, content);
      const length = lengthOf(sealed);
      if (length >= LIMITS.smallChunkBytes) {
        const key = newChunkKey(chunk.id, clock, random);
        await store.put(key, sealed);
        giveBack(sealed);
        stored.push({ ...chunk, location: { key, offset: 0, length, encoding } });
        return;
      }
      pack ??= { key: newPackKey(clock, random), parts: [], chunks: [], length: 0 };
      pack.parts.push(...sealed);
      pack.chunks.push({ ...chunk, location: { key: pack.key, offset: pack.length, length, encoding } });
      pack.length += length;
      if (pack.length >= PACK_BYTES) await closePack();
    },
    async finish() {
      await closePack();
      return stored;
    },
  };
}

/**
 * Bytes first, then the record (S5). Objects that the ledger had no use for, since their chunks were stored already,
 * are removed.
 * @param duplicates chunks that were stored for somebody when the upload began
 */
export async function recordWritten(
  ports: Pick<StoringPorts, 'store' | 'ledger' | 'recorder'>,
  owner: { readonly caller: Caller; readonly workspaceId: WorkspaceId },
  stored: readonly StoredChunk[],
  duplicates: ReadonlySet<ChunkId>,
): Promise<void> {
  if (stored.length === 0) return;
  await ports.recorder.record(owner.caller, owner.workspaceId, stored);
  const suspects = new Set(stored.filter(({ id }) => duplicates.has(id)).map(({ location }) => location.key));
  for (const key of suspects) if (!(await ports.ledger.usesKey(key))) await ports.store.delete(key);
}
