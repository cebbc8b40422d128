import type { Chance } from './chance.ts';

export type InodeType = 'file' | 'folder' | 'symlink';

/** What a path leads to. Contents are never changed in place: a write makes a new buffer. */
export interface Inode {
  readonly ino: number;
  readonly type: InodeType;
  data: Buffer;
  target: string;
  readonly entries: Map<string, Inode>;
  mtimeNs: bigint;
  ctimeNs: bigint;
  /** Where the file system keeps it. */
  readonly birthNs: bigint | undefined;
  mode: number;
  links: number;
  /** What a power cut leaves of the content; undefined: it is all on the medium. */
  durable: { readonly data: Buffer; readonly mtimeNs: bigint } | undefined;
}

/** Told of each change, for watchers. `moved`: a folder and all in it came to this path. */
export interface DiskChange {
  readonly path: string;
  readonly closed: boolean;
  readonly moved: boolean;
}

export class DiskError extends Error {
  readonly code: string;
  readonly path: string;
  constructor(code: string, path: string) {
    super(`${code}: ${path}`);
    this.code = code;
    this.path = path;
  }
}

/**
 * One device's file system: inodes, names, times as the kernel gives them, and what of it a power cut would take.
 * Names are journalled in order, as ext4, XFS and btrfs do: a cut undoes the last of them. Contents are lost apart.
 */
export class SimDisk {
  /** What is mounted, or the empty folder that it is mounted on. */
  root: Inode;
  #mounted: Inode;
  readonly changes: ((change: DiskChange) => void)[] = [];
  readonly unmounted = new Set<() => void>();
  /** Undoes the name changes that are not on the medium, oldest first. */
  #journal: (() => void)[] = [];
  readonly #wallNs: () => bigint;
  /** Inode numbers that are free again: file systems give them out anew. */
  readonly #freeInos: number[] = [];
  #nextIno = 2;

  readonly #hasBirthTimes: boolean;

  constructor(wallNs: () => bigint, { hasBirthTimes }: { readonly hasBirthTimes: boolean }) {
    this.#wallNs = wallNs;
    this.#hasBirthTimes = hasBirthTimes;
    this.#mounted = this.#inode('folder');
    this.root = this.#mounted;
  }

