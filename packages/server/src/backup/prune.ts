import { rm } from 'node:fs/promises';
import type { BlockStore } from '../ports/block-store.ts';
import {
  checkFiles,
  listOfUnfinished,
  objectListOf,
  retireSnapshot,
  snapshotsOf,
  unfinishedIn,
  type Snapshot,
} from './folder.ts';
import { lookUpIn, readObjectList } from './object-list.ts';

export interface PruneReport {
  readonly snapshots: number;
  readonly objects: number;
}

/** The newest `keep` verified snapshots stay, and whatever is newer than the newest of them. */
export function retiredOf(snapshots: readonly Snapshot[], keep: number): readonly Snapshot[] {
  const verified = snapshots.filter(({ manifest }) => manifest.state === 'verified');
  const [newest] = verified;
  if (newest === undefined) return [];
  const kept = new Set(verified.slice(0, Math.max(1, keep)));
  return snapshots.filter((each) => !kept.has(each) && each.name < newest.name);
}

/**
 * Removes old snapshots, and the objects that only they and unfinished ones needed.
 * @throws BackupFault('backup_damaged') before anything is removed, when the list of one that stays is not sound
 */
export async function prune(folder: string, target: BlockStore, keep: number): Promise<PruneReport> {
  const snapshots = await snapshotsOf(folder);
  const retired = retiredOf(snapshots, keep);
  const kept = snapshots.filter((each) => !retired.includes(each));
  for (const each of kept) await checkFiles(each);
  for (const each of retired) await retireSnapshot(each);
  let objects = 0;
  for (const unfinished of await unfinishedIn(folder)) {
    const lookUps = kept.map((each) => lookUpIn(readObjectList(objectListOf(each.folder))));
    for await (const { key } of listOfUnfinished(unfinished)) {
      const needed = await Promise.all(lookUps.map((lookUp) => lookUp(key)));
      if (needed.some((each) => each !== undefined)) continue;
      await target.delete(key);
      objects++;
    }
    await rm(unfinished, { recursive: true });
  }
  return { snapshots: retired.length, objects };
}
