import type { Applier } from '../apply/applier.ts';
import { setDamagedAside } from '../apply/damage.ts';
import type { Settings } from '../state/settings.ts';
import type { TreeStore } from '../state/trees.ts';
import type { ActivityLog } from './activity-log.ts';

/** Setting that is there between a clean stop and the next start. */
const CLEAN_STOP = 'stopped.cleanly';

export interface UncleanStopDeps {
  readonly applier: Applier;
  readonly trees: Pick<TreeStore, 'localFiles'>;
  readonly settings: Settings;
  readonly activity: Pick<ActivityLog, 'add'>;
}

export function noteCleanStop(settings: Settings): void {
  settings.set(CLEAN_STOP, '1');
}

/** H84: a process that was killed may have been killed by the power. */
export async function distrustAfterUncleanStop({ applier, trees, settings, activity }: UncleanStopDeps): Promise<void> {
  const wasClean = settings.get(CLEAN_STOP) !== undefined;
  settings.set(CLEAN_STOP, undefined);
  if (wasClean) return;
  for (const path of await setDamagedAside(applier, trees.localFiles())) {
    activity.add('damaged', path, 'the file lost its bytes in an unclean stop: it is downloaded again');
  }
}
