import type { BlockKey } from '../ports/block-store.ts';
import type { StoredChunk } from '../ports/chunk-ledger.ts';

/** Neighbours in one storage object that are read at once. */
export interface Run {
  readonly key: BlockKey;
  readonly offset: number;
  readonly length: number;
  readonly chunks: readonly StoredChunk[];
}

/** Reading this many bytes in vain is cheaper than another read. */
const GAP_BYTES = 32 * 1024;
const RUN_BYTES = 4 * 1024 * 1024;

interface GrowingRun {
  readonly key: BlockKey;
  readonly offset: number;
  length: number;
  readonly chunks: StoredChunk[];
}

function byPlace(a: StoredChunk, b: StoredChunk): number {
  if (a.location.key !== b.location.key) return a.location.key < b.location.key ? -1 : 1;
  return a.location.offset - b.location.offset;
}

/** The fewest reads that fetch all the chunks, none longer than 4 MiB unless a single chunk is. */
export function runsOf(chunks: readonly StoredChunk[]): readonly Run[] {
  const runs: GrowingRun[] = [];
  for (const chunk of [...chunks].sort(byPlace)) {
    const { key, offset, length } = chunk.location;
    const last = runs.at(-1);
    const end = offset + length;
    if (
      last?.key === key &&
      offset <= last.offset + last.length + GAP_BYTES &&
      end - last.offset <= Math.max(RUN_BYTES, last.length)
    ) {
      last.length = Math.max(last.length, end - last.offset);
      last.chunks.push(chunk);
    } else runs.push({ key, offset, length, chunks: [chunk] });
  }
  return runs;
}
