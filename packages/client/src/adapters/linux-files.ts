import { closeSync, constants, existsSync, fsync, openSync } from 'node:fs';
import { promisify } from 'node:util';
import type { DirectoryHandle, NativeFiles } from '../ports/native-files.ts';
import { statOfPath } from './entry-stat.ts';
import { callError, loadNativeCalls, RENAME_EXCHANGE, RENAME_NOREPLACE, type NativeCalls } from './native-calls.ts';
import { FlushThread } from './flush-thread.ts';
import { components, createPortableFiles, oneComponent, renameWithoutFlag } from './portable-files.ts';

/** The best adapter that this system can carry. */
export function createNativeFiles(): NativeFiles {
  const calls = loadNativeCalls();
  return calls !== undefined && existsSync('/proc/self/fd') ? createLinuxFiles(calls) : createPortableFiles();
}

export function createLinuxFiles(calls: NativeCalls): NativeFiles {
  const flushing = new FlushThread();
  return {
    capabilities: { exchange: true, pinned: true },
    openRoot: (path) => pinned(openSync(path, constants.O_RDONLY | constants.O_DIRECTORY), calls),
    exchange(pathA, pathB) {
      const code = calls.rename(pathA, pathB, RENAME_EXCHANGE);
      if (code === undefined) return 'exchanged';
      if (code === 'ENOENT') return 'missing';
      if (isUnsupported(code)) return 'unsupported';
      throw callError(code, 'renameat2', [pathA, pathB]);
    },
    async renameNoReplace(from, to) {
      const code = calls.rename(from, to, RENAME_NOREPLACE);
      if (code === undefined) return 'renamed';
      if (code === 'EEXIST') return 'exists';
      if (code === 'ENOENT') return 'missing';
      if (isUnsupported(code)) return renameWithoutFlag(from, to);
      throw callError(code, 'renameat2', [from, to]);
    },
    copyAttributes: (from, to) => copyAttributes(calls, from, to),
    syncFileSystem: (path) => flushing.flush(path),
  };
}

/** The user's own attributes and the access control list; `security.capability` would be a setuid by another name. */
const KEPT_ATTRIBUTE = /^(?:user\..+|system\.posix_acl_access)$/;
/** The file system has none, the rights are missing, there is no room, or the file is gone: the content is what counts. */
const NOT_COPIED = new Set([
  'ENOTSUP',
  'EOPNOTSUPP',
  'EPERM',
  'EACCES',
  'ENOSPC',
  'EDQUOT',
  'E2BIG',
  'ERANGE',
  'ENODATA',
  'ENOENT',
]);

function copyAttributes(calls: NativeCalls, from: string, to: string): void {
  const expect = (code: string | undefined): void => {
    if (code !== undefined && !NOT_COPIED.has(code)) throw callError(code, 'lsetxattr', [from, to]);
  };
  let names: readonly string[] = [];
  try {
    names = calls.attributeNames(from);
  } catch (error) {
    expect((error as NodeJS.ErrnoException).code ?? 'EIO');
  }
  for (const name of names) if (KEPT_ATTRIBUTE.test(name)) expect(calls.copyAttribute(from, to, name));
}

/** EINVAL is also "a folder into itself"; the portable way then meets, and throws, the same error. */
function isUnsupported(code: string): boolean {
  return code === 'EINVAL' || code === 'ENOSYS' || code === 'ENOTSUP' || code === 'EOPNOTSUPP';
}

/** The kernel resolves `/proc/self/fd/N/name` from the open directory itself, wherever that has been moved to. */
function pinned(descriptor: number, calls: NativeCalls): DirectoryHandle {
  const { statAt } = calls;
  let open = true;
  const path = (): string => {
    // A closed number may by now belong to another directory: using it would write to the wrong place.
    if (!open) throw new Error('the directory handle has been disposed');
    return `/proc/self/fd/${descriptor}`;
  };
  return {
    open(relativePath) {
      const outcome = openBelow(`${path()}/.`, components(relativePath));
      return typeof outcome === 'number' ? pinned(outcome, calls) : outcome;
    },
    stat(name) {
      const entry = `${path()}/${oneComponent(name)}`;
      return statAt === undefined ? statOfPath(entry) : statAt(descriptor, name);
    },
    entryPath: (name) => `${path()}/${oneComponent(name)}`,
    ownPath: () => `${path()}/.`,
    async sync() {
      path();
      await promisify(fsync)(descriptor);
    },
    [Symbol.dispose]() {
      if (open) closeSync(descriptor);
      open = false;
    },
  };
}

/** One component at a time, since `O_NOFOLLOW` guards only the last one of a path. */
function openBelow(start: string, names: readonly string[]): number | 'missing' | 'not-a-directory' {
  let descriptor = openSync(start, constants.O_RDONLY | constants.O_DIRECTORY);
  for (const name of names) {
    const parent = descriptor;
    try {
      descriptor = openSync(
        `/proc/self/fd/${parent}/${name}`,
        constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW,
      );
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOENT') return 'missing';
      if (code === 'ENOTDIR' || code === 'ELOOP') return 'not-a-directory';
      throw error;
    } finally {
      closeSync(parent);
    }
  }
  return descriptor;
}
