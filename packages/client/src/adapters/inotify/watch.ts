import { constants, openSync, closeSync } from 'node:fs';
import type { Watch, WatchEvent, WatchListener } from '../../ports/watcher.ts';
import { callError, type NativeCalls } from '../native-calls.ts';
import { DirtySet, joinPath } from './dirty-set.ts';
import { Enroller } from './enroller.ts';
import * as inotify from './events.ts';
import { FolderTree, type Folder } from './folders.ts';
import { InotifyReader } from './reader.ts';
import { Surveyor } from './surveyor.ts';

export interface InotifyWatchOptions {
  readonly root: string;
  readonly privateFolder: string;
  readonly listener: WatchListener;
  /** The first folder without a watch since all had one. */
  readonly limited: () => void;
  /** Looks at the folders without a watch, and reports what has changed there. */
  readonly sweep: () => Promise<void>;
}

/** A folder that has left its place is given so long to appear at another; only cost depends on it. */
const AWAY_MS = 50;

const QUIET = { report: false, recurse: false };
const REPORTED = { report: true, recurse: false };
const WHOLE = { report: false, recurse: true };
const CHANGED = inotify.IN_MODIFY | inotify.IN_ATTRIB | inotify.IN_CLOSE_WRITE | inotify.IN_CREATE;
const LEFT = inotify.IN_DELETE | inotify.IN_MOVED_FROM;
const ROOT_GONE = inotify.IN_DELETE_SELF | inotify.IN_MOVE_SELF | inotify.IN_UNMOUNT | inotify.IN_IGNORED;

/** One watched root: reads events, asks the enroller to keep the tree true, reports what is dirty. */
export class InotifyWatch implements Watch {
  readonly tree: FolderTree;
  readonly #calls: NativeCalls;
  readonly #options: InotifyWatchOptions;
  readonly #reader: InotifyReader;
  readonly #surveyor: Surveyor;
  readonly #enroller: Enroller;
  readonly #dirty: DirtySet;
  /** Folders that may have appeared, to be looked at when the drain is over: each once, and by then events agree. */
  #arrivals = new Map<Folder, Set<string>>();
  #generation = 0;
  #recovering = false;
  #limited = false;
  #awayTimer: NodeJS.Timeout | undefined;
  #idleWaiters: (() => void)[] = [];
  readonly #over = new AbortController();
  #closing: Promise<void> | undefined;

