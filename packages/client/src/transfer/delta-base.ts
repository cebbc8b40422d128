import { chunkRanges, totalSize, type ChunkRange, type Manifest } from '@satchel/core/manifest.ts';
import type { ChunkId } from '@satchel/protocol/ids.ts';

/**
 * The chunk of an earlier version that a changed chunk probably was: the one that lies where it lies, counted from the
 * beginning, or from the end when the length has changed and that one is still in place.
 */
export interface DeltaBases {
  /** Whether the earlier version has this chunk. */
  has(id: ChunkId): boolean;
  baseOf(chunk: { readonly offset: number; readonly size: number }): ChunkRange | undefined;
}

/** @param size of the new version in bytes, where it is known */
export function createDeltaBases(base: Manifest, next?: Manifest, size = totalSize(next ?? base)): DeltaBases {
  const ranges = chunkRanges(base);
  const ids = new Set(base.map(({ id }) => id));
  const kept = new Set((next ?? []).map(({ id }) => id));
  const shift = size - totalSize(base);

  function at(offset: number): ChunkRange | undefined {
    let low = 0;
    let high = ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const range = ranges[middle];
      if (range !== undefined && range.offset + range.size <= offset) low = middle + 1;
      else high = middle;
    }
    return ranges[low];
  }

  return {
    has: (id) => ids.has(id),
    baseOf({ offset, size: chunkSize }) {
      const middle = offset + Math.floor(chunkSize / 2);
      const still = at(middle);
      const moved = at(Math.max(0, middle - shift));
      if (still === undefined) return moved;
      // A chunk that the new version still has elsewhere is no likely origin.
      return kept.has(still.id) && moved !== undefined && !kept.has(moved.id) ? moved : still;
    },
  };
}
