import type { DiskStat } from '../ports/disk.ts';
import type { StatIdentity } from '../ports/disk.ts';
import type { LocalRow } from '../state/rows.ts';

/** A file whose mtime lies this close to the time of its stat may change again without its stat changing (H3). */
const RACY_MS = 2000;

export function identityOf(stat: DiskStat): StatIdentity {
  const { dev, ino, size, mtimeNs, ctimeNs, mode, birthNs } = stat;
  const identity = { dev, ino, size, mtimeNs, ctimeNs, mode };
  return birthNs === undefined ? identity : { ...identity, birthNs };
}

/** Whether it is the very inode, not another one that was given its number after a deletion. */
export function sameInode(a: StatIdentity, b: StatIdentity): boolean {
  if (a.ino !== b.ino) return false;
  return a.mtimeNs === b.mtimeNs || (a.birthNs !== undefined && a.birthNs === b.birthNs);
}

export function sameStat(a: StatIdentity, b: StatIdentity): boolean {
  return a.ino === b.ino && a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs && a.dev === b.dev;
}

/** A ctime that no stat has: the row is looked at again. */
export const UNSEEN = '0';

/** In place of a ctime: this device has put the file there and has not read it since. No stat shows this one. */
export const UNREAD = '1';

/** Whether the disk shows the very file that this device has put there, but for what only reading it can tell (H4). */
export function isUnreadArrival(row: Pick<Seen, 'presence' | 'stat'>, stat: StatIdentity): boolean {
  const isAsPlaced = row.presence === 'present' && row.stat.ctimeNs === UNREAD && row.stat.mode === stat.mode;
  return isAsPlaced && sameStat({ ...row.stat, ctimeNs: stat.ctimeNs }, stat);
}

type Seen = Pick<LocalRow, 'presence' | 'stat' | 'seenMs'>;

/** Whether the row's content may be believed without reading the file (C5, H3, H4). */
export function isUnchanged(row: Seen, stat: DiskStat): boolean {
  return row.presence === 'present' && sameStat(row.stat, stat) && row.stat.mode === stat.mode && !isRacy(row);
}

export function isRacy({ seenMs, stat: { mtimeNs, ctimeNs } }: Pick<Seen, 'stat' | 'seenMs'>): boolean {
  return Math.abs(seenMs - Math.max(wholeMs(mtimeNs), wholeMs(ctimeNs))) < RACY_MS;
}

/** Digits that no float holds are slow to parse, and of every file of a scan two times are. */
function wholeMs(ns: string): number {
  return Number(ns.slice(0, -6));
}

export function isExecutable(stat: { readonly mode: number }): boolean {
  return (stat.mode & 0o100) !== 0;
}

/** The nearest millisecond: what programs set through floating-point seconds lies just below the one they meant. */
export function millisecondsOf(ns: string): number {
  return Math.round(Number(ns) / 1_000_000);
}

/** Whether a symlink's text leads to a place inside the synced folder, lexically (H51); others stay on this device. */
export function staysInside(linkPath: string, target: string): boolean {
  if (target === '' || target.startsWith('/')) return false;
  let depth = linkPath.split('/').length - 1;
  for (const part of target.split('/')) {
    if (part === '..') depth--;
    else if (part !== '' && part !== '.') depth++;
    if (depth < 0) return false;
  }
  return true;
}
