import type { IgnoreRules } from '@satchel/core/ignore-rules.ts';
import type { Disk } from '../ports/disk.ts';
import type { LocalRow } from '../state/rows.ts';

export interface SupplantedDeps {
  readonly disk: Pick<Disk, 'stat'>;
  readonly rules: () => IgnoreRules;
}

/**
 * Whether something of another kind stands at the row's place which a rule ignores for its kind, a folder in the place
 * of a file say: the row is not what is ignored, and not there (H73).
 */
export function isSupplanted({ disk, rules }: SupplantedDeps, path: string, row: Pick<LocalRow, 'content'>): boolean {
  const isFolder = row.content.kind === 'folder';
  const there = disk.stat(path);
  if (there === undefined || (there.type === 'folder') === isFolder) return false;
  return rules().ignores(path, !isFolder) && !rules().ignores(path, isFolder);
}
