import type { ObjectId } from '@satchel/protocol/ids.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import type { LocalRow } from '../state/rows.ts';
import { touchBelow, type TreeStore } from '../state/trees.ts';

/** The inode number of a row that is left alone; no file has it, so that nothing is ever paired with the row. */
const LEFT_ALONE_INO = 0;

/** Ignored, foreign or unsyncable since it was synced: neither changed nor deleted may be derived of it (H73). */
export function isLeftAlone(row: LocalRow | undefined): boolean {
  return row?.presence === 'unknown' && row.stat.ino === LEFT_ALONE_INO;
}

/** With all that Local knows below it. */
export function leaveAlone(trees: TreeStore, row: LocalRow): void {
  if (isLeftAlone(row)) return;
  const stack = [row];
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    trees.putLocal({ ...at, presence: 'unknown', stat: { ...at.stat, ino: LEFT_ALONE_INO } });
    stack.push(...trees.local.children(at.objectId));
  }
}

/**
 * It went while nobody looked, which is no deletion: as at first contact, what the server has comes back, also what
 * came to lie there meanwhile and was never here.
 *
 * @param gone it, and what Local knew below it
 */
export function forgetLeftAlone(trees: TreeStore, id: ObjectId, gone: readonly ObjectId[]): void {
  for (const each of gone) trees.removeSynced(each);
  touchBelow(trees, id);
}

/** Whether an object, or a folder above it here or on the server, is left alone: nothing is to be done about it. */
export function liesInLeftAlone(trees: TreeStore, id: ObjectId): boolean {
  let at: ObjectId | undefined = id;
  for (let depth = 0; at !== undefined && depth <= LIMITS.depth; depth++) {
    const local = trees.local.get(at);
    if (isLeftAlone(local)) return true;
    at = (local ?? trees.remote.get(at))?.parentId;
  }
  return false;
}