  constructor(calls: NativeCalls, options: InotifyWatchOptions) {
    this.#calls = calls;
    this.#options = options;
    this.#reader = new InotifyReader(calls, {
      event: (event) => this.#event(event),
      drained: () => this.#drained(),
      failed: (error) => this.#end({ kind: 'failed', error }),
    });
    const { descriptor } = this.#reader;
    try {
      this.tree = new FolderTree(watchRoot(calls, descriptor, options.root));
    } catch (error) {
      void this.#reader.close();
      throw error;
    }
    this.#dirty = new DirtySet(this.tree);
    this.#surveyor = new Surveyor({
      survey: async (folder, survey) => {
        const outcome = await this.#enroller.survey(folder, survey);
        this.#flush();
        return outcome;
      },
      idle: () => this.#idle(),
      lost: () => this.#recover(),
      failed: (error) => this.#end({ kind: 'failed', error }),
    });
    this.#enroller = new Enroller({
      calls,
      descriptor,
      root: options.root,
      privateFolder: options.privateFolder,
      tree: this.tree,
      dirty: this.#dirty,
      generation: () => this.#generation,
      survey: (folder, survey) => this.#surveyor.request(folder, survey),
      limited: (parent, name) => this.#reportLimit(parent, name),
    });
  }

  /** Aborts when the watch ends, for whatever reason. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** Watches every folder that is there; resolves when that is done. */
  async begin(): Promise<void> {
    this.#surveyor.request(this.tree.root, QUIET);
    await this.#untilIdle();
  }

  async caughtUp(): Promise<'caught-up' | 'ended'> {
    // No cookie file: the kernel queues an event before the call that caused it returns, so an empty queue is proof.
    await this.#reader.drain();
    if (!this.over.aborted) this.#proveRoot();
    await this.#untilIdle();
    this.#flush();
    if (this.#limited) await this.#options.sweep();
    return this.over.aborted ? 'ended' : 'caught-up';
  }

  /** For the poller: reports what it found, with what is waiting here. */
  report(events: readonly WatchEvent[]): void {
    if (!this.over.aborted && events.length > 0) this.#options.listener(events);
  }

  /** Paths of folders that have no watch. */
  unwatched(): readonly string[] {
    const paths: string[] = [];
    for (const folder of this.tree.all()) {
      const parent = folder.unwatched === undefined ? undefined : this.tree.pathOf(folder);
      if (parent !== undefined) for (const name of folder.unwatched ?? []) paths.push(joinPath(parent, name));
    }
    return paths;
  }

  /** Watches may be free again; 'limit' is reported anew when they run out later. */
  retryUnwatched(): void {
    if (this.over.aborted) return;
    for (const folder of this.tree.all().filter((each) => each.unwatched !== undefined)) {
      this.#enroller.enrolNames(folder, [...(folder.unwatched ?? [])], REPORTED);
    }
    this.#limited = this.unwatched().length > 0;
    this.#flush();
  }

  /** Stops reading until the function that it returns is called. For tests of the overflow. */
  suspend(): () => void {
    this.#reader.suspend();
    return () => this.#reader.resume();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async #close(): Promise<void> {
    this.#over.abort();
    clearTimeout(this.#awayTimer);
    this.#enroller.end();
    await this.#surveyor.stop();
    await this.#reader.close();
    this.#releaseWaiters();
  }

  #end(last: WatchEvent): void {
    if (this.over.aborted) return;
    this.#flush();
    this.#options.listener([last]);
    this.#closing = this.#close();
  }

  #event(event: inotify.InotifyEvent): void {
    if (this.over.aborted) return;
    if ((event.mask & inotify.IN_Q_OVERFLOW) !== 0) return this.#recover();
    const folder = this.tree.byWatch(event.watch);
    if (folder === undefined) return;
    if (folder === this.tree.root && (event.mask & ROOT_GONE) !== 0) return this.#end({ kind: 'gone' });
    if ((event.mask & inotify.IN_IGNORED) !== 0) return this.tree.remove(folder);
    if (event.name === undefined) return this.#dirty.add(folder, '', { closed: true });
    if (event.name === '') return; // Its parent's watch reports the same change, by name.
    if (folder === this.tree.root && event.name === this.#options.privateFolder) return;
    if ((event.mask & inotify.IN_ISDIR) === 0) this.#fileEvent(folder, event.name, event.mask);
    else this.#folderEvent(folder, event.name, event.mask);
  }

  #fileEvent(folder: Folder, name: string, mask: number): void {
    if ((mask & inotify.IN_MODIFY) !== 0) (folder.writing ??= new Set()).add(name);
    else if ((mask & (inotify.IN_ATTRIB | inotify.IN_CREATE)) === 0) folder.writing?.delete(name);
    const closed = (mask & inotify.IN_CREATE) === 0 && folder.writing?.has(name) !== true;
    this.#dirty.add(folder, name, { closed });
  }

  #folderEvent(folder: Folder, name: string, mask: number): void {
    this.#dirty.add(folder, name, { closed: true });
    if ((mask & LEFT) !== 0) {
      folder.unwatched?.delete(name);
      const child = (mask & inotify.IN_MOVED_FROM) === 0 ? undefined : folder.children?.get(name);
      if (child !== undefined) this.tree.takeAway(child);
    } else if ((mask & (CHANGED | inotify.IN_MOVED_TO)) !== 0) {
      const names = this.#arrivals.get(folder) ?? new Set();
      this.#arrivals.set(folder, names.add(name));
    }
  }

  #drained(): void {
    if (this.over.aborted) return;
    this.#receiveArrivals();
    this.#surveyor.retryStale();
    this.#flush();
    if (this.tree.away.size === 0 || this.#awayTimer !== undefined) return;
    const away = [...this.tree.away];
    this.#awayTimer = setTimeout(() => this.#forgetAway(away), AWAY_MS);
  }

  /** The parent of one arrival may be another arrival: goes round until a round brings nothing more. */
  #receiveArrivals(): void {
    for (let progress = true; progress && this.#arrivals.size > 0;) {
      const round = this.#arrivals;
      this.#arrivals = new Map();
      progress = false;
      for (const [folder, names] of round) {
        const outcome = this.#enroller.enrolNames(folder, names, REPORTED);
        if (outcome === 'done') progress = true;
        else if (outcome === 'away') this.#arrivals.set(folder, names);
        else if (outcome !== 'unreadable') this.#surveyor.request(folder, REPORTED);
      }
    }
    for (const folder of this.#arrivals.keys()) this.tree.touch(folder);
    this.#arrivals.clear();
  }

  /** These have left the root: what happens in them is no longer ours to see (W5). */
  #forgetAway(away: readonly Folder[]): void {
    this.#awayTimer = undefined;
    for (const folder of away) if (this.tree.away.has(folder)) this.#forget(folder);
    this.#drained();
  }

  #forget(folder: Folder): void {
    for (const watch of this.tree.forget(folder)) this.#calls.inotifyRemoveWatch(this.#reader.descriptor, watch);
  }

  /** Events were lost, or our tree is wrong: goes through everything again, then says so (W8). */
  #recover(): void {
    if (!this.#proveRoot()) return;
    this.#generation += 1;
    this.#recovering = true;
    this.#surveyor.request(this.tree.root, WHOLE);
  }

  /** False, and the end of the watch, when another folder or none is at the root's path (W10). */
  #proveRoot(): boolean {
    const opened = this.#enroller.open(this.tree.root);
    if (typeof opened === 'number') closeSync(opened);
    else if (opened === 'stale') this.#end({ kind: 'gone' });
    return opened !== 'stale';
  }

  #idle(): void {
    if (this.#recovering) {
      this.#recovering = false;
      const lost = this.tree.all().filter((each) => each !== this.tree.root && each.seen < this.#generation);
      for (const folder of lost.toArray()) if (this.tree.isWatched(folder)) this.#forget(folder);
      this.#flush();
      this.report([{ kind: 'overflow' }]);
    }
    this.#releaseWaiters();
  }

  #releaseWaiters(): void {
    const waiters = this.#idleWaiters;
    this.#idleWaiters = [];
    for (const release of waiters) release();
  }

  async #untilIdle(): Promise<void> {
    if (this.over.aborted || this.#surveyor.isIdle) return;
    await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
  }

  #reportLimit(parent: Folder, name: string): void {
    if (this.#limited) return;
    this.#limited = true;
    this.report([{ kind: 'limit', path: joinPath(this.tree.pathOf(parent) ?? '', name) }]);
    this.#options.limited();
  }

  #flush(): void {
    this.report(this.#dirty.take());
  }
}

function watchRoot(calls: NativeCalls, descriptor: number, root: string): number {
  const opened = openSync(root, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    const watch = calls.inotifyAddWatch(descriptor, `/proc/self/fd/${opened}/.`, inotify.ROOT_MASK);
    if (typeof watch === 'string') throw callError(watch, 'inotify_add_watch', [root]);
    return watch;
  } finally {
    closeSync(opened);
  }
}
