import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import { constants, lstatSync, statSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { DirectoryHandle, NativeFiles } from '../ports/native-files.ts';
import { statOfPath } from './entry-stat.ts';
import { callError } from './native-calls.ts';

/**
 * The port on plain `node:fs`, for systems without our native calls. What it cannot promise: a parent is checked when
 * it is opened, not held (RACE: swapped for a symlink in between, an entry is written behind the link).
 */
export function createPortableFiles(): NativeFiles {
  return {
    capabilities: { exchange: false, pinned: false },
    openRoot(path) {
      if (!statSync(path).isDirectory()) throw callError('ENOTDIR', 'open', [path]);
      return directoryAt(path);
    },
    exchange: () => 'unsupported',
    renameNoReplace: renameWithoutFlag,
    // No call of Node's reads them.
    copyAttributes: () => undefined,
    syncFileSystem,
  };
}

function directoryAt(path: string): DirectoryHandle {
  return {
    open(relativePath) {
      let current = path;
      for (const name of components(relativePath)) {
        current = join(current, name);
        const stat = lstatSync(current, { throwIfNoEntry: false });
        if (stat === undefined) return 'missing';
        if (!stat.isDirectory()) return 'not-a-directory';
      }
      return directoryAt(current);
    },
    entryPath: (name) => join(path, oneComponent(name)),
    ownPath: () => path,
    stat: (name) => statOfPath(join(path, oneComponent(name))),
    sync: () => syncDirectory(path),
    [Symbol.dispose]: () => undefined,
  };
}

async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return; // Windows opens no directory for fsync and orders its metadata itself.
  await using directory = await fs.open(path, constants.O_RDONLY);
  await directory.sync();
}

/**
 * N3 without RENAME_NOREPLACE: a hard link fails on a taken name, atomically. Folders and symlinks, which cannot be
 * linked everywhere, and file systems without links first take the name with an empty entry of our own, which the rename
 * then replaces.
 * RACE: what someone else writes into such an empty file within the microseconds before the rename is lost, and what is
 * made at the old name of a file within the microseconds before that is removed.
 */
export async function renameWithoutFlag(from: string, to: string): Promise<'renamed' | 'exists' | 'missing'> {
  try {
    const stat = await fs.lstat(from);
    if (stat.isDirectory()) {
      await fs.mkdir(to);
      await replacePlaceholder(from, to, fs.rmdir);
    } else if (stat.isSymbolicLink()) {
      await moveOntoPlaceholder(from, to);
    } else {
      await moveFile(from, to, stat.ino);
    }
    return 'renamed';
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EEXIST') return 'exists';
    if (code === 'ENOENT') return 'missing';
    throw error;
  }
}

/** When the old name cannot be removed, both names stay: twice is better than never. */
async function moveFile(from: string, to: string, ino: number): Promise<void> {
  try {
    await fs.link(from, to);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(code)) throw error;
    await moveOntoPlaceholder(from, to);
    return;
  }
  // Somebody may have renamed it meanwhile, and made something else at its old name.
  if (lstatSync(from, { throwIfNoEntry: false })?.ino === ino) unlinkSync(from);
}

async function moveOntoPlaceholder(from: string, to: string): Promise<void> {
  await (await fs.open(to, 'wx')).close();
  await replacePlaceholder(from, to, async (path) => {
    if ((await fs.lstat(path)).size === 0) await fs.unlink(path);
  });
}

async function replacePlaceholder(from: string, to: string, release: (path: string) => Promise<void>): Promise<void> {
  try {
    await fs.rename(from, to);
  } catch (error) {
    await release(to);
    throw error;
  }
}

/** In a child process, since syncfs may block for seconds and has no asynchronous form: the program is `sync -f`. */
export async function syncFileSystem(path: string): Promise<void> {
  if (process.platform === 'win32') throw callError('ENOSYS', 'syncfs', [path]);
  await promisify(execFile)('sync', process.platform === 'linux' ? ['-f', path] : []);
}

export function components(relativePath: string): readonly string[] {
  return relativePath === '' ? [] : relativePath.split('/').map(oneComponent);
}

export function oneComponent(name: string): string {
  if (name === '' || name === '.' || name === '..' || /[/\0]/.test(name)) {
    throw new RangeError(`not the name of one entry: ${JSON.stringify(name)}`);
  }
  return name;
}
