import type { Disk, DiskEntry, DiskStat } from '@satchel/client/ports/disk.ts';
import { DiskError, type Inode, type SimDisk } from './disk.ts';
import type { Incarnation } from './machine.ts';

const DEVICE = 42;
export const ROOT = '/sim';

export function statOf(inode: Inode): DiskStat {
  return {
    type: inode.type,
    dev: DEVICE,
    ino: inode.ino,
    size: inode.type === 'file' ? inode.data.length : 0,
    mtimeNs: String(inode.mtimeNs),
    ctimeNs: String(inode.ctimeNs),
    mode: inode.mode,
    links: inode.links,
    ...(inode.birthNs === undefined ? {} : { birthNs: String(inode.birthNs) }),
  };
}

export function relative(absolute: string): string {
  return absolute === ROOT ? '' : absolute.slice(ROOT.length + 1);
}

/** How the platform does it: with or without an atomic exchange of names. */
export interface DiskOptions {
  readonly hasExchange: boolean;
}

function outcomeOf<T, A extends string>(
  work: () => T,
  done: T | undefined,
  values: Readonly<Record<string, A>>,
): T | A {
  try {
    const result = work();
    return done ?? result;
  } catch (error) {
    const value = error instanceof DiskError ? values[error.code] : undefined;
    if (value === undefined) throw error;
    return value;
  }
}

const EXISTS = {
  EEXIST: 'exists',
  ENOTEMPTY: 'exists',
  EISDIR: 'exists',
  ENOENT: 'missing',
  ENOTDIR: 'missing',
} as const;

/** The client's door to a simulated disk, for one incarnation. */
export function createDiskPort(disk: SimDisk, incarnation: Incarnation, { hasExchange }: DiskOptions): Disk {
  const { chance, faults } = incarnation;
  const trouble = (path: string, codes: readonly string[]) => {
    incarnation.check();
    if (chance.happens(faults.diskError)) throw new DiskError(chance.pick(codes), path);
  };
  const looking = (path: string) => trouble(path, ['EIO', 'EACCES', 'EMFILE']);
  const changing = (path: string) => trouble(path, ['EIO', 'ENOSPC', 'EROFS', 'EBUSY']);
  /** May die right after the change, before anything is told of it. */
  const changed = <T>(result: T): T => {
    incarnation.mayDie();
    return result;
  };
  return {
    absolute: (path) => (path === '' ? ROOT : `${ROOT}/${path}`),
    stat(path) {
      looking(path);
      const inode = disk.find(path);
      return inode === undefined ? undefined : statOf(inode);
    },
    list(path) {
      looking(path);
      const folder = disk.find(path);
      if (folder === undefined || folder.type !== 'folder') return undefined;
      const entries = [...folder.entries].map(([name, { type }]): DiskEntry => ({ name, type }));
      return { entries, unreadableNames: [] };
    },
    isMountPoint: () => false,
    readLink(path) {
      looking(path);
      const inode = disk.find(path);
      if (inode === undefined) throw new DiskError('ENOENT', path);
      if (inode.type !== 'symlink') throw new DiskError('EINVAL', path);
      return inode.target;
    },
    readSmall(path) {
      looking(path);
      const inode = disk.find(path);
      return inode?.type === 'file' ? new Uint8Array(inode.data) : undefined;
    },
    endsInZeros(path, bytes) {
      looking(path);
      const inode = disk.find(path);
      return inode?.type === 'file' && inode.data.subarray(-bytes).every((byte) => byte === 0);
    },
    makeFolder(path) {
      changing(path);
      return changed(outcomeOf(() => (disk.create(path, 'folder'), 'made' as const), 'made', EXISTS));
    },
    makeSymlink(path, target) {
      changing(path);
      return changed(outcomeOf(() => (disk.create(path, 'symlink', target), 'made' as const), 'made', EXISTS));
    },
    async rename(from, to) {
      await incarnation.sleep(chance.between(0, 0.5 * faults.slowDisk));
      changing(from);
      const outcome = changed(outcomeOf(() => renameNoReplace(disk, from, to), undefined, EXISTS));
      // Done, and not told yet.
      if (faults.slowDisk > 1) await incarnation.sleep(chance.between(0, 0.5 * faults.slowDisk));
      return outcome;
    },
    exchange(a, b) {
      changing(a);
      if (!hasExchange) return 'unsupported';
      return changed(
        outcomeOf(() => (disk.exchange(a, b), 'exchanged' as const), 'exchanged', {
          ENOENT: 'missing',
          ENOTDIR: 'missing',
        } as const),
      );
    },
    link(from, to) {
      changing(to);
      return changed(outcomeOf(() => (disk.link(from, to), 'linked' as const), 'linked', EXISTS));
    },
    removeFile(path) {
      changing(path);
      return changed(
        outcomeOf(() => (disk.unlink(path), 'removed' as const), 'removed', {
          ENOENT: 'missing',
          ENOTDIR: 'missing',
        } as const),
      );
    },
    removeFolder(path) {
      changing(path);
      const values = { ENOENT: 'missing', ENOTDIR: 'missing', ENOTEMPTY: 'not-empty' } as const;
      return changed(outcomeOf(() => (disk.rmdir(path), 'removed' as const), 'removed', values));
    },
    // Its files have none.
    copyAttributes: () => undefined,
    setExecutable(path, executable) {
      changing(path);
      const inode = disk.find(path);
      if (inode === undefined) throw new DiskError('ENOENT', path);
      disk.chmod(path, executable ? inode.mode | 0o111 : inode.mode & ~0o111);
      changed(undefined);
    },
    finish(path, { sizeBytes, executable, mtimeMs }) {
      changing(path);
      const inode = disk.find(path) ?? (sizeBytes === 0 ? disk.create(path, 'file') : undefined);
      if (inode === undefined) throw new DiskError('ENOENT', path);
      if (inode.data.length < sizeBytes) throw new DiskError('EIO', path);
      disk.write(inode, Buffer.from(inode.data.subarray(0, sizeBytes)), { path });
      disk.chmod(path, executable ? inode.mode | 0o111 : inode.mode & ~0o111);
      disk.setTimes(inode, BigInt(Math.round(mtimeMs)) * 1_000_000n);
      changed(undefined);
    },
    async flush(paths) {
      await incarnation.sleep(chance.between(0, 4 * faults.slowDisk));
      changing('');
      const inodes = paths?.map((path) => {
        const inode = disk.find(path);
        if (inode === undefined) throw new DiskError('ENOENT', path);
        return inode;
      });
      disk.flush(inodes);
    },
    async freeBytes() {
      await incarnation.sleep(0);
      incarnation.check();
      return 2 ** 40;
    },
    [Symbol.dispose]: () => undefined,
  };
}

function renameNoReplace(disk: SimDisk, from: string, to: string): 'renamed' | 'exists' | 'missing' {
  if (disk.find(from) === undefined) return 'missing';
  const { folder, name } = disk.parent(to);
  if (folder.entries.has(name)) return 'exists';
  disk.rename(from, to);
  return 'renamed';
}
