import type { DiskStat } from './disk.ts';

/**
 * What the applier needs of a file system beyond `node:fs`: names that change owner atomically, and parents that
 * nobody can swap for a symlink between the check and the use (H52).
 *
 * - N1 `open` follows no symlink below the directory it starts from and never leaves it.
 * - N2 Where `capabilities.pinned`, a handle stays with its directory when that is renamed or replaced by a symlink:
 *   `entryPath` then names the entry in the old directory, never one behind the link.
 * - N3 `renameNoReplace` never replaces anything: a taken name is the value 'exists' and both entries stay.
 * - N4 `exchange` leaves, at every instant, one of the two entries at each name.
 * - N5 Every other failure is thrown as `node:fs` throws it: `code`, `errno`, `syscall`, `path`, `dest`.
 * - N6 After `syncFileSystem` resolves, all that was written before survives power loss.
 * - N7 `entryPath` refuses a name that is not one component.
 * - N8 `copyAttributes` takes along what belongs to the user (attributes, access control list), and nothing that gives
 *   rights to a program. Where it cannot, it does nothing.
 */
export interface NativeFiles {
  readonly capabilities: NativeFilesCapabilities;

  /**
   * Opens the sync root; a symlink at `path` itself is followed, since the user may have put it there.
   * Throws ENOENT, ENOTDIR, EACCES.
   */
  openRoot(path: string): DirectoryHandle;

  /** Both paths must exist, on one file system; 'missing' when either does not, 'unsupported' where it cannot be done. */
  exchange(pathA: string, pathB: string): 'exchanged' | 'missing' | 'unsupported';

  /** Moves a file, symlink or folder within one file system; never onto an existing entry, not even an empty folder. */
  renameNoReplace(from: string, to: string): Promise<'renamed' | 'exists' | 'missing'>;

  /** From a file to one that will replace it (H55), as far as the file system and the rights of this process allow. */
  copyAttributes(from: string, to: string): void;

  /** Flushes the whole file system that holds `path`: one call in place of an fsync per file and folder. */
  syncFileSystem(path: string): Promise<void>;
}

export interface NativeFilesCapabilities {
  /** `exchange` is worth trying; a single file system may still answer 'unsupported'. */
  readonly exchange: boolean;
  /** Handles hold the directory itself (N2), not merely its path as it was checked at `open`. */
  readonly pinned: boolean;
}

/** An open directory. Holds a descriptor until disposed. */
export interface DirectoryHandle extends Disposable {
  /**
   * The directory `relativePath` ('/'-separated, '' for this one). 'missing' when a component is absent, 'not-a-directory'
   * when one is a file or a symlink. Throws RangeError for '..', '.', empty components or NUL.
   */
  open(relativePath: string): DirectoryHandle | 'missing' | 'not-a-directory';

  /** A path for `node:fs` and for this port that leads to the entry `name` of this directory; valid until disposed. */
  entryPath(name: string): string;

  /** The same for this directory. */
  ownPath(): string;

  /** The entry itself, never what a symlink leads to; undefined when it is absent. Throws any other fault. */
  stat(name: string): DiskStat | undefined;

  /** fsync of the directory: its entries survive power loss. */
  sync(): Promise<void>;
}
