import type { Disk } from '../ports/disk.ts';
import type { PathProblems } from './problems.ts';

/** `any`: there is a path of which not even the inode can be told. */
export type HiddenInodes = ReadonlySet<number> | 'any';

/** Inodes at paths that cannot be read: what seems gone may have been moved there, and is no deletion (C3, H68). */
export function hiddenInodes({
  problems,
  disk,
}: {
  readonly problems: PathProblems;
  readonly disk: Disk;
}): HiddenInodes {
  const inodes = new Set<number>();
  for (const { path, code } of problems.all()) {
    if (code !== 'unreadable') continue;
    try {
      const stat = disk.stat(path);
      if (stat !== undefined) inodes.add(stat.ino);
    } catch {
      return 'any'; // what is wrong there is told by the problem
    }
  }
  return inodes;
}
