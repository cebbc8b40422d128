import type { ObjectId } from '@satchel/protocol/ids.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import type { DiskStat } from '../ports/disk.ts';
import type { Clock } from '../ports/clock.ts';
import type { WatchEvent } from '../ports/watcher.ts';
import type { LocalRow } from '../state/rows.ts';
import { Examiner, type ExaminerDeps } from './examiner.ts';
import { FreshArrivals } from './fresh-arrivals.ts';
import { hiddenInodes, isHidden, type HiddenInodes } from './hidden-inodes.ts';
import { InQuestion } from './in-question.ts';
import { isLeftAlone } from './left-alone.ts';
import { QUIET } from './quiet.ts';
import { OpenFates, type OpenFate } from './open-fates.ts';
import { ReadQueue } from './read-queue.ts';
import { ArrivalReader } from './reading-arrivals.ts';
import type { ReadingDeps } from './reading.ts';
import { Reservations } from './reservations.ts';
import { examineOrReport, scanFolder, type ScanSteps } from './scan.ts';
import { isSupplanted } from './supplanted.ts';
import { ShortageRetries } from './shortage-retries.ts';
import { Waker } from './waker.ts';

export interface IndexerDeps
  extends
    Omit<ReadingDeps, 'lookAt' | 'isReserved'>,
    Omit<ExaminerDeps, 'lookAt' | 'wantsReading' | 'wantsScan' | 'isReserved' | 'isProvedGone' | 'readsLater'> {
  readonly clock: Clock;
  /** Resolves after every change made before the call has come in as a hint (W7). */
  readonly caughtUp: () => Promise<'caught-up' | 'ended'>;
  /** Whether the synced folder is in place: without it no deletion is believed (C3, H63). */
  readonly isRootIntact: () => boolean;
  /** Lets other work of the control thread in. */
  readonly breathe: () => Promise<void>;
  /** Proved: the user has deleted it, with all below it. */
  readonly deleted: (ids: readonly ObjectId[]) => void;
  /** Something of Local may be ready to plan. */
  readonly changed: () => void;
}

/** `settled`: it is there, or its deletion is recorded. `hanging`: its folder is in question, whose proof tells. */
type Absence = 'absent' | 'there' | 'unknown' | 'settled' | 'hanging';

interface Found {
  readonly id: ObjectId;
  readonly vanished: boolean;
  readonly absence: Absence;
}

const SLICE_MS = 8;

/**
 * Turns hints and scans into the Local tree. Hints come from the watcher; correctness from the scans (C5). Files
 * wait for their quiet time, vanished objects for their proof.
 */
export class Indexer {
  readonly #deps: IndexerDeps;
  readonly #examiner: Examiner;
  readonly #waker = new Waker();
  /** Paths from hints; whether a writer has closed them. */
  readonly #hints = new Map<string, boolean>();
  /** Hints of what is to be looked at with all below, should it be a folder. */
  readonly #wholes = new Set<string>();
  /** Folders to list; deep ones with all below. */
  readonly #scans = new Map<string, boolean>();
  readonly #reading: ReadQueue;
  readonly #reservations = new Reservations((paths) => this.#released(paths));
  readonly #fates: OpenFates;
  readonly #inQuestion = new InQuestion();
  readonly fresh: FreshArrivals;
  readonly #retries: ShortageRetries;
  readonly #arrivals: ArrivalReader;
  #steps: ScanSteps | undefined;
  #working = false;
  #rounds = 0;
  /** Monotonic ms; absences are not proved before. */
  #proveAfter = 0;

