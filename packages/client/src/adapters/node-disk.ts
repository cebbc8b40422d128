import fs from 'node:fs';
import { constants } from 'node:fs';
import { join } from 'node:path';
import type { Disk, DiskEntry, DiskListing, DiskStat, EntryType, FinishedFile } from '../ports/disk.ts';
import type { DirectoryHandle, NativeFiles } from '../ports/native-files.ts';
import { statOfPath } from './entry-stat.ts';
import { createMountPoints } from './mount-points.ts';
import { callError } from './native-calls.ts';

const { O_RDONLY, O_RDWR, O_NOFOLLOW, O_NONBLOCK, O_CREAT } = constants;

/** Up to this many files and folders an fsync each is cheaper than one of the whole file system. */
const FLUSH_SINGLY = 16;

/** Handles of folders kept at once; a rename needs two (H60: descriptors may be few). */
const KEPT_FOLDERS = 8;

/** Absence is proved by these two alone (F1). */
const isAbsent = (error: unknown) => codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR';

export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}

function typeOf(entry: { isFile(): boolean; isDirectory(): boolean; isSymbolicLink(): boolean }): EntryType {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'folder';
  return entry.isSymbolicLink() ? 'symlink' : 'special';
}

/** The disk of this machine below `root`, each parent resolved without following links (H52). */
export function createNodeDisk(root: string, native: NativeFiles): Disk {
  const parents = new ParentHandles(root, native);
  const mounts = createMountPoints(root);
  const at = (path: string) => parents.entry(path);
  const entry = (path: string) => {
    const found = parents.entry(path);
    if (found === undefined)
      throw Object.assign(new Error(`ENOENT: no such folder above '${path}'`), { code: 'ENOENT', path });
    return found;
  };
  const made = (path: string, make: (target: string) => void) =>
    standsOtherwise(parents, path) ? 'exists' : creating(at(path), make);
  return {
    absolute: (path) => (path === '' ? root : join(root, path)),
    stat: (path) => absentAs(undefined, () => parents.stat(path)),
    list: (path) => absentAs(undefined, () => listFolder(parents.folderPath(path))),
    isMountPoint: (path) => mounts.has(path),
    readLink: (path) => fs.readlinkSync(entry(path)),
    readSmall: (path, maxBytes) => absentAs(undefined, () => readSmall(at(path), maxBytes)),
    endsInZeros: (path, bytes) => endsInZeros(entry(path), bytes),
    makeFolder: (path) => parents.appearing(made(path, (target) => fs.mkdirSync(target))),
    makeSymlink: (path, text) => made(path, (target) => fs.symlinkSync(text, target)),
    async rename(from, to) {
      if (decomposed(to) !== from && standsOtherwise(parents, to)) return 'exists';
      const [source, target] = parents.pair(from, to);
      if (source === undefined || target === undefined) return 'missing';
      return native.renameNoReplace(source, target);
    },
    exchange(pathA, pathB) {
      const [a, b] = parents.pair(pathA, pathB);
      return a === undefined || b === undefined ? 'missing' : native.exchange(a, b);
    },
    link(from, to) {
      const [source, target] = parents.pair(from, to);
      if (source === undefined || target === undefined) return 'missing';
      const outcome = made(to, () => fs.linkSync(source, target));
      return outcome === 'made' ? 'linked' : outcome;
    },
    removeFile: (path) => absentAs('missing', () => (fs.unlinkSync(entry(path)), 'removed' as const)),
    removeFolder: (path) => removeFolder(entry(parents.leaving(path))),
    setExecutable(path, executable) {
      const target = entry(path);
      const mode = fs.lstatSync(target).mode & 0o777;
      fs.chmodSync(target, executable ? mode | ((mode & 0o444) >> 2) : mode & ~0o111);
    },
    copyAttributes: (from, to) => native.copyAttributes(entry(from), entry(to)),
    finish: (path, options) => finishFile(entry(path), options),
    async flush(paths) {
      if (paths === undefined || paths.length > FLUSH_SINGLY) return native.syncFileSystem(root);
      await Promise.all(paths.map((path) => syncOne(entry(path))));
    },
    async freeBytes() {
      const { bavail, bsize } = await fs.promises.statfs(root);
      return bavail * bsize;
    },
    [Symbol.dispose]: () => parents[Symbol.dispose](),
  };
}

