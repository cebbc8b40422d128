/** One user's hand in one folder: each act notes in the book exactly what it did, whatever the client does meanwhile. */
import {
  chmodSync,
  closeSync,
  fstatSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { createNativeFiles } from '@satchel/client/adapters/linux-files.ts';
import { type Book } from './book.ts';

export type Hand = {
  readonly device: number;
  readonly at: (path: string) => string;
  readonly create: (path: string, bytes: Uint8Array) => void;
  /** Puts a file there that was written elsewhere; false when the name is taken. */
  readonly moveIn: (path: string, bytes: Uint8Array) => Promise<boolean>;
  /** One write over the beginning of the file, then cut to its length; what was there before. */
  readonly overwrite: (path: string, bytes: Uint8Array) => Buffer;
  /** Writes what `edit` makes of the content, with one call, at an offset. */
  readonly patch: (
    path: string,
    edit: (old: Buffer) => { readonly offset: number; readonly bytes: Uint8Array },
  ) => void;
  readonly truncate: (path: string, sizeBytes: number) => void;
  /** Saves as editors do: a file beside it, renamed over it. What was replaced; undefined when nobody knows. */
  readonly replace: (path: string, bytes: Uint8Array, temporary: string) => Buffer | undefined;
  /** Removes a file, a link or a folder with all in it, one by one. */
  readonly remove: (path: string) => void;
  /** Removes a file; what it was, undefined when nobody knows. */
  readonly removeSeen: (path: string) => Buffer | undefined;
  /** Takes it out of the synced folder in one call, as a file manager puts it into a trash. */
  readonly takeOut: (path: string) => void;
  /** Renames to a free name; false when it is taken. */
  readonly move: (from: string, to: string) => Promise<boolean>;
  readonly exchange: (one: string, other: string) => void;
  readonly makeFolder: (path: string) => void;
  readonly link: (path: string, target: string) => void;
  readonly touch: (path: string, seconds: number) => void;
  readonly flipExecutable: (path: string) => void;
  /** Opens for writing later; the file may be anywhere by then. */
  readonly hold: (path: string) => HeldFile;
};

export type HeldFile = {
  readonly path: string;
  /** False when the file was deleted by its own user meanwhile. */
  readonly write: (bytes: Uint8Array) => boolean;
  readonly close: () => void;
};

/** `graveyard` lies outside of the synced folder `root`, on the same file system. */
export function createHand(device: number, folders: { root: string; graveyard: string }, book: Book): Hand {
  const native = createNativeFiles();
  mkdirSync(folders.graveyard, { recursive: true });
  const at = (path: string): string => join(folders.root, path);
  let serial = 0;
  const grave = (): string => join(folders.graveyard, String(++serial));
  const writeTo = (fd: number, { path, old, bytes, offset }: Writing): void => {
    const after = overlaid(old, bytes, offset);
    try {
      writeWhole(fd, bytes, offset);
    } catch (error) {
      noteHalf(fd, old);
      throw error;
    }
    book.letGo(old);
    book.wrote(after, path);
  };
  const noteHalf = (fd: number, old: Buffer): void => {
    const now = readFd(fd);
    if (now.equals(old)) return;
    book.letGo(old);
    book.passed(now);
  };
  const removeFile = (path: string): Buffer | undefined => {
    const fd = openSync(path, 'r');
    try {
      const bytes = readFd(fd);
      unlinkSync(path);
      const wasIt = fstatSync(fd).nlink === 0;
      if (wasIt) book.letGo(bytes);
      else book.excuseAll();
      return wasIt ? bytes : undefined;
    } finally {
      closeSync(fd);
    }
  };
  const remove = (path: string): void => {
    const stat = lstatSync(path);
    if (stat.isDirectory()) {
      for (const name of readdirSync(path)) remove(join(path, name));
      rmdirSync(path);
    } else if (stat.isSymbolicLink()) {
      const target = readlinkSync(path);
      unlinkSync(path);
      book.letGo(linkContent(target));
    } else removeFile(path);
  };
  return {
    device,
    at,
    create: (path, bytes) =>
      withFile(at(path), 'wx', (fd) => {
        book.passed(Buffer.alloc(0));
        writeTo(fd, { path, old: Buffer.alloc(0), bytes, offset: 0 });
      }),
    moveIn: async (path, bytes) => {
      const from = grave();
      writeFileSync(from, bytes);
      const outcome = await native.renameNoReplace(from, at(path));
      if (outcome === 'renamed') book.wrote(bytes, path);
      else rmSync(from, { force: true });
      return outcome === 'renamed';
    },
    overwrite: (path, bytes) =>
      withFile(at(path), 'r+', (fd) => {
        const old = readFd(fd);
        if (bytes.length >= old.length) writeTo(fd, { path, old, bytes, offset: 0 });
        else cutAfter(fd, { path, old, bytes, offset: 0 });
        return old;
      }),
    patch: (path, edit) =>
      withFile(at(path), 'r+', (fd) => {
        const old = readFd(fd);
        writeTo(fd, { path, old, ...edit(old) });
      }),
    truncate: (path, sizeBytes) =>
      withFile(at(path), 'r+', (fd) => {
        const old = readFd(fd);
        if (old.length <= sizeBytes) return;
        ftruncateSync(fd, sizeBytes);
        book.letGo(old);
        // The beginning of a content may be that of a copy as well: it need not be kept.
        book.passed(old.subarray(0, sizeBytes));
      }),
    replace: (path, bytes, temporary) => {
      const beside = at(join(dirname(path), temporary));
      const old = openSync(at(path), 'r');
      try {
        const had = readFd(old);
        withFile(beside, 'wx', (fd) => writeTo(fd, { path, old: Buffer.alloc(0), bytes, offset: 0 }));
        renameSync(beside, at(path));
        const wasIt = fstatSync(old).nlink === 0;
        if (wasIt) book.letGo(had);
        else book.excuseAll();
        return wasIt ? had : undefined;
      } catch (error) {
        rmSync(beside, { force: true });
        book.letGo(bytes);
        throw error;
      } finally {
        closeSync(old);
      }
    },
    remove: (path) => remove(at(path)),
    removeSeen: (path) => removeFile(at(path)),
    takeOut: (path) => {
      const to = grave();
      renameSync(at(path), to);
      contentsBelow(to, (bytes) => book.letGo(bytes));
      rmSync(to, { recursive: true });
    },
    move: async (from, to) => (await native.renameNoReplace(at(from), at(to))) === 'renamed',
    exchange: (one, other) => void native.exchange(at(one), at(other)),
    makeFolder: (path) => mkdirSync(at(path)),
    link: (path, target) => {
      symlinkSync(target, at(path));
      book.wrote(linkContent(target), path);
    },
    touch: (path, seconds) => utimesSync(at(path), seconds, seconds),
    flipExecutable: (path) => chmodSync(at(path), lstatSync(at(path)).mode ^ 0o111),
    hold: (path) => {
      const fd = openSync(at(path), 'r+');
      return {
        path,
        close: () => closeSync(fd),
        write: (bytes) => {
          if (fstatSync(fd).nlink === 0) return false;
          writeTo(fd, { path: basename(path), old: readFd(fd), bytes, offset: 0 });
          return true;
        },
      };
    },
  };

  function cutAfter(fd: number, { path, old, bytes, offset }: Writing): void {
    writeWhole(fd, bytes, offset);
    book.letGo(old);
    book.passed(overlaid(old, bytes, offset));
    ftruncateSync(fd, bytes.length);
    book.wrote(bytes, path);
  }
}

type Writing = { readonly path: string; readonly old: Buffer; readonly bytes: Uint8Array; readonly offset: number };

/** What stands for a link among the contents. */
export function linkContent(target: string): string {
  return `-> ${target}`;
}

function overlaid(old: Buffer, bytes: Uint8Array, offset: number): Buffer {
  const after = Buffer.alloc(Math.max(old.length, offset + bytes.length));
  old.copy(after);
  after.set(bytes, offset);
  return after;
}

function withFile<T>(path: string, flags: string, work: (fd: number) => T): T {
  const fd = openSync(path, flags);
  try {
    return work(fd);
  } finally {
    closeSync(fd);
  }
}

/** All bytes of an open file, wherever its position is. */
function readFd(fd: number): Buffer {
  return readFileSync(`/proc/self/fd/${fd}`);
}

/** One call, unless the disk is full. */
function writeWhole(fd: number, bytes: Uint8Array, offset: number): void {
  for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done, bytes.length - done, offset + done);
}

function contentsBelow(path: string, take: (bytes: Uint8Array | string) => void): void {
  const stat = lstatSync(path);
  if (stat.isDirectory()) for (const name of readdirSync(path)) contentsBelow(join(path, name), take);
  else if (stat.isSymbolicLink()) take(linkContent(readlinkSync(path)));
  else if (stat.isFile()) take(readFileSync(path));
}
