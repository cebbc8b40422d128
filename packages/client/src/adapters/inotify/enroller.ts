import { closeSync, constants, openSync, type Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { NativeCalls } from '../native-calls.ts';
import type { DirtySet } from './dirty-set.ts';
import { FOLDER_MASK } from './events.ts';
import type { Folder, FolderTree } from './folders.ts';
import type { Survey, SurveyOutcome } from './surveyor.ts';

export interface EnrollerParts {
  readonly calls: NativeCalls;
  readonly descriptor: number;
  /** Absolute path of the root. */
  readonly root: string;
  /** Name of the entry of the root that is none of ours. */
  readonly privateFolder: string;
  readonly tree: FolderTree;
  readonly dirty: DirtySet;
  /** The present full walk; folders that it meets are marked with it. */
  readonly generation: () => number;
  readonly survey: (folder: Folder, survey: Survey) => void;
  readonly limited: (parent: Folder, name: string) => void;
}

/** It has no place now; its place leads elsewhere or nowhere; descriptors are short; it may not be read. */
type Unopened = 'away' | 'stale' | 'busy' | 'unreadable';

/** Entries that are looked at before the event loop has its turn. */
const SLICE_ENTRIES = 500;

/**
 * Sets watches and keeps the tree true. A path may have come to lead elsewhere by the time it is used, so each folder is
 * opened, shown by its watch descriptor to be the one that is meant, and its entries are reached from that descriptor.
 */
export class Enroller {
  readonly #parts: EnrollerParts;
  #ended = false;

  constructor(parts: EnrollerParts) {
    this.#parts = parts;
  }

  /** From now on no watch is set: the descriptor is about to be closed, and its number may be taken by another. */
  end(): void {
    this.#ended = true;
  }

  /** A descriptor of exactly this folder, for the caller to close. */
  open(folder: Folder): number | Unopened {
    const { calls, tree, root } = this.#parts;
    const path = tree.pathOf(folder);
    if (path === undefined || this.#ended) return 'away';
    let opened: number;
    try {
      opened = openSync(join(root, path), constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    } catch (error) {
      return whyUnopened((error as NodeJS.ErrnoException).code);
    }
    const watch = calls.inotifyAddWatch(this.#parts.descriptor, `/proc/self/fd/${opened}/.`, FOLDER_MASK);
    if (watch === folder.watch) return opened;
    closeSync(opened);
    if (typeof watch === 'number' && tree.byWatch(watch) === undefined) {
      calls.inotifyRemoveWatch(this.#parts.descriptor, watch);
    }
    return 'stale';
  }

  /** Asks the kernel which folders are at these names of `parent` and puts them there. */
  enrolNames(parent: Folder, names: Iterable<string>, survey: Survey): 'done' | Unopened {
    const opened = this.open(parent);
    if (typeof opened === 'string') return opened;
    try {
      for (const name of names) this.#enrol(parent, `/proc/self/fd/${opened}/${name}`, { name, survey });
    } finally {
      closeSync(opened);
    }
    return 'done';
  }

  async survey(folder: Folder, survey: Survey): Promise<SurveyOutcome> {
    const { tree, dirty } = this.#parts;
    const opened = this.open(folder);
    if (opened === 'away') {
      tree.touch(folder);
      return 'done';
    }
    if (opened === 'stale' || opened === 'busy') return tree.isWatched(folder) ? 'stale' : 'done';
    if (opened === 'unreadable') {
      dirty.add(folder, '', { closed: true });
      return 'done';
    }
    try {
      await this.#visit(folder, `/proc/self/fd/${opened}`, survey);
    } finally {
      closeSync(opened);
    }
    return 'done';
  }

  async #visit(folder: Folder, openedPath: string, survey: Survey): Promise<void> {
    const { tree, dirty, privateFolder } = this.#parts;
    let entries: readonly Dirent[];
    try {
      entries = await readdir(openedPath, { withFileTypes: true });
    } catch {
      // The listener lists the folder too, meets the same fault and can name it to the user.
      dirty.add(folder, '', { closed: true });
      return;
    }
    for (const [index, entry] of entries.entries()) {
      if (index % SLICE_ENTRIES === SLICE_ENTRIES - 1) await new Promise((resolve) => setImmediate(resolve));
      if (this.#ended || !tree.isWatched(folder)) return;
      const { name } = entry;
      if (folder === tree.root && name === privateFolder) continue;
      if (entry.isDirectory()) this.#enrol(folder, `${openedPath}/${name}`, { name, survey });
      if (survey.report) dirty.add(folder, name, { closed: !entry.isFile() });
    }
  }

  #enrol(parent: Folder, path: string, how: { readonly name: string; readonly survey: Survey }): void {
    const { calls, tree, generation } = this.#parts;
    const { name, survey } = how;
    if (this.#ended || (parent === tree.root && name === this.#parts.privateFolder)) return;
    const watch = calls.inotifyAddWatch(this.#parts.descriptor, path, FOLDER_MASK);
    if (typeof watch === 'string') {
      if (watch === 'ENOSPC') this.#limit(parent, name);
      return; // It has gone, was never a folder or may not be read: the listener learns that from its own look.
    }
    if (parent.unwatched?.delete(name) === true && parent.unwatched.size === 0) parent.unwatched = undefined;
    const known = tree.byWatch(watch);
    if (known === undefined) {
      const folder = tree.create(watch, parent, name);
      folder.seen = generation();
      this.#parts.survey(folder, { report: survey.report, recurse: false });
    } else {
      this.#place(known, parent, how);
    }
  }

  #place(known: Folder, parent: Folder, how: { readonly name: string; readonly survey: Survey }): void {
    const { tree, dirty, generation } = this.#parts;
    const { name, survey } = how;
    if (tree.isAtOrBelow(parent, known)) return; // The tree mounted within itself.
    known.seen = generation();
    const moved = known.parent !== parent || known.name !== name;
    if (moved) {
      tree.place(known, parent, name);
      dirty.add(parent, name, { closed: true, deep: true });
    }
    if (survey.recurse || known.touched) {
      this.#parts.survey(known, { report: survey.report || known.touched, recurse: true });
      known.touched = false;
    }
  }

  #limit(parent: Folder, name: string): void {
    if (parent.unwatched?.has(name) === true) return;
    parent.unwatched ??= new Set();
    parent.unwatched.add(name);
    this.#parts.dirty.add(parent, name, { closed: true, deep: true });
    this.#parts.limited(parent, name);
  }
}

function whyUnopened(code: string | undefined): Unopened {
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return 'stale';
  return code === 'EMFILE' || code === 'ENFILE' ? 'busy' : 'unreadable';
}
