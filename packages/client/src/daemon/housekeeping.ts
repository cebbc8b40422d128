import type { Trash, TrashLimits } from '../apply/trash.ts';
import type { Applier } from '../apply/applier.ts';
import type { Indexer } from '../indexer/indexer.ts';
import type { Clock } from '../ports/clock.ts';
import type { ChunkIndex } from '../state/chunk-index.ts';
import type { TreeStore } from '../state/trees.ts';
import type { ActivityLog } from './activity-log.ts';
import { bringBackEdited, RECENT_MS } from './late-writes.ts';

export interface HousekeepingDeps {
  readonly trash: Trash;
  readonly applier: Applier;
  readonly indexer: Indexer;
  readonly chunks: ChunkIndex;
  readonly trees: TreeStore;
  readonly activity: ActivityLog;
  readonly clock: Clock;
  /** Brings back what a fault in the middle of a swap has left between two names. */
  readonly recover: () => Promise<void>;
  /** Removes what downloads that came to nothing have left in the staging folder. */
  readonly sweep: () => void;
  readonly trashLimits: () => TrashLimits;
  /** Nothing to do here or there. */
  readonly isInSync: () => boolean;
  /** Compares everything, hop by hop. False when it could not be done now. */
  readonly check: (options: { readonly relist: boolean; readonly signal: AbortSignal }) => Promise<boolean>;
}

const TICK_MS = 5000;
const SCAN_MS = 60 * 60_000;
const RETRY_UNREADABLE_MS = 60_000;
const PURGE_MS = 10 * 60_000;
const CHECK_MS = 24 * 60 * 60_000;
const RELIST_MS = 7 * CHECK_MS;
/** A tick that comes this late means that the machine slept. */
const SLEPT_MS = 60_000;

/** What has to happen now and then: scans (C5), the local trash, reconciliation (S9). */
export class Housekeeping {
  readonly #deps: HousekeepingDeps;
  // All monotonic ms; not of one run: what fails in it again and again must not put off the rest for ever.
  #tickedAt: number;
  #scannedAt: number;
  #retriedAt: number;
  #purgedAt: number;
  #checkedAt: number;
  #relistedAt: number;
  /** What was put into the trash by an earlier run, or under another time of day, does not look recent. */
  #allUntil: number;
  #wallOffset: number;

  constructor(deps: HousekeepingDeps) {
    this.#deps = deps;
    const now = deps.clock.monotonic();
    this.#tickedAt = this.#scannedAt = this.#retriedAt = now;
    this.#purgedAt = this.#checkedAt = this.#relistedAt = now;
    this.#allUntil = now + RECENT_MS;
    this.#wallOffset = deps.clock.now() - now;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#deps.clock.delay(TICK_MS, signal);
      const now = this.#deps.clock.monotonic();
      this.#askForLooks(now);
      await this.#bringBack(now);
      if (this.#deps.isInSync()) {
        this.#deps.trees.rest();
        this.#deps.sweep();
      }
      this.#purge(now);
      await this.#check(now, signal);
    }
  }

  #askForLooks(now: number): void {
    const { indexer } = this.#deps;
    const hasSlept = now - this.#tickedAt > SLEPT_MS;
    this.#tickedAt = now;
    if (hasSlept || now - this.#scannedAt > SCAN_MS) {
      this.#scannedAt = now;
      indexer.hint([{ kind: 'overflow' }]);
    }
    if (now - this.#retriedAt > RETRY_UNREADABLE_MS) {
      this.#retriedAt = now;
      indexer.retryUnreadable();
    }
  }

  async #bringBack(now: number): Promise<void> {
    const { clock } = this.#deps;
    await this.#deps.recover();
    const wallOffset = clock.now() - now;
    if (Math.abs(wallOffset - this.#wallOffset) > SLEPT_MS) this.#allUntil = now + RECENT_MS;
    this.#wallOffset = wallOffset;
    const isAll = now < this.#allUntil || this.#isPurgeDue(now);
    await bringBackEdited(this.#deps, isAll ? 0 : clock.now() - RECENT_MS);
  }

  /** Which looks at all that rests in the trash. */
  #isPurgeDue(now: number): boolean {
    return now - this.#purgedAt > PURGE_MS;
  }

  #purge(now: number): void {
    if (!this.#isPurgeDue(now)) return;
    this.#purgedAt = now;
    this.#deps.trash.purge(this.#deps.trashLimits());
    this.#deps.chunks.sweep();
  }

  async #check(now: number, signal: AbortSignal): Promise<void> {
    const relist = now - this.#relistedAt > RELIST_MS;
    if (now - this.#checkedAt <= CHECK_MS || !(await this.#deps.check({ relist, signal }))) return;
    this.#checkedAt = now;
    if (relist) this.#relistedAt = now;
  }
}
