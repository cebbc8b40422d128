import type { Disk } from '../ports/disk.ts';
import type { LocalRow } from '../state/rows.ts';
import type { TreeStore } from '../state/trees.ts';
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

/** Whether it, or something that lay in it, may be what a hidden path leads to: a folder takes along what is in it. */
export function isHidden({ trees }: { readonly trees: TreeStore }, row: LocalRow, hidden: HiddenInodes): boolean {
  if (hidden === 'any') return true;
  if (hidden.size === 0) return false;
  const stack = [row];
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    if (hidden.has(at.stat.ino)) return true;
    for (const child of trees.local.children(at.objectId)) stack.push(child);
  }
  return false;
}
