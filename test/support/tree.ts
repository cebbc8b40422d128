/** What a folder looks like from outside, and how two folders differ. */
import { createHash } from 'node:crypto';
import { closeSync, lstatSync, openSync, readdirSync, readlinkSync, readSync, type Stats } from 'node:fs';
import { isUtf8 } from 'node:buffer';

export type TreeEntry =
  | { readonly kind: 'file'; readonly sizeBytes: number; readonly sha256: string; readonly exec: boolean }
  | { readonly kind: 'folder' }
  | { readonly kind: 'symlink'; readonly target: string }
  | { readonly kind: 'special' };

/** Relative path with `/` between names → entry. A name that is not UTF-8 stands as `\xHH` escapes. */
export type Tree = ReadonlyMap<string, TreeEntry>;

export type ReadTreeOptions = {
  /** Also the client's own folder `.satchel`; default false. */
  readonly withOwnFolder?: boolean;
  /** Paths that answer true are left out, with everything below. */
  readonly skip?: (path: string) => boolean;
};

/** Reads everything below `root`, links not followed. Entries that vanish meanwhile are left out. */
export function readTree(root: string, options: ReadTreeOptions = {}): Tree {
  const tree = new Map<string, TreeEntry>();
  const walk = (folder: Buffer, prefix: string): void => {
    for (const name of listing(folder)) {
      const path = prefix + printable(name);
      if (path === '.satchel' && options.withOwnFolder !== true) continue;
      if (options.skip?.(path) === true) continue;
      const full = Buffer.concat([folder, Buffer.from('/'), name]);
      const entry = unlessGone(() => readEntry(full));
      if (entry === undefined) continue;
      tree.set(path, entry);
      if (entry.kind === 'folder') walk(full, `${path}/`);
    }
  };
  walk(Buffer.from(root), '');
  return new Map([...tree].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function listing(folder: Buffer): readonly Buffer[] {
  return unlessGone(() => readdirSync(folder, { encoding: 'buffer' })) ?? [];
}

function readEntry(path: Buffer): TreeEntry {
  const stat = lstatSync(path);
  if (stat.isDirectory()) return { kind: 'folder' };
  if (stat.isSymbolicLink()) return { kind: 'symlink', target: readlinkSync(path) };
  if (!stat.isFile()) return { kind: 'special' };
  return { kind: 'file', sizeBytes: stat.size, sha256: hashFile(path), exec: (stat.mode & 0o100) !== 0 };
}

/** Hex SHA-256 of a file, read in pieces of 1 MiB. */
export function hashFile(path: string | Buffer): string {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(1 << 20);
  const fd = openSync(path, 'r');
  try {
    for (let n = readSync(fd, buffer); n > 0; n = readSync(fd, buffer)) hash.update(buffer.subarray(0, n));
  } finally {
    closeSync(fd);
  }
  return hash.digest('hex');
}

function unlessGone<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

function printable(name: Buffer): string {
  return isUtf8(name)
    ? name.toString('utf8')
    : name.toString('latin1').replace(/[^ -~]/g, (c) => `\\x${c.charCodeAt(0).toString(16)}`);
}

function describe(entry: TreeEntry | undefined): string {
  if (entry === undefined) return '(absent)';
  if (entry.kind === 'file') return `file ${entry.sizeBytes} B ${entry.sha256.slice(0, 10)}${entry.exec ? ' +x' : ''}`;
  return entry.kind === 'symlink' ? `symlink -> ${entry.target}` : entry.kind;
}

/** One line per path that differs; empty when the trees are equal. Names are compared after NFC, as the product does. */
export function treeDiff(left: Tree, right: Tree): readonly string[] {
  const byName = (tree: Tree): Map<string, TreeEntry> =>
    new Map([...tree].map(([path, entry]) => [path.normalize('NFC'), entry]));
  const a = byName(left);
  const b = byName(right);
  return [...new Set([...a.keys(), ...b.keys()])]
    .sort()
    .map((path) => [path, describe(a.get(path)), describe(b.get(path))] as const)
    .filter(([, x, y]) => x !== y)
    .map(([path, x, y]) => `${path}: ${x} | ${y}`);
}

/** Throws with a readable difference unless both trees are equal. */
export function assertSameTree(left: Tree, right: Tree, names = 'left | right'): void {
  const lines = treeDiff(left, right);
  if (lines.length === 0) return;
  const shown = lines.slice(0, 40).join('\n  ');
  throw new Error(`trees differ in ${lines.length} places (${names}):\n  ${shown}${lines.length > 40 ? '\n  …' : ''}`);
}

/** Paths below `folder`, relative to it. */
export function subtree(tree: Tree, folder: string): Tree {
  const prefix = `${folder}/`;
  return new Map(
    [...tree].filter(([path]) => path.startsWith(prefix)).map(([path, entry]) => [path.slice(prefix.length), entry]),
  );
}

/** Paths of a tree, sorted. */
export function paths(tree: Tree): readonly string[] {
  return [...tree.keys()];
}

/** Hashes of all files in a tree, with repetitions. */
export function contents(tree: Tree): readonly string[] {
  return [...tree.values()].flatMap((entry) => (entry.kind === 'file' ? [entry.sha256] : []));
}

/** Identity of what stands on the disk (inode, size, times), cheap to compare: equal means nobody has touched anything. */
export function diskSignature(root: string): string {
  const lines: string[] = [];
  const walk = (folder: Buffer): void => {
    const names = [...listing(folder)].sort(Buffer.compare);
    for (const name of names) {
      if (folder.toString() === root && name.toString() === '.satchel') continue;
      const full = Buffer.concat([folder, Buffer.from('/'), name]);
      const stat: Stats | undefined = unlessGone(() => lstatSync(full));
      if (stat === undefined) continue;
      lines.push(`${full.toString()} ${stat.ino}:${stat.size}:${stat.mtimeMs}:${stat.ctimeMs}:${stat.mode}`);
      if (stat.isDirectory()) walk(full);
    }
  };
  walk(Buffer.from(root));
  return lines.join('\n');
}
