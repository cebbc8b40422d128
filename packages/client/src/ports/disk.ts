/** What a stat tells that decides whether a file must be hashed again; (dev, ino) pairs moves. */
export interface StatIdentity {
  readonly dev: number;
  readonly ino: number;
  /** Bytes of a file; 0 of anything else, whose size says nothing. */
  readonly size: number;
  /** Decimal nanoseconds. */
  readonly mtimeNs: string;
  readonly ctimeNs: string;
  /** When the inode was made, where the file system tells: tells a moved folder from a new one with its number. */
  readonly birthNs?: string;
  readonly mode: number;
}

export type EntryType = 'file' | 'folder' | 'symlink' | 'special';

export interface DiskStat extends StatIdentity {
  readonly type: EntryType;
  readonly links: number;
}

export interface DiskEntry {
  /** As the disk spells it. */
  readonly name: string;
  readonly type: EntryType;
}

export interface FinishedFile {
  readonly sizeBytes: number;
  readonly executable: boolean;
  readonly mtimeMs: number;
  /** Permission bits of the file that it replaces, kept but for execution (H55); absent: as for any new file. */
  readonly mode?: number;
}

/** A listing of one folder, complete (C3). */
export interface DiskListing {
  readonly entries: readonly DiskEntry[];
  /** Names that are not UTF-8, shown with replacement characters; they are left alone (H46). */
  readonly unreadableNames: readonly string[];
}

/**
 * The file system below the synced folder. Paths are relative to it, `/` between names, '' the folder itself. No
 * call follows a symlink or leaves the folder (H51, H52). Metadata calls are synchronous: they take microseconds,
 * and a promise each would cost more than the call.
 *
 * - F1 `stat` and `list` answer undefined only for what is proved absent (ENOENT, ENOTDIR); all else throws with a `code`.
 * - F2 `rename` and `link` never replace anything; a name is taken, too, when it stands in its other Unicode form (H45).
 * - F3 `exchange` leaves at every instant one of the two at each name; 'unsupported' where the platform cannot.
 * - F4 After `flush` resolves, everything done before survives power loss.
 */
export interface Disk extends Disposable {
  /** Absolute path, for readers outside (hashing, messages). */
  absolute(path: string): string;
  stat(path: string): DiskStat | undefined;
  list(path: string): DiskListing | undefined;
  /** Whether something is mounted at this folder, another part of the same file system too; false where no system tells. */
  isMountPoint(path: string): boolean;
  readLink(path: string): string;
  /** Reads a small file whole; undefined when absent, throws RangeError past `maxBytes`. */
  readSmall(path: string, maxBytes: number): Uint8Array | undefined;
  /** Whether the last bytes of a file, at most so many, are all zero. */
  endsInZeros(path: string, bytes: number): boolean;
  makeFolder(path: string): 'made' | 'exists' | 'missing';
  makeSymlink(path: string, target: string): 'made' | 'exists' | 'missing';
  rename(from: string, to: string): Promise<'renamed' | 'exists' | 'missing'>;
  exchange(pathA: string, pathB: string): 'exchanged' | 'missing' | 'unsupported';
  link(from: string, to: string): 'linked' | 'exists' | 'missing';
  removeFile(path: string): 'removed' | 'missing';
  removeFolder(path: string): 'removed' | 'missing' | 'not-empty';
  setExecutable(path: string, executable: boolean): void;
  /** Extended attributes and access control list, as far as that can be done (H55). */
  copyAttributes(from: string, to: string): void;
  /**
   * Gives a complete file in the staging folder its length, permissions and mtime. It may have been longer; an empty
   * one is made when absent. Throws for one that is absent or too short: nothing is ever filled up with zeros.
   */
  finish(path: string, options: FinishedFile): void;
  /** These files and folders, or everything. */
  flush(paths?: readonly string[]): Promise<void>;
  freeBytes(): Promise<number>;
}
