import type { ChunkId } from '@satchel/protocol/ids.ts';
import { getWhole, type BlockKey } from '../../ports/block-store.ts';
import type { ChunkLocation, StoredChunk } from '../../ports/chunk-ledger.ts';
import { newPackKey, writtenAt } from '../block-names.ts';
import { unseal } from '../seal.ts';
import type { UpkeepPorts } from './ports.ts';

export interface RepackReport {
  readonly packsRemoved: number;
  readonly packsWritten: number;
  readonly chunksMoved: number;
}

/** A pack is rewritten when less than this share of it is used, */
const LIVE_SHARE = 0.5;
/** or when it is this small and there are several such. */
const TINY_BYTES = 1024 * 1024;
const TINY_PACKS = 8;
const PACK_BYTES = 8 * 1024 * 1024;
/** Packs are rewritten some at a time, so that memory and lost work stay small. */
const PACKS_PER_ROUND = 256;
/** Younger packs may have chunks that are not recorded yet. */
const SETTLED_MS = 3_600_000;
const PAGE = 1000;
const MOVES_AT_ONCE = 64;

async function* everyChunk({ ledger }: Pick<UpkeepPorts, 'ledger'>): AsyncIterable<StoredChunk> {
  let after: ChunkId | undefined;
  for (;;) {
    const page: readonly StoredChunk[] = await ledger.scan(after, PAGE);
    yield* page;
    after = page.at(-1)?.id;
    if (page.length === 0) return;
  }
}

async function liveBytes(ports: UpkeepPorts): Promise<ReadonlyMap<BlockKey, number>> {
  const live = new Map<BlockKey, number>();
  for await (const { location } of everyChunk(ports))
    if (location.key.startsWith('packs/')) live.set(location.key, (live.get(location.key) ?? 0) + location.length);
  return live;
}

/** Packs worth rewriting; the tiny ones first, so that they end together. */
async function choosePacks(ports: UpkeepPorts): Promise<readonly BlockKey[]> {
  const live = await liveBytes(ports);
  const tiny: BlockKey[] = [];
  const wasteful: BlockKey[] = [];
  for await (const { key, sizeBytes } of ports.store.list('packs/')) {
    const used = live.get(key);
    const written = writtenAt(key);
    if (used === undefined || written === undefined || written > ports.clock.now() - SETTLED_MS) continue;
    if (used < sizeBytes * LIVE_SHARE) wasteful.push(key);
    else if (sizeBytes < TINY_BYTES) tiny.push(key);
  }
  return [...(tiny.length >= TINY_PACKS ? tiny : []), ...wasteful];
}

interface Move {
  readonly chunk: StoredChunk;
  readonly to: ChunkLocation;
}

/** Chunks that wait for a new pack, with their sealed bytes, which are moved as they are. */
function createPackBuilder(ports: UpkeepPorts): {
  add(chunk: StoredChunk, sealed: Uint8Array): void;
  readonly length: number;
  write(): Promise<number>;
} {
  let key = newPackKey(ports.clock, ports.random);
  let parts: Uint8Array[] = [];
  let moves: Move[] = [];
  let length = 0;
  return {
    get length() {
      return length;
    },
    add(chunk, sealed) {
      moves.push({ chunk, to: { ...chunk.location, key, offset: length } });
      parts.push(sealed);
      length += sealed.length;
    },
    async write() {
      await ports.store.put(key, parts);
      let moved = 0;
      for (let at = 0; at < moves.length; at += MOVES_AT_ONCE) {
        const batch = moves.slice(at, at + MOVES_AT_ONCE);
        const done = await Promise.all(
          batch.map(({ chunk, to }) => ports.ledger.relocate(chunk.id, chunk.location, to)),
        );
        moved += done.filter(Boolean).length;
      }
      key = newPackKey(ports.clock, ports.random);
      parts = [];
      moves = [];
      length = 0;
      return moved;
    },
  };
}

async function chunksOf(
  ports: UpkeepPorts,
  packs: ReadonlySet<BlockKey>,
): Promise<ReadonlyMap<BlockKey, StoredChunk[]>> {
  const chunks = new Map<BlockKey, StoredChunk[]>();
  for await (const chunk of everyChunk(ports)) {
    if (!packs.has(chunk.location.key)) continue;
    const those = chunks.get(chunk.location.key);
    if (those === undefined) chunks.set(chunk.location.key, [chunk]);
    else those.push(chunk);
  }
  return chunks;
}

/** The chunk's sealed bytes out of its pack, or undefined, and recorded, when they are damaged. */
async function soundBytes(ports: UpkeepPorts, chunk: StoredChunk, pack: Uint8Array): Promise<Uint8Array | undefined> {
  const { offset, length, encoding } = chunk.location;
  const sealed = pack.subarray(offset, offset + length);
  if (sealed.length === length && (await unseal(ports.dataKeys, chunk, encoding, sealed)) !== undefined) return sealed;
  await ports.ledger.recordDamaged(chunk.id, 'found damaged while its pack was rewritten');
  return undefined;
}

async function rewrite(ports: UpkeepPorts, packs: readonly BlockKey[], signal: AbortSignal): Promise<RepackReport> {
  const chunks = await chunksOf(ports, new Set(packs));
  const builder = createPackBuilder(ports);
  const emptied: BlockKey[] = [];
  let [packsRemoved, packsWritten, chunksMoved] = [0, 0, 0];
  async function finish(): Promise<void> {
    if (builder.length > 0) {
      chunksMoved += await builder.write();
      packsWritten++;
    }
    for (const key of emptied.splice(0)) {
      if (await ports.ledger.usesKey(key)) continue;
      await ports.store.delete(key);
      packsRemoved++;
    }
  }
  for (const key of packs) {
    if (signal.aborted) break;
    // Where the disk has lost some of it, scrub finds which chunks those are.
    const pack = await getWhole(ports.store, key);
    if (pack === undefined) continue;
    for (const chunk of chunks.get(key) ?? []) {
      const sealed = await soundBytes(ports, chunk, pack);
      if (sealed !== undefined) builder.add(chunk, sealed);
    }
    emptied.push(key);
    if (builder.length >= PACK_BYTES) await finish();
  }
  await finish();
  return { packsRemoved, packsWritten, chunksMoved };
}

/**
 * Rewrites packs with much garbage and joins many tiny ones. The new place is durable and recorded before the old
 * one goes; whoever was about to read there finds the chunk by asking for its place again.
 */
export async function repack(ports: UpkeepPorts, signal: AbortSignal): Promise<RepackReport> {
  const chosen = await choosePacks(ports);
  let [packsRemoved, packsWritten, chunksMoved] = [0, 0, 0];
  for (let at = 0; at < chosen.length && !signal.aborted; at += PACKS_PER_ROUND) {
    const round = await rewrite(ports, chosen.slice(at, at + PACKS_PER_ROUND), signal);
    packsRemoved += round.packsRemoved;
    packsWritten += round.packsWritten;
    chunksMoved += round.chunksMoved;
  }
  return { packsRemoved, packsWritten, chunksMoved };
}
