/**
 * The watched folders as a tree, so that the rename of one with thousands below it changes one link (W4).
 *
 * Which folder stands where is the kernel's word, never ours: a watch descriptor belongs to one directory inode, and
 * setting a watch by a path tells which inode is there. Events only say where to ask.
 */
export interface Folder {
  readonly watch: number;
  name: string;
  /** Undefined for the root, and for a folder that is *away*: it has left its place and no new one is known yet. */
  parent: Folder | undefined;
  children: Map<string, Folder> | undefined;
  /** Names of files here with writes since their last close. */
  writing: Set<string> | undefined;
  /** Names of folders here without a watch of their own (W9). */
  unwatched: Set<string> | undefined;
  /** The last full walk that met this folder. */
  seen: number;
  /** Folders appeared in it or below while it was away and have no watch: survey all of it when it comes back. */
  touched: boolean;
}

export class FolderTree {
  readonly root: Folder;
  readonly #byWatch = new Map<number, Folder>();
  readonly #away = new Set<Folder>();

  constructor(rootWatch: number) {
    this.root = newFolder(rootWatch);
    this.#byWatch.set(rootWatch, this.root);
  }

  get away(): ReadonlySet<Folder> {
    return this.#away;
  }

  all(): MapIterator<Folder> {
    return this.#byWatch.values();
  }

  byWatch(watch: number): Folder | undefined {
    return this.#byWatch.get(watch);
  }

  isWatched(folder: Folder): boolean {
    return this.#byWatch.get(folder.watch) === folder;
  }

  /** Undefined while the folder or one above it is away. */
  pathOf(folder: Folder): string | undefined {
    if (folder === this.root) return '';
    const names: string[] = [];
    let at: Folder | undefined = folder;
    for (; at !== undefined && at !== this.root; at = at.parent) names.push(at.name);
    return at === undefined ? undefined : names.reverse().join('/');
  }

  create(watch: number, parent: Folder, name: string): Folder {
    const folder = newFolder(watch);
    this.#byWatch.set(watch, folder);
    this.place(folder, parent, name);
    return folder;
  }

  /** Puts `folder` at `name` in `parent`; another folder known there is away from now on. */
  place(folder: Folder, parent: Folder, name: string): void {
    const present = parent.children?.get(name);
    if (present === folder) return;
    if (present !== undefined) this.takeAway(present);
    this.#unlink(folder);
    this.#away.delete(folder);
    folder.parent = parent;
    folder.name = name;
    parent.children ??= new Map();
    parent.children.set(name, folder);
  }

  takeAway(folder: Folder): void {
    this.#unlink(folder);
    folder.parent = undefined;
    this.#away.add(folder);
  }

  /** The kernel has dropped this folder's watch. What we still believe to be below it is away. */
  remove(folder: Folder): void {
    for (const child of folder.children?.values() ?? []) {
      child.parent = undefined;
      this.#away.add(child);
    }
    this.#unlink(folder);
    this.#away.delete(folder);
    this.#byWatch.delete(folder.watch);
  }

  /** Forgets `folder` and all below; returns their watches, for the caller to remove. */
  forget(folder: Folder): readonly number[] {
    const doomed: Folder[] = [folder];
    for (const each of doomed) {
      if (each.children !== undefined) doomed.push(...each.children.values());
    }
    this.#unlink(folder);
    for (const each of doomed) {
      this.#byWatch.delete(each.watch);
      this.#away.delete(each);
    }
    return doomed.map((each) => each.watch);
  }

  /**
   * Something appeared in a folder that is away, or below one: whichever of them comes back, alone or with those
   * above it, is to be surveyed then.
   */
  touch(folder: Folder): void {
    for (let at: Folder | undefined = folder; at !== undefined; at = at.parent) at.touched = true;
  }

  /** True also when the two are the same. */
  isAtOrBelow(folder: Folder, ancestor: Folder): boolean {
    for (let at: Folder | undefined = folder; at !== undefined; at = at.parent) if (at === ancestor) return true;
    return false;
  }

  #unlink(folder: Folder): void {
    if (folder.parent?.children?.get(folder.name) === folder) folder.parent.children.delete(folder.name);
  }
}

function newFolder(watch: number): Folder {
  return {
    watch,
    name: '',
    parent: undefined,
    children: undefined,
    writing: undefined,
    unwatched: undefined,
    seen: 0,
    touched: false,
  };
}
