/** What a user sees in the folder of a history, to choose from. */
import { lstatSync, readdirSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { type Random } from '../support/random.ts';

/** With the traps: two forms of one letter, letter case, spaces, a leading dot. */
const NAMES = ['a', 'b', 'c', 'Report.txt', 'photo.jpg', 'photos', 'photos-old', 'x y', '日本', '.hidden', 'K'].concat(
  '\u00fc',
  'u\u0308',
);
/** Files that only registers' deeds touch. */
export const REGISTERS: readonly string[] = ['r0.txt', 'r1.txt', 'r2'];
const DEEPEST = 7;

export type Entry = { readonly path: string; readonly kind: 'file' | 'folder' | 'link'; readonly sizeBytes: number };

export type View = {
  readonly all: (folder?: string) => readonly Entry[];
  /** One of them by chance. */
  readonly pick: (kind?: Entry['kind'], folder?: string) => string | undefined;
  /** Two that do not lie in each other. */
  readonly pair: () => readonly [string, string] | undefined;
  /** A path that is free here now. */
  readonly free: (folder?: string) => string | undefined;
  /** Two forms of one name are one name. */
  readonly isTaken: (path: string) => boolean;
};

/** @param at leads from a path in the synced folder to one of the disk; `base` is the folder of the history */
export function lookInto(at: (path: string) => string, base: string, random: Random): View {
  const all: View['all'] = (top = base) => {
    const found: Entry[] = [];
    const walk = (folder: string): void => {
      for (const entry of readdirSync(at(folder), { withFileTypes: true })) {
        if (folder === base && isRegister(entry.name)) continue;
        const path = `${folder}/${entry.name}`;
        const kind = entry.isDirectory() ? 'folder' : entry.isFile() ? 'file' : 'link';
        const sizeBytes = kind === 'file' ? (lstatSync(at(path), { throwIfNoEntry: false })?.size ?? 0) : 0;
        found.push({ path, kind, sizeBytes });
        if (kind === 'folder') walk(path);
      }
    };
    walk(top);
    // The order of a listing is not the same each time.
    return found.sort((a, b) => (a.path < b.path ? -1 : 1));
  };
  const pick: View['pick'] = (kind, folder) => {
    const fit = all(folder).filter((entry) => kind === undefined || entry.kind === kind);
    return fit.length === 0 ? undefined : random.pick(fit).path;
  };
  const isTaken: View['isTaken'] = (path) => {
    const name = basename(path).normalize('NFC');
    return readdirSync(at(dirname(path))).some((other) => other.normalize('NFC') === name);
  };
  return {
    all,
    pick,
    isTaken,
    pair: () => {
      const [one, other] = [pick(), pick()];
      if (one === undefined || other === undefined) return undefined;
      const isNested = `${one}/`.startsWith(`${other}/`) || `${other}/`.startsWith(`${one}/`);
      return isNested ? undefined : [one, other];
    },
    free: (folder) => {
      const folders = all().flatMap(({ kind, path }) => (kind === 'folder' ? [path] : []));
      const somewhere = folders.length === 0 || random.below(3) === 0 ? base : random.pick(folders);
      const parent = folder ?? somewhere;
      if (parent.split('/').length > DEEPEST) return undefined;
      const path = `${parent}/${random.pick(NAMES)}`;
      return isTaken(path) ? undefined : path;
    },
  };
}

function isRegister(name: string): boolean {
  return REGISTERS.some(
    (register) => name === register || name.startsWith(`${register.replace(/\..*/, '')} (conflicted copy`),
  );
}
