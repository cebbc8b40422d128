/** What a person does in a folder, in few words. All paths are relative to the root. */
import {
  appendFileSync,
  chmodSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

export type Folder = {
  readonly root: string;
  readonly path: (path: string) => string;
  /** Writes a file, parents included. */
  readonly put: (path: string, content: string | Uint8Array) => void;
  readonly append: (path: string, content: string | Uint8Array) => void;
  /** Overwrites bytes in place at an offset. */
  readonly patch: (path: string, offset: number, content: Uint8Array | string) => void;
  readonly mkdir: (path: string) => void;
  readonly rm: (path: string) => void;
  readonly mv: (from: string, to: string) => void;
  readonly link: (target: string, path: string) => void;
  readonly chmod: (path: string, mode: number) => void;
  readonly read: (path: string) => string;
  readonly has: (path: string) => boolean;
  readonly inode: (path: string) => number;
};

export function folder(root: string): Folder {
  const at = (path: string): string => join(root, path);
  const parent = (path: string): void => void mkdirSync(dirname(at(path)), { recursive: true });
  return {
    root,
    path: at,
    put: (path, content) => {
      parent(path);
      writeFileSync(at(path), content);
    },
    append: (path, content) => appendFileSync(at(path), content),
    patch: (path, offset, content) => {
      const fd = openSync(at(path), 'r+');
      writeSync(fd, Buffer.from(content), 0, Buffer.byteLength(content), offset);
      closeSync(fd);
    },
    mkdir: (path) => void mkdirSync(at(path), { recursive: true }),
    rm: (path) => rmSync(at(path), { recursive: true }),
    mv: (from, to) => {
      parent(to);
      renameSync(at(from), at(to));
    },
    link: (target, path) => {
      parent(path);
      symlinkSync(target, at(path));
    },
    chmod: (path, mode) => chmodSync(at(path), mode),
    read: (path) => readFileSync(at(path), 'utf8'),
    has: (path) => existsSync(at(path)),
    inode: (path) => lstatSync(at(path)).ino,
  };
}

/** A folder of small text files as plain data: `name` → text, `name/` → 'folder', a link → `-> target`. */
export type View = Readonly<Record<string, string>>;

export function viewOf(root: string): View {
  const view: Record<string, string> = {};
  const walk = (prefix: string): void => {
    for (const entry of readdirSync(join(root, prefix), { withFileTypes: true }).sort((a, b) =>
      a.name < b.name ? -1 : 1,
    )) {
      const path = prefix + entry.name;
      if (path === '.satchel') continue;
      if (entry.isDirectory()) {
        view[`${path}/`] = 'folder';
        walk(`${path}/`);
      } else if (entry.isSymbolicLink()) view[path] = `-> ${readlinkSync(join(root, path))}`;
      else if (entry.isFile()) view[path] = readFileSync(join(root, path), 'utf8');
    }
  };
  if (existsSync(root)) walk('');
  return view;
}

const copyMark = / \(conflicted copy from [^()]+\)/;

/** Paths that are conflicted copies (the name is a contract: sync-engine.md §3). */
export function conflictCopies(view: View): readonly string[] {
  return Object.keys(view).filter((path) => copyMark.test(path));
}

/** The name a conflicted copy was made from. */
export function withoutCopyMark(path: string): string {
  return path.replace(copyMark, '');
}
