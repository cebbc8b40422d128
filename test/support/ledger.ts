/**
 * The no-loss ledger: each content that anybody wrote must be present somewhere in the end, unless
 * somebody who had seen it replaced or removed it. Changes go through here so that what they displace is
 * known exactly: an edit reads the very inode that it writes, a removal takes the file away and reads it then.
 */
import {
  closeSync,
  fstatSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { type Device } from './satchel.ts';
import { sha256 } from './random.ts';
import { contents, readTree } from './tree.ts';

type Record = { readonly path: string; readonly by: string; readonly step: number; seenAndReplaced: boolean };

export type Ledger = {
  /** Writes a new file or edits one in place. */
  readonly write: (device: Device, path: string, content: Uint8Array | string) => void;
  /** Saves by replacing, as editors do; what stood there is set aside, read and dropped. */
  readonly replace: (device: Device, path: string, content: Uint8Array | string) => void;
  /** Takes a file or folder away; everything in it counts as seen. */
  readonly remove: (device: Device, path: string) => void;
  /** Records content that something else has written. */
  readonly wrote: (content: Uint8Array | string, by: string, path: string) => void;
  /** Records that a content was seen and given up by its reader. */
  readonly gaveUp: (hash: string) => void;
  /** Throws, naming each lost content, unless all are in a folder (own folder with trash and rescue included) or in `elsewhere`. */
  readonly assertNothingLost: (devices: readonly Device[], elsewhere?: ReadonlySet<string>) => void;
};

/** `graveyard` is a folder on the file system of the synced folders, outside of them. */
export function createLedger(graveyard: string): Ledger {
  mkdirSync(graveyard, { recursive: true });
  const records = new Map<string, Record>();
  let step = 0;
  const wrote: Ledger['wrote'] = (content, by, path) => {
    // A content written again lives again, whoever replaced it before.
    records.set(sha256(content), { path, by, step: step++, seenAndReplaced: false });
  };
  const gaveUp = (hash: string): void => {
    const record = records.get(hash);
    if (record !== undefined) record.seenAndReplaced = true;
  };
  const setAside = (device: Device, path: string): void => {
    const grave = join(graveyard, String(step++));
    if (!movedAway(device.path(path), grave)) return;
    if (lstatSync(grave).isDirectory()) contents(readTree(grave)).forEach(gaveUp);
    else if (lstatSync(grave).isFile()) gaveUp(sha256(readFileSync(grave)));
    rmSync(grave, { recursive: true });
  };
  return {
    wrote,
    gaveUp,
    write: (device, path, content) => {
      mkdirSync(dirname(device.path(path)), { recursive: true });
      const old = writeInPlace(device.path(path), content);
      if (old !== undefined) gaveUp(old);
      wrote(content, device.name, path);
    },
    replace: (device, path, content) => {
      mkdirSync(dirname(device.path(path)), { recursive: true });
      const fresh = join(graveyard, `new-${step++}`);
      writeInPlace(fresh, content);
      setAside(device, path);
      renameSync(fresh, device.path(path));
      wrote(content, device.name, path);
    },
    remove: setAside,
    assertNothingLost: (devices, elsewhere = new Set()) => {
      const present = new Set(devices.flatMap((device) => contents(readTree(device.root, { withOwnFolder: true }))));
      const lost = [...records].filter(
        ([hash, record]) => !record.seenAndReplaced && !present.has(hash) && !elsewhere.has(hash),
      );
      if (lost.length === 0) return;
      const lines = lost
        .slice(0, 20)
        .map(([hash, { path, by, step: at }]) => `${hash.slice(0, 10)} written by ${by} as ${path} (step ${at})`);
      throw new Error(`${lost.length} of ${records.size} contents are lost:\n  ${lines.join('\n  ')}`);
    },
  };
}

/** Writes through one descriptor; hash of what that inode held before, undefined when the file is new. */
function writeInPlace(path: string, content: Uint8Array | string): string | undefined {
  const existed = lstatSync(path, { throwIfNoEntry: false })?.isFile() === true;
  const fd = openSync(path, existed ? 'r+' : 'wx');
  try {
    const old = existed && fstatSync(fd).size >= 0 ? sha256(readFileSync(fd)) : undefined;
    ftruncateSync(fd, 0);
    const bytes = Buffer.from(content);
    for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at, bytes.length - at, at);
    return old;
  } finally {
    closeSync(fd);
  }
}

function movedAway(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