/**
 * Open handles of the root and of the folders last used, kept until the event loop goes on, over awaits that need not
 * wait for it too: a loop over a folder opens it once, nothing that happened between two turns can be missed, and the
 * disk can be unmounted at any time.
 */
class ParentHandles implements Disposable {
  readonly #rootPath: string;
  readonly #native: NativeFiles;
  readonly #open = new Map<string, DirectoryHandle>();
  /** Folders found absent: as long as handles are kept they are not looked for again. */
  readonly #absent = new Set<string>();
  #root: DirectoryHandle | undefined;
  /** The one used last, by the same path: of a folder that is read entry by entry nothing is looked up. */
  #latest: { readonly path: string; readonly handle: DirectoryHandle } | undefined;

  constructor(rootPath: string, native: NativeFiles) {
    this.#rootPath = rootPath;
    this.#native = native;
  }

  /** A path for node:fs, or undefined when a folder above it is absent or is not a folder. */
  entry(path: string): string | undefined {
    if (path === '') return `${this.#rootPath}/.`;
    const cut = path.lastIndexOf('/');
    return this.#parent(path, cut)?.entryPath(path.slice(cut + 1));
  }

  /** Of a folder itself, never of what a link in its place leads to. */
  folderPath(path: string): string | undefined {
    return (path === '' ? this.#rootHandle() : this.#folder(path))?.ownPath();
  }

  /** Undefined when nothing is there, or a folder above it is absent or is not a folder. */
  stat(path: string): DiskStat | undefined {
    if (path === '') return statOfPath(`${this.#rootPath}/.`);
    const cut = path.lastIndexOf('/');
    return this.#parent(path, cut)?.stat(path.slice(cut + 1));
  }

  #parent(path: string, cut: number): DirectoryHandle | undefined {
    return cut < 0 ? this.#rootHandle() : this.#folder(path.slice(0, cut));
  }

  /** Of two entries that change names. */
  pair(from: string, to: string): [string | undefined, string | undefined] {
    this.#absent.clear();
    for (const path of [from, to]) this.leaving(path);
    return [this.entry(from), this.entry(to)];
  }

  /** A handle would follow what is about to leave this path. */
  leaving(path: string): string {
    this.#latest = undefined;
    for (const [folder, handle] of this.#open) {
      if (folder !== path && !folder.startsWith(`${path}/`)) continue;
      handle[Symbol.dispose]();
      this.#open.delete(folder);
    }
    return path;
  }

  /** A folder may be there now that was not. */
  appearing<T>(outcome: T): T {
    this.#absent.clear();
    return outcome;
  }

  [Symbol.dispose](): void {
    this.#latest = undefined;
    this.#absent.clear();
    for (const handle of this.#open.values()) handle[Symbol.dispose]();
    this.#open.clear();
    this.#root?.[Symbol.dispose]();
    this.#root = undefined;
  }

  #rootHandle(): DirectoryHandle {
    if (this.#root === undefined) {
      this.#root = this.#native.openRoot(this.#rootPath);
      // After the promise jobs at hand; a microtask would come between two steps of an awaiting loop.
      process.nextTick(() => this[Symbol.dispose]());
    }
    return this.#root;
  }

