import type { Disk, DiskStat } from '../ports/disk.ts';
import type { LocalRow } from '../state/rows.ts';
import type { TreeStore } from '../state/trees.ts';
import { sameInode } from './observation.ts';
import type { PathProblems } from './problems.ts';

/** What stands somewhere, but cannot be told yet which object it is. `any`: there is a path of which nothing can be told. */
export type HiddenInodes = 'any' | ReadonlyMap<number, readonly HiddenInode[]>;

/** `unreadable`: of which only the number is believed. */
type HiddenInode = DiskStat | 'unreadable';

export interface Hiding {
  readonly problems: PathProblems;
  readonly disk: Disk;
  /** Files whose content is not known yet. */
  readonly waiting: Iterable<DiskStat>;
  /** What the applier is busy with: it is not known yet what stands there. */
  readonly reserved: Iterable<string>;
}

/**
 * Inodes at paths that cannot be read, or have not been looked at or read yet: what seems gone may have been moved there, and is no
 * deletion (C3, H68).
 */
export function hiddenInodes({ problems, disk, waiting, reserved }: Hiding): HiddenInodes {
  const inodes = new Map<number, HiddenInode[]>();
  const hide = (ino: number, what: HiddenInode) => {
    const known = inodes.get(ino);
    if (known === undefined) inodes.set(ino, [what]);
    else known.push(what);
  };
  for (const stat of waiting) hide(stat.ino, stat);
  const unreadable = problems.all().flatMap(({ path, code }) => (code === 'unreadable' ? [path] : []));
  for (const path of [...unreadable, ...reserved]) {
    try {
      const stat = disk.stat(path);
      if (stat !== undefined) hide(stat.ino, 'unreadable');
    } catch {
      return 'any'; // what is wrong there is told by the problem, or by the look after the release
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
    const { stat } = at;
    // Where no birth time is told, a file that was touched too may still be it: it is only waited for.
    const mayBe = (other: HiddenInode) =>
      other === 'unreadable' || stat.birthNs === undefined || sameInode(stat, other);
    if (hidden.get(stat.ino)?.some(mayBe) === true) return true;
    if (at.content.kind !== 'folder') continue;
    for (const child of trees.local.children(at.objectId)) stack.push(child);
  }
  return false;
}
