import type { Clock } from '../ports/clock.ts';
import type { DiskStat } from '../ports/disk.ts';
import type { LocalRow } from '../state/rows.ts';
import { faultMessage } from './problems.ts';
import { ChangeRate, QUIET } from './quiet.ts';
import { readFiles, type FileToRead, type ReadingDeps } from './reading.ts';

export interface ReadQueueDeps extends ReadingDeps {
  readonly clock: Clock;
  /** A read is over. */
  readonly finished: () => void;
}

export interface DueFile extends FileToRead {
  /** Monotonic ms, like all times here. */
  readonly dueMs: number;
  /** When its first change after the last read was noticed, and its last. */
  readonly since: number;
  readonly changedAt: number;
  /** When it was last looked at. */
  readonly stat: DiskStat;
}

const NONE: ReadonlySet<DueFile> = new Set();

const BATCH_FILES = 256;
const BATCH_BYTES = 16 * 1024 * 1024;
const MAX_READS = 3;
const RETRY_MS = 5000;

/** Files whose content has to be read: each waits for its quiet time (H1, H2, H10), then is read with others. */
export class ReadQueue {
  readonly #deps: ReadQueueDeps;
  readonly #rate = new ChangeRate();
  readonly #due = new Map<string, DueFile>();
  readonly #underway = new Set<readonly DueFile[]>();

  constructor(deps: ReadQueueDeps) {
    this.#deps = deps;
  }

  /** No file waits or is being read. */
  get isEmpty(): boolean {
    return this.#due.size === 0 && this.#underway.size === 0;
  }

  get isReading(): boolean {
    return this.#underway.size > 0;
  }

  /** @param closed what a writer was seen to do: it has closed the file, it has not; undefined: nothing is known */
  add(path: string, stat: DiskStat, row: LocalRow | undefined, closed: boolean | undefined): void {
    const now = this.#deps.clock.monotonic();
    const since = this.#due.get(path)?.since ?? now;
    // The quiet time begins anew with each change, the delay of a file that never stops changing does not (H2).
    const wanted = Math.max(now + this.#quietMs(stat, row, closed), since + this.#rate.delay(path));
    const dueMs = Math.min(wanted, since + QUIET.longestMs);
    this.#due.delete(path);
    const replaced = row?.stat.ino === stat.ino ? undefined : row?.stat.ino;
    this.#due.set(path, { path, dueMs, since, changedAt: now, objectId: row?.objectId, stat, replaced });
  }

  /** Those in the place of another file whose time has come. Where that went has to be known before they are read. */
  replacing(): ReadonlySet<DueFile> {
    const now = this.#deps.clock.monotonic();
    const found = new Set<DueFile>();
    for (const file of this.#startable()) if (file.dueMs <= now && file.replaced !== undefined) found.add(file);
    return found;
  }

  /** It cannot be told now where what they have replaced went. */
  postpone(files: ReadonlySet<DueFile>, dueMs: number): void {
    for (const file of files) if (this.#due.get(file.path) === file) this.#due.set(file.path, { ...file, dueMs });
  }

  /**
   * Starts what is due and may run beside what is being read.
   * @param proved of those that are `replacing`: every name that was there when they were is known (H32)
   */
  start(signal: AbortSignal, proved = NONE): void {
    while (this.#underway.size < MAX_READS) {
      const batch = this.#take(proved);
      if (batch.length === 0) return;
      this.#underway.add(batch);
      void this.#read(batch, signal);
    }
  }

  hasDueNow(): boolean {
    const now = this.#deps.clock.monotonic();
    for (const { dueMs } of this.#due.values()) if (dueMs <= now) return true;
    return false;
  }

  /** When the next one may be started (monotonic ms); Infinity: when none is waited for, or reads have to end first. */
  nextAt(): number {
    let next = Infinity;
    for (const { dueMs } of this.#startable()) next = Math.min(next, dueMs);
    return next;
  }

  /** Those that need not wait for the end of a read; its end wakes the loop. */
  *#startable(): Generator<DueFile> {
    if (this.#underway.size >= MAX_READS) return;
    const isLargeUnderway = this.#isLargeUnderway();
    for (const file of this.#due.values()) if (!(isLargeUnderway && isLarge(file))) yield file;
  }

  #isLargeUnderway(): boolean {
    return [...this.#underway].some(([first]) => first !== undefined && isLarge(first));
  }

  /** What waits or is being read, as it was last seen. */
  *waiting(): Generator<DiskStat> {
    for (const { stat } of this.#due.values()) yield stat;
    for (const batch of this.#underway) for (const { stat } of batch) yield stat;
  }

  #quietMs(stat: DiskStat, row: LocalRow | undefined, closed: boolean | undefined): number {
    if (stat.size === 0 && row?.content.kind === 'file' && row.content.size > 0) return QUIET.emptiedMs;
    if (closed === true) return QUIET.closedMs;
    if (closed === false) return row === undefined ? QUIET.openMs : QUIET.writingMs;
    const ageMs = this.#deps.clock.now() - Number(BigInt(stat.mtimeNs) / 1_000_000n);
    return ageMs >= 0 && ageMs < QUIET.openMs ? QUIET.openMs - ageMs : 0;
  }

  /** Files whose time has come: many small ones, or one large; one large at a time leaves room for the small (H58). */
  #take(proved: ReadonlySet<DueFile>): readonly DueFile[] {
    const now = this.#deps.clock.monotonic();
    const isLargeUnderway = this.#isLargeUnderway();
    const batch: DueFile[] = [];
    let bytes = 0;
    for (const file of this.#due.values()) {
      if (file.dueMs > now || (file.replaced !== undefined && !proved.has(file))) continue;
      if (isLarge(file) && (batch.length > 0 || isLargeUnderway)) continue;
      this.#due.delete(file.path);
      this.#rate.read(file.path, now, file.changedAt);
      batch.push(file);
      bytes += file.stat.size;
      if (batch.length >= BATCH_FILES || bytes > BATCH_BYTES) break;
    }
    // New names first: they may be what has left the others, and takes its identity along (H32).
    return batch.sort((one, other) => Number(one.objectId !== undefined) - Number(other.objectId !== undefined));
  }

  async #read(batch: readonly DueFile[], signal: AbortSignal): Promise<void> {
    try {
      const outcomes = await readFiles(this.#deps, batch, signal);
      const now = this.#deps.clock.monotonic();
      for (const [index, file] of batch.entries()) {
        const outcome = outcomes[index];
        const dueMs = now + Math.max(QUIET.openMs, this.#rate.delay(file.path));
        if (outcome === 'again') this.#due.set(file.path, { ...file, dueMs, since: now, changedAt: now });
        if (outcome === 'gone') this.#deps.lookAt([file.path]);
      }
    } catch (error) {
      if (signal.aborted) return;
      // The hashing threads or the database could not: none of these files is known, and all are read again.
      const dueMs = this.#deps.clock.monotonic() + RETRY_MS;
      for (const file of batch) {
        this.#deps.problems.add(file.path, 'unreadable', faultMessage(file.path, error));
        this.#due.set(file.path, { ...file, dueMs, since: dueMs, changedAt: dueMs });
      }
    } finally {
      this.#underway.delete(batch);
      this.#deps.finished();
    }
  }
}

function isLarge({ stat }: DueFile): boolean {
  return stat.size > BATCH_BYTES;
}