  #folder(path: string): DirectoryHandle | undefined {
    if (this.#latest?.path === path) return this.#latest.handle;
    if (this.#absent.has(path)) return undefined;
    const handle = this.#open.get(path) ?? this.#rootHandle().open(path);
    if (typeof handle === 'string') {
      this.#absent.add(path);
      return undefined;
    }
    this.#latest = { path, handle };
    // The one used last goes last: it may be half of a rename.
    this.#open.delete(path);
    this.#open.set(path, handle);
    for (const [oldest, unused] of this.#open) {
      if (this.#open.size <= KEPT_FOLDERS) break;
      unused[Symbol.dispose]();
      this.#open.delete(oldest);
    }
    return handle;
  }
}

/** Whether the name stands in its other Unicode form (F2), which may be longer than the disk can hold: then it does not. */
function standsOtherwise(parents: ParentHandles, path: string): boolean {
  const other = decomposed(path);
  try {
    return other !== path && parents.stat(other) !== undefined;
  } catch (error) {
    if (isAbsent(error) || codeOf(error) === 'ENAMETOOLONG') return false;
    throw error;
  }
}

/** The path with its last name in the form that takes letters and their marks apart. */
function decomposed(path: string): string {
  const cut = path.lastIndexOf('/') + 1;
  return path.slice(0, cut) + path.slice(cut).normalize('NFD');
}

function syncOne(path: string): Promise<void> {
  // Opened at once: the path leads through a handle that is only open now.
  const fd = fs.openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  return new Promise((resolve, reject) => {
    fs.fsync(fd, (error) => {
      fs.closeSync(fd);
      if (error === null) resolve();
      else reject(error);
    });
  });
}

function absentAs<T, A>(absent: A, work: () => T): T | A {
  try {
    return work();
  } catch (error) {
    if (isAbsent(error)) return absent;
    throw error;
  }
}

/** What a name shows in place of bytes that are no UTF-8. */
const REPLACEMENT = '\ufffd';

function listFolder(path: string | undefined): DiskListing | undefined {
  if (path === undefined) return undefined;
  const entries: DiskEntry[] = [];
  for (const found of fs.readdirSync(path, { withFileTypes: true })) {
    if (found.name.includes(REPLACEMENT)) return listBytes(path);
    entries.push({ name: found.name, type: typeOf(found) });
  }
  return { entries, unreadableNames: [] };
}

/** As `listFolder`, three times as slow: each name is compared with its bytes. */
function listBytes(path: string): DiskListing {
  const entries: DiskEntry[] = [];
  const unreadableNames: string[] = [];
  for (const found of fs.readdirSync(path, { withFileTypes: true, encoding: 'buffer' })) {
    const name = found.name.toString('utf8');
    if (Buffer.from(name).equals(found.name)) entries.push({ name, type: typeOf(found) });
    else unreadableNames.push(name);
  }
  return { entries, unreadableNames };
}

function readSmall(path: string | undefined, maxBytes: number): Uint8Array | undefined {
  if (path === undefined) return undefined;
  const fd = fs.openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    const size = fs.fstatSync(fd).size;
    if (size > maxBytes) throw new RangeError(`${path} is larger than ${maxBytes} bytes`);
    const bytes = new Uint8Array(size);
    return bytes.subarray(0, fs.readSync(fd, bytes, 0, size, 0));
  } finally {
    fs.closeSync(fd);
  }
}

function endsInZeros(path: string, bytes: number): boolean {
  const fd = fs.openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    const { size } = fs.fstatSync(fd);
    const tail = new Uint8Array(Math.min(size, bytes));
    const read = fs.readSync(fd, tail, 0, tail.length, size - tail.length);
    return tail.subarray(0, read).every((byte) => byte === 0);
  } finally {
    fs.closeSync(fd);
  }
}

/** Node cuts to nanoseconds: half a microsecond more keeps the millisecond that was meant. */
function secondsOf(ms: number): number {
  return (ms + 0.0005) / 1000;
}

function finishFile(path: string, { sizeBytes, executable, mtimeMs, mode }: FinishedFile): void {
  const fd = fs.openSync(path, O_RDWR | O_NOFOLLOW | (sizeBytes === 0 ? O_CREAT : 0), 0o600);
  try {
    const { size } = fs.fstatSync(fd);
    if (size < sizeBytes) throw callError('EIO', `finish: ${size} of ${sizeBytes} bytes`, [path]);
    fs.ftruncateSync(fd, sizeBytes);
    const readable = mode === undefined ? 0o666 & ~process.umask() : mode & 0o666;
    fs.fchmodSync(fd, executable ? readable | ((readable & 0o444) >> 2) : readable);
    fs.futimesSync(fd, secondsOf(mtimeMs), secondsOf(mtimeMs));
  } finally {
    fs.closeSync(fd);
  }
}

function creating(path: string | undefined, make: (path: string) => void): 'made' | 'exists' | 'missing' {
  if (path === undefined) return 'missing';
  try {
    make(path);
    return 'made';
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return 'exists';
    if (isAbsent(error)) return 'missing';
    throw error;
  }
}

function removeFolder(path: string): 'removed' | 'missing' | 'not-empty' {
  try {
    fs.rmdirSync(path);
    return 'removed';
  } catch (error) {
    if (codeOf(error) === 'ENOTEMPTY' || codeOf(error) === 'EEXIST') return 'not-empty';
    if (isAbsent(error)) return 'missing';
    throw error;
  }
}
