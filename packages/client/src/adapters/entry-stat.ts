import { constants, lstatSync } from 'node:fs';
import type { DiskStat, EntryType } from '../ports/disk.ts';

/** lstat by path; undefined when nothing is there. Throws ENOTDIR, EACCES, EIO and the like. */
export function statOfPath(path: string): DiskStat | undefined {
  const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  const mode = Number(stat.mode);
  return {
    type: typeOfMode(mode),
    dev: Number(stat.dev),
    ino: Number(stat.ino),
    size: stat.isFile() ? Number(stat.size) : 0,
    mtimeNs: String(stat.mtimeNs),
    ctimeNs: String(stat.ctimeNs),
    birthNs: String(stat.birthtimeNs),
    mode: mode & 0o7777,
    links: Number(stat.nlink),
  };
}

export function typeOfMode(mode: number): EntryType {
  switch (mode & constants.S_IFMT) {
    case constants.S_IFREG:
      return 'file';
    case constants.S_IFDIR:
      return 'folder';
    case constants.S_IFLNK:
      return 'symlink';
    default:
      return 'special';
  }
}
