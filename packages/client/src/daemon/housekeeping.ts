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

  constructor(deps: HousekeepingDeps) {
    this.#deps = deps;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, indexer, chunks } = this.#deps;
    let scannedAt = clock.monotonic();
    let retriedAt = clock.monotonic();
    let purgedAt = clock.monotonic();
    let checkedAt = clock.monotonic();
    let relistedAt = clock.monotonic();
    let tickedAt = clock.monotonic();
    let wallOffset = clock.now() - tickedAt;
    // What was put into the trash by an earlier run, or under another time of day, does not look recent.
    let allUntil = tickedAt + RECENT_MS;
    while (!signal.aborted) {
      await clock.delay(TICK_MS, signal);
      const now = clock.monotonic();
      const hasSlept = now - tickedAt > SLEPT_MS;
      tickedAt = now;
      await this.#deps.recover();
      if (Math.abs(clock.now() - now - wallOffset) > SLEPT_MS) allUntil = now + RECENT_MS;
      wallOffset = clock.now() - now;
      await bringBackEdited(this.#deps, now < allUntil ? 0 : clock.now() - RECENT_MS);
      if (this.#deps.isInSync()) {
        this.#deps.trees.rest();
        this.#deps.sweep();
      }
      if (hasSlept || now - scannedAt > SCAN_MS) {
        scannedAt = now;
        indexer.hint([{ kind: 'overflow' }]);
      }
      if (now - retriedAt > RETRY_UNREADABLE_MS) {
        retriedAt = now;
        indexer.retryUnreadable();
      }
      if (now - purgedAt > PURGE_MS) {
        purgedAt = now;
        this.#deps.trash.purge(this.#deps.trashLimits());
        chunks.sweep();
      }
      const relist = now - relistedAt > RELIST_MS;
      if (now - checkedAt > CHECK_MS && (await this.#deps.check({ relist, signal }))) {
        checkedAt = now;
        if (relist) relistedAt = now;
      }
    }
  }
}
