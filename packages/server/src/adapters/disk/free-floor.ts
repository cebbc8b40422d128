import { statfs } from 'node:fs/promises';
import { CodedError } from '@satchel/protocol/errors.ts';
import type { BlockStore } from '../../ports/block-store.ts';
import type { Clock } from '../../ports/clock.ts';

export interface DiskSpace {
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** Of the disk that a folder lies on, as anybody but its superuser may use it. */
export async function spaceAt(folder: string): Promise<DiskSpace> {
  const { bsize, bavail, blocks } = await statfs(folder);
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}

/** The metadata database's log may take a quarter of it between two checkpoints. */
const FLOOR_BYTES = 256 * 1024 * 1024;
const FLOOR_SHARE = 0.02;
const LOOK_MS = 1000;

/**
 * Leaves room on the disk for what is not blocks: on a disk filled to the last byte nobody could sign in, get a new
 * access token or delete anything, since that is written too. What is deleted and collected then makes room again.
 */
export function floorKeepingBlockStore(store: BlockStore, space: () => Promise<DiskSpace>, clock: Clock): BlockStore {
  let lookedAt = -Infinity;
  let roomBytes = 0;
  /** On their way to the disk; what of them is there already counts twice. */
  let inFlightBytes = 0;

  async function takeRoom(bytes: number): Promise<void> {
    const now = clock.monotonic();
    // Nobody is refused for what was so a moment ago: who made room is let through at once.
    if (bytes > roomBytes || now - lookedAt >= LOOK_MS) {
      const { freeBytes, totalBytes } = await space();
      roomBytes = freeBytes - inFlightBytes - Math.min(FLOOR_BYTES, totalBytes * FLOOR_SHARE);
      lookedAt = now;
    }
    if (bytes > roomBytes)
      throw new CodedError(
        'storage_full',
        'Storing a block: the disk of the server is nearly full; free space or add a disk',
      );
    roomBytes -= bytes;
    inFlightBytes += bytes;
  }
  return {
    ...store,
    async put(key, parts) {
      let bytes = 0;
      for (const { length } of parts) bytes += length;
      await takeRoom(bytes);
      try {
        return await store.put(key, parts);
      } finally {
        inFlightBytes -= bytes;
      }
    },
  };
}
