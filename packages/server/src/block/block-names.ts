import type { ChunkId } from '@satchel/protocol/ids.ts';
import type { BlockKey } from '../ports/block-store.ts';
import type { Clock, Random } from '../ports/clock.ts';

/**
 * Names of storage objects. Each is fresh, also for a chunk that was stored before: whoever deletes a name that no
 * chunk refers to can never hit bytes that were stored since (H94).
 */

const TIME_DIGITS = 12;
const RANDOM_BYTES = 10;
/** Objects of one span of 64 s share a folder, so that puts that run together share its sync. */
const FOLDER_SPAN_MS = 64_000;

function freshTail(now: number, random: Random): string {
  const time = now.toString(16).padStart(TIME_DIGITS, '0');
  return `${Buffer.from(random.bytes(RANDOM_BYTES)).toString('hex')}${time}`;
}

function folderAt(now: number): string {
  return (Math.floor(now / FOLDER_SPAN_MS) & 0xff).toString(16).padStart(2, '0');
}

export function newChunkKey(id: ChunkId, clock: Clock, random: Random): BlockKey {
  const now = clock.now();
  return `chunks/${folderAt(now)}/${id}${freshTail(now, random)}` as BlockKey;
}

export function newPackKey(clock: Clock, random: Random): BlockKey {
  const now = clock.now();
  return `packs/${folderAt(now)}/${freshTail(now, random)}` as BlockKey;
}

/** When the object of this name was begun (wall time, ms), or undefined for a name that is not of this kind. */
export function writtenAt(key: BlockKey): number | undefined {
  const tail = /^(?:packs\/[0-9a-f]{2}\/|chunks\/[0-9a-f]{2}\/[0-9a-f]{64})[0-9a-f]{20}([0-9a-f]{12})$/.exec(key)?.[1];
  return tail === undefined ? undefined : Number.parseInt(tail, 16);
}
