import type { DiskStat } from '../ports/disk.ts';
import type { LocalRow } from '../state/rows.ts';

/** In the place of the device number of a folder at which something was mounted when it was synced (H67). */
const MOUNTED = -1;

export function asMounted(stat: DiskStat): DiskStat {
  return { ...stat, dev: MOUNTED };
}

/** A mount that went, or one that came over a folder, hides what was synced there: that is no deletion. */
export function isHiddenByMount(row: LocalRow | undefined, isMounted: boolean): boolean {
  return row?.content.kind === 'folder' && (row.stat.dev === MOUNTED) !== isMounted;
}