  constructor(deps: IndexerDeps) {
    this.#deps = deps;
    this.#fates = new OpenFates(deps.clock);
    this.fresh = new FreshArrivals(deps.clock);
    this.#retries = new ShortageRetries(deps.clock);
    const lookAt = (paths: readonly string[]) => this.#lookAt(paths);
    const finished = () => this.#waker.wake();
    this.#arrivals = new ArrivalReader({ ...deps, fresh: this.fresh, lookAt, finished });
    const isReserved = (path: string, ino: number | undefined) => this.#reservations.has(path, ino);
    this.#reading = new ReadQueue({
      ...deps,
      isReserved,
      lookAt,
      finished,
    });
    this.#examiner = new Examiner({
      ...deps,
      lookAt,
      wantsReading: (path, stat, row) => this.#schedule(path, stat, row),
      readsLater: (path, stat, row) => this.fresh.defers(path, stat, row),
      wantsScan: (path) => this.#scans.set(path, true),
      isReserved,
      isProvedGone: (path) => this.#inQuestion.isProved(path),
    });
  }

  hint(events: readonly WatchEvent[]): void {
    for (const event of events) {
      if (event.kind === 'overflow') this.#scans.set('', true);
      if (event.kind !== 'dirty') continue;
      if (event.deep) this.#scans.set(event.path, true);
      this.#hints.set(event.path, event.closed);
    }
    this.#waker.wake();
  }

  /** Everything, stat only where nothing changed. Resolves when the scan and the reads it asked for are done. */
  async scanAll(signal: AbortSignal): Promise<void> {
    this.#scans.set('', true);
    for (const id of this.#deps.tree.displaced()) this.unsettle(id, 'vanished');
    this.#waker.wake();
    await this.settled(signal, { waitForWriters: false });
  }

  /** Looks at these paths again, now. */
  recheck(paths: readonly string[]): void {
    for (const path of paths) this.fresh.urge(path);
    this.#lookAt(paths);
  }

  #lookAt(paths: readonly string[]): void {
    for (const path of paths) this.#hints.set(path, true);
    this.#waker.wake();
  }

  /** Whatever was asked for while they were reserved: all below them, too. */
  #released(paths: readonly string[]): void {
    for (const path of paths) this.#wholes.add(path);
    this.#lookAt(paths);
  }

  /** What could not be looked at is tried again: nothing may tell when it can be (H12). */
  retryUnreadable(): void {
    this.recheck(this.#deps.problems.passing());
  }

  /** Leaves these paths, and these inodes wherever they are met, alone until disposed, and looks at them then. */
  reserve(paths: readonly string[], inodes: readonly number[]): Disposable {
    return this.#reservations.add(paths, inodes);
  }

  /** An object whose place changed or that vanished; called by the Local tree. */
  unsettle(id: ObjectId, fate: OpenFate): void {
    this.#fates.open(id, fate);
    this.#waker.wake();
  }

  /** What becomes of it is known now. */
  settle(id: ObjectId): void {
    this.#fates.settle(id);
  }

  /** Whether its fate is still open, or that of a folder that it lies in or shall lie in: it must not be planned yet. */
  isUnsettled(id: ObjectId): boolean {
    if (this.#fates.size === 0) return false;
    const { local, remote } = this.#deps.trees;
    let at: ObjectId | undefined = id;
    for (let depth = 0; at !== undefined && depth < LIMITS.depth; depth++) {
      if (this.#fates.has(at)) return true;
      at = (local.get(at) ?? remote.get(at))?.parentId;
    }
    return false;
  }

  isIdle(): boolean {
    return this.#isScanned() && this.#reading.isEmpty && this.#retries.isEmpty && this.#fates.size === 0;
  }

  /** Resolves when there is nothing left to look at; files that a writer keeps changing may be waited for or not. */
  async settled(signal: AbortSignal, { waitForWriters }: { readonly waitForWriters: boolean }): Promise<void> {
    const done = () => (waitForWriters ? this.isIdle() : this.#isScanned() && !this.#reading.hasDueNow());
    while (!done() && !signal.aborted) await this.#waker.turned(signal);
    signal.throwIfAborted();
  }

  /** Resolves after the loop's next turn. */
  turned(signal: AbortSignal): Promise<void> {
    return this.#waker.turned(signal);
  }

  /** Works until aborted. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#work(signal);
      this.#waker.turn();
      await this.#waker.sleep(this.#deps.clock, this.#nextDueMs(), signal);
    }
  }

  #isScanned(): boolean {
    return (
      this.#hints.size === 0 &&
      this.#scans.size === 0 &&
      this.#steps === undefined &&
      !this.#reading.isReading &&
      !this.#working
    );
  }

  async #work(signal: AbortSignal): Promise<void> {
    this.#working = true;
    const now = this.#deps.clock.monotonic();
    for (const path of this.#retries.take(now)) this.#hints.set(path, true);
    try {
      if (this.#mayReadArrivals() && this.fresh.isDue(now)) this.#arrivals.start(signal);
      if (await this.#look(signal)) await this.#takeReplacing(signal);
      await this.#prove();
    } catch (error) {
      // What was taken from the hints in a transaction that came to nothing is looked for everywhere.
      this.#scans.set('', true);
      for (const id of this.#deps.tree.displaced()) this.unsettle(id, 'vanished');
      throw error;
    } finally {
      this.#working = false;
    }
    this.#deps.changed();
  }

  /** Follows hints and scans; false: not to their end. */
  async #look(signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted && this.#deps.isRootIntact()) {
      const more = this.#deps.transaction(() => this.#slice());
      this.#reading.start(signal);
      if (!more) return true;
      await this.#deps.breathe();
    }
    return false;
  }

  /**
   * A file in the place of another one is read, and a folder or link recorded, when all names are known: one of them may
   * be where that went, and its identity with it (H32). The watcher may tell of the old name long before the new one.
   */
  async #takeReplacing(signal: AbortSignal): Promise<void> {
    const files = this.#reading.replacing();
    const others = this.#inQuestion.all();
    if (files.size + others.length === 0) return;
    if ((await this.#deps.caughtUp()) === 'ended') {
      this.#reading.postpone(files, this.#deps.clock.monotonic() + QUIET.unknownMs);
      return;
    }
    if (!(await this.#look(signal))) return;
    this.#reading.start(signal, files);
    if (others.length === 0) return;
    using proof = this.#inQuestion.prove(others);
    proof satisfies Disposable;
    this.#lookAt(others);
    await this.#look(signal);
  }

  /** Some milliseconds of hints and scan; true while there is more. */
  #slice(): boolean {
    const until = this.#deps.clock.monotonic() + SLICE_MS;
    for (const [path, closed] of this.#hints) {
      this.#hints.delete(path);
      this.#examineHint(path, closed);
      if (this.#deps.clock.monotonic() > until) return true;
    }
    while (this.#deps.clock.monotonic() <= until) {
      this.#steps ??= this.#nextScan();
      if (this.#steps === undefined) return false;
      if (this.#steps.next().done === true) this.#steps = undefined;
    }
    return true;
  }

  #nextScan(): ScanSteps | undefined {
    const next = this.#scans.entries().next();
    if (next.done) return undefined;
    const [path, deep] = next.value;
    this.#scans.delete(path);
    return this.#scanThen({ path, deep });
  }

  *#scanThen({ path, deep }: { path: string; deep: boolean }): ScanSteps {
    const deps = { ...this.#deps, examiner: this.#examiner, later: this.#later };
    const folders = yield* scanFolder(deps, path);
    if (deep) for (const below of folders) this.#scans.set(below, true);
  }

  #examineHint(path: string, closed: boolean): void {
    const { tree, disk } = this.#deps;
    const isWhole = this.#wholes.delete(path);
    if (path === '') return void this.#scans.set('', this.#scans.get('') ?? false);
    const cut = path.lastIndexOf('/');
    const folderPath = cut < 0 ? '' : path.slice(0, cut);
    // The scan looks at all of it, and knows of no writer either.
    if (!closed && this.#scans.has(folderPath)) return;
    const folder = tree.folderAt(folderPath);
    if (folder === undefined) {
      // Its folder is not known yet: the folder's own scan will find it.
      if (disk.stat(folderPath)?.type === 'folder') this.#hints.set(folderPath, true);
      this.#deps.problems.clear(path);
      return;
    }
    this.#closed = closed;
    const name = path.slice(cut + 1);
    const type = examineOrReport(
      { problems: this.#deps.problems, examiner: this.#examiner, later: this.#later },
      { folder, folderPath, name },
    );
    this.#closed = undefined;
    const row = type === 'folder' ? tree.rowAt(folder.objectId, name) : undefined;
    const isKnown = row?.content.kind === 'folder' && row.presence === 'present';
    if (isKnown && (isWhole || !this.#scans.has(path))) this.#scans.set(path, isWhole);
  }

  readonly #later = (path: string): void => this.#retries.add(path);

  /** What the hint being examined says of writers; undefined during scans. */
  #closed: boolean | undefined;

  #schedule(path: string, stat: DiskStat, row: LocalRow | undefined): void {
    if (this.fresh.defers(path, stat, row)) return;
    this.fresh.read(path, row);
    this.#reading.add(path, stat, row, this.#closed);
  }

  /** Vanished objects whose time has come are deleted when they are still absent after all events are in (C3). */
  async #prove(): Promise<void> {
    const now = this.#deps.clock.monotonic();
    // Without the synced folder what is still to be looked at stays so, and proves nothing (H63).
    if (this.#fates.nextAt() > now || !this.#deps.isRootIntact()) return;
    this.#proveAfter = now + QUIET.proofMs;
    if (this.#fates.isDeletionUnderWay(now)) return;
    const ripe = this.#fates.ripe(now);
    const round = ++this.#rounds;
    if (ripe.some(({ vanished }) => vanished) && (await this.#deps.caughtUp()) === 'ended') return;
    if (round !== this.#rounds || this.#hints.size > 0 || this.#scans.size > 0 || this.#steps !== undefined) {
      this.#waker.wake();
      return;
    }
    const reserved = this.#reservations.passedOver();
    const hidden = hiddenInodes({ ...this.#deps, waiting: this.#reading.waiting(), reserved });
    const absences = ripe.map(({ id, vanished }) => ({ id, vanished, absence: this.#absence(id, hidden) }));
    // RACE: a disk that is unmounted while this looks at it shows everything absent; its marker then is, too (H63).
    if (!this.#deps.isRootIntact()) return;
    this.#deps.transaction(() => {
      for (const found of absences) if (found.absence !== 'hanging') this.#settle(found);
      for (const found of absences) if (found.absence === 'hanging') this.#settle(found);
    });
  }

  #absence(id: ObjectId, hidden: HiddenInodes): Absence {
    const row = this.#deps.trees.local.get(id);
    if (row === undefined || row.presence === 'present' || isLeftAlone(row)) return 'settled';
    if (this.#fates.has(row.parentId) && this.#deps.trees.local.get(row.parentId)?.presence === 'unknown')
      return 'hanging';
    // This device is about to record where it has put it, or what it has put into it.
    const path = this.#deps.tree.pathOf(id) ?? '';
    if (this.#reservations.has(path, row.stat.ino) || this.#reservations.hasBelow(path)) return 'unknown';
    const absence = isSupplanted(this.#deps, path, row) ? 'absent' : this.#deps.tree.absence(row);
    return absence === 'absent' && isHidden(this.#deps, row, hidden) ? 'unknown' : absence;
  }

  #settle({ id, vanished, absence }: Found): void {
    const { tree } = this.#deps;
    if (!this.#fates.has(id)) return; // gone with its folder
    if (absence === 'unknown' || absence === 'hanging') {
      // The folder above is itself in question: its proof settles this one too.
      this.#fates.postpone(id, vanished);
      this.recheck(tree.folderPathOf(id));
      return;
    }
    this.#fates.settle(id);
    if (absence === 'absent') {
      const removed = tree.remove(id);
      for (const each of removed) this.#fates.settle(each);
      this.#deps.deleted(removed);
    }
    const path = absence === 'there' ? tree.pathOf(id) : undefined;
    if (path !== undefined) this.recheck([path]);
  }

  /** The end of either reading wakes the loop. */
  #mayReadArrivals(): boolean {
    return !this.#arrivals.isReading && !this.#reading.isReading;
  }

  #nextDueMs(): number | undefined {
    const freshAt = this.#mayReadArrivals() ? this.fresh.nextAt() : Infinity;
    let next = Math.min(this.#reading.nextAt(), freshAt, this.#retries.nextAt());
    // What came to nothing just now is not tried again at once: that would be a busy loop.
    if (this.#fates.size > 0) next = Math.min(next, Math.max(this.#fates.nextAt(), this.#proveAfter));
    if (next === Infinity) return undefined;
    if (this.#deps.isRootIntact()) return next;
    return Math.max(next, this.#deps.clock.monotonic() + QUIET.unknownMs);
  }
}
