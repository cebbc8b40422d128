import type { DirtyPath } from '../../ports/watcher.ts';
import type { Folder, FolderTree } from './folders.ts';

/**
 * Coalesces what is dirty until the next report. Kept by folder, not by path: a file that was written just before its
 * folder was renamed is reported under the new name (W4).
 */
export class DirtySet {
  readonly #tree: FolderTree;
  #byFolder = new Map<Folder, Map<string, { readonly closed: boolean; readonly deep: boolean }>>();

  constructor(tree: FolderTree) {
    this.#tree = tree;
  }

  /** The entry `name` of `folder`; '' is the folder itself. */
  add(folder: Folder, name: string, state: { readonly closed: boolean; readonly deep?: boolean }): void {
    let names = this.#byFolder.get(folder);
    if (names === undefined) {
      names = new Map();
      this.#byFolder.set(folder, names);
    }
    names.set(name, { closed: state.closed, deep: (state.deep ?? false) || (names.get(name)?.deep ?? false) });
  }

  /** Takes everything out. What is away cannot be named, and need not be: it comes back as `deep`, or not at all. */
  take(): readonly DirtyPath[] {
    const taken = this.#byFolder;
    if (taken.size === 0) return [];
    this.#byFolder = new Map();
    const dirty: DirtyPath[] = [];
    for (const [folder, names] of taken) {
      const parent = this.#tree.pathOf(folder);
      if (parent === undefined) continue;
      for (const [name, state] of names) dirty.push({ kind: 'dirty', path: joinPath(parent, name), ...state });
    }
    return dirty;
  }
}

export function joinPath(parent: string, name: string): string {
  if (parent === '') return name;
  return name === '' ? parent : `${parent}/${name}`;
}
