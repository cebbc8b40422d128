import { nameFault } from '@satchel/protocol/names.ts';
import type { IgnoreRules } from '@satchel/core/ignore-rules.ts';
import type { Disk, DiskEntry } from '../ports/disk.ts';
import { staysInside } from './observation.ts';

export interface LocalOnlyDeps {
  readonly disk: Disk;
  readonly rules: () => IgnoreRules;
}

/**
 * Whether nothing in this folder can be synced: such a folder stays here when another device deletes it (H72).
 * @param empties what an empty folder, this one or one below, counts as: it may be somebody's, and not seen yet
 */
export function holdsOnlyLocal(deps: LocalOnlyDeps, path: string, empties: boolean): boolean {
  const { entries = [], unreadableNames = [] } = deps.disk.list(path) ?? {};
  if (entries.length + unreadableNames.length === 0) return empties;
  return entries.every(({ name, type }) => {
    const below = `${path}/${name}`;
    if (isUnsyncable(deps, below, { name, type })) return true;
    return type === 'folder' && holdsOnlyLocal(deps, below, empties);
  });
}

function isUnsyncable({ disk, rules }: LocalOnlyDeps, path: string, { name, type }: DiskEntry): boolean {
  if (type === 'special' || rules().ignores(path, type === 'folder')) return true;
  if (nameFault(name.normalize('NFC')) !== undefined) return true;
  return type === 'symlink' ? !staysInside(path, disk.readLink(path)) : type === 'folder' && disk.isMountPoint(path);
}