  #inode(type: InodeType): Inode {
    const now = this.#wallNs();
    return {
      ino: this.#freeInos.shift() ?? this.#nextIno++,
      type,
      data: Buffer.alloc(0),
      target: '',
      entries: new Map(),
      mtimeNs: now,
      ctimeNs: now,
      birthNs: this.#hasBirthTimes ? now : undefined,
      mode: type === 'folder' ? 0o755 : 0o644,
      links: 1,
      durable: undefined,
    };
  }

  get isMounted(): boolean {
    return this.root === this.#mounted;
  }

  /** H63: the folder at the root's path is another one now, and empty. */
  unmount(): void {
    this.root = this.#inode('folder');
    for (const listener of this.unmounted) listener();
  }

  mount(): void {
    this.root = this.#mounted;
  }

  find(path: string): Inode | undefined {
    let at: Inode | undefined = this.root;
    if (path === '') return at;
    for (const name of path.split('/')) {
      if (at?.type !== 'folder') return undefined;
      at = at.entries.get(name);
    }
    return at;
  }

  /** The folder above and the last name; throws ENOENT or ENOTDIR. */
  parent(path: string): { readonly folder: Inode; readonly name: string } {
    const cut = path.lastIndexOf('/');
    const folder = this.find(cut < 0 ? '' : path.slice(0, cut));
    if (folder === undefined) throw new DiskError('ENOENT', path);
    if (folder.type !== 'folder') throw new DiskError('ENOTDIR', path);
    return { folder, name: path.slice(cut + 1) };
  }

  pathOf(inode: Inode): string | undefined {
    for (const [path, found] of this.walk()) if (found === inode) return path;
    return undefined;
  }

  /** Everything below a folder, folders before what is in them. */
  *walk(from: Inode = this.root, base = ''): Generator<readonly [string, Inode]> {
    for (const [name, inode] of from.entries) {
      const path = base === '' ? name : `${base}/${name}`;
      yield [path, inode];
      if (inode.type === 'folder') yield* this.walk(inode, path);
    }
  }

  #tell(path: string, { closed = true, moved = false } = {}): void {
    if (path === '.satchel' || path.startsWith('.satchel/')) return;
    for (const listener of this.changes) listener({ path, closed, moved });
  }

  #set(folder: Inode, name: string, inode: Inode | undefined): void {
    const before = folder.entries.get(name);
    if (inode === undefined) folder.entries.delete(name);
    else folder.entries.set(name, inode);
    const [mtimeNs, ctimeNs] = [folder.mtimeNs, folder.ctimeNs];
    folder.mtimeNs = this.#wallNs();
    folder.ctimeNs = folder.mtimeNs;
    this.#journal.push(() => {
      if (before === undefined) folder.entries.delete(name);
      else folder.entries.set(name, before);
      folder.mtimeNs = mtimeNs;
      folder.ctimeNs = ctimeNs;
    });
  }

  #relink(inode: Inode, by: number): void {
    const ctimeNs = inode.ctimeNs;
    inode.links += by;
    inode.ctimeNs = this.#wallNs();
    this.#journal.push(() => {
      inode.links -= by;
      inode.ctimeNs = ctimeNs;
    });
  }

  create(path: string, type: InodeType, target = ''): Inode {
    const { folder, name } = this.parent(path);
    if (folder.entries.has(name)) throw new DiskError('EEXIST', path);
    const inode = this.#inode(type);
    inode.target = target;
    this.#set(folder, name, inode);
    this.#tell(path, { closed: type !== 'file' });
    return inode;
  }

  write(inode: Inode, data: Buffer, { closed = true, path = this.pathOf(inode) } = {}): void {
    inode.durable ??= { data: inode.data, mtimeNs: inode.mtimeNs };
    inode.data = data;
    inode.mtimeNs = this.#wallNs();
    inode.ctimeNs = inode.mtimeNs;
    if (path !== undefined) this.#tell(path, { closed });
  }

  /** The last writer has closed it. */
  closed(inode: Inode): void {
    const path = this.pathOf(inode);
    if (path !== undefined) this.#tell(path);
  }

  setTimes(inode: Inode, mtimeNs: bigint): void {
    inode.mtimeNs = mtimeNs;
    inode.ctimeNs = this.#wallNs();
  }

  chmod(path: string, mode: number): void {
    const inode = this.find(path);
    if (inode === undefined) throw new DiskError('ENOENT', path);
    const { mode: before, ctimeNs } = inode;
    inode.mode = mode;
    inode.ctimeNs = this.#wallNs();
    this.#journal.push(() => {
      inode.mode = before;
      inode.ctimeNs = ctimeNs;
    });
    this.#tell(path);
  }

  unlink(path: string): void {
    const { folder, name } = this.parent(path);
    const inode = folder.entries.get(name);
    if (inode === undefined) throw new DiskError('ENOENT', path);
    if (inode.type === 'folder') throw new DiskError('EISDIR', path);
    this.#set(folder, name, undefined);
    this.#relink(inode, -1);
    this.#tell(path);
  }

  rmdir(path: string): void {
    const { folder, name } = this.parent(path);
    const inode = folder.entries.get(name);
    if (inode === undefined) throw new DiskError('ENOENT', path);
    if (inode.type !== 'folder') throw new DiskError('ENOTDIR', path);
    if (inode.entries.size > 0) throw new DiskError('ENOTEMPTY', path);
    this.#set(folder, name, undefined);
    this.#tell(path);
  }

  link(from: string, to: string): void {
    const inode = this.find(from);
    if (inode === undefined) throw new DiskError('ENOENT', from);
    const { folder, name } = this.parent(to);
    if (folder.entries.has(name)) throw new DiskError('EEXIST', to);
    this.#set(folder, name, inode);
    this.#relink(inode, 1);
    this.#tell(to);
  }

  /** As rename(2): a file replaces a file, a folder an empty folder. */
  rename(from: string, to: string): void {
    const source = this.parent(from);
    const target = this.parent(to);
    const inode = source.folder.entries.get(source.name);
    if (inode === undefined) throw new DiskError('ENOENT', from);
    if (inode.type === 'folder' && `${to}/`.startsWith(`${from}/`)) throw new DiskError('EINVAL', to);
    const old = target.folder.entries.get(target.name);
    if (old === inode) return;
    if (old !== undefined && (old.type === 'folder') !== (inode.type === 'folder')) throw new DiskError('EISDIR', to);
    if (old !== undefined && old.entries.size > 0) throw new DiskError('ENOTEMPTY', to);
    this.#set(source.folder, source.name, undefined);
    this.#set(target.folder, target.name, inode);
    this.#relink(inode, 0);
    if (old !== undefined) this.#relink(old, -1);
    this.#tell(from);
    this.#tell(to, { moved: inode.type === 'folder' });
  }

  exchange(a: string, b: string): void {
    const [one, two] = [this.parent(a), this.parent(b)];
    const [first, second] = [one.folder.entries.get(one.name), two.folder.entries.get(two.name)];
    if (first === undefined || second === undefined) throw new DiskError('ENOENT', a);
    // One entry of the journal: never half of it.
    const mark = this.#journal.length;
    this.#set(one.folder, one.name, second);
    this.#set(two.folder, two.name, first);
    this.#relink(first, 0);
    this.#relink(second, 0);
    const parts = this.#journal.splice(mark);
    this.#journal.push(() => {
      for (const undo of parts.reverse()) undo();
    });
    this.#tell(a, { moved: second.type === 'folder' });
    this.#tell(b, { moved: first.type === 'folder' });
  }

  /** What was done so far survives: names always, contents of these inodes or all. */
  flush(inodes?: readonly Inode[]): void {
    this.#journal = [];
    for (const inode of inodes ?? this.#all()) inode.durable = undefined;
  }

  #paths(): ReadonlyMap<Inode, string> {
    return new Map(Array.from(this.walk(), ([path, inode]) => [inode, path]));
  }

  *#all(): Generator<Inode> {
    for (const [, inode] of this.walk()) yield inode;
  }

  /** Inode numbers of what has gone may be used again. */
  reuse(ino: number): void {
    this.#freeInos.push(ino);
  }

  /**
   * The machine loses power. @returns the contents that are not what or where they were: lost, cut short or zeroed, or
   * back at an old name, as file systems leave what was not flushed. Back at an old name a content is an old version of
   * what bears that name, and a newer one may replace it.
   */
  powerCut(chance: Chance): { readonly lost: readonly Buffer[]; readonly garbage: readonly Buffer[] } {
    const keep = chance.happens(0.3) ? this.#journal.length : chance.below(this.#journal.length + 1);
    const before = this.#paths();
    for (const undo of this.#journal.splice(keep).reverse()) undo();
    this.#journal = [];
    const lost: Buffer[] = [];
    const garbage: Buffer[] = [];
    const after = this.#paths();
    for (const [inode, path] of before) if (after.get(inode) !== path) lost.push(inode.data);
    for (const inode of after.keys()) {
      const { durable } = inode;
      if (durable === undefined) continue;
      inode.durable = undefined;
      if (chance.happens(0.4)) continue;
      lost.push(inode.data);
      if (chance.happens(0.5) || inode.data.length === 0) {
        inode.data = durable.data;
        inode.mtimeNs = durable.mtimeNs;
      } else inode.data = inode.data.subarray(0, chance.below(inode.data.length));
      garbage.push(inode.data);
    }
    return { lost, garbage };
  }
}
