import type { Applier } from '../apply/applier.ts';
import type { Trash } from '../apply/trash.ts';
import type { Indexer } from '../indexer/indexer.ts';
import type { ActivityLog } from './activity-log.ts';

export interface LateWritesDeps {
  readonly trash: Trash;
  readonly applier: Applier;
  readonly indexer: Indexer;
  readonly activity: ActivityLog;
}

/** Programs that held a replaced file open have mostly written to it by then; later writes are looked for more seldom. */
export const RECENT_MS = 10 * 60_000;

/**
 * H15: a program wrote into a file after it had been replaced; what it wrote comes back as a conflicted copy.
 *
 * @param since of what was replaced from then on; wall time, ms
 */
export async function bringBackEdited(deps: LateWritesDeps, since: number): Promise<void> {
  const { trash, applier, indexer, activity } = deps;
  for (const file of trash.editedSince(since)) {
    const cut = file.path.lastIndexOf('/');
    const folder = applier.deps.tree.folderAt(cut < 0 ? '' : file.path.slice(0, cut));
    const parentId = folder?.objectId ?? applier.deps.tree.folderAt('')?.objectId;
    if (parentId === undefined) continue;
    const path = applier.pathAt(applier.conflictPlace({ parentId, name: file.path.slice(cut + 1) }));
    if (path === undefined || (await applier.deps.disk.rename(file.trashPath, path)) !== 'renamed') continue;
    trash.forget(file.trashPath);
    activity.add('conflicted_copy', path, 'a program wrote to the old file after it had been replaced');
    indexer.recheck([path]);
  }
}
