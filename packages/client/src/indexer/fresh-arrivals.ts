import type { Clock } from '../ports/clock.ts';
import type { DiskStat } from '../ports/disk.ts';
import type { LocalRow } from '../state/rows.ts';
import { isUnreadArrival, UNREAD } from './observation.ts';

/** Longer than a stat is racy (H3), so that the reading settles the matter. */
const REST_MS = 3000;
/** So many are read at once: the next version of one of them may be near. */
const FEW = 100;

/**
 * Files that this device has just put into place. Their ctime changes once more when the staging name is removed, so
 * they are recorded without one and have to be read again (H4); as long as nothing else differs that can wait until no
 * more arrive, also past a restart. A fifth of the CPU time of a receiver of many files (docs/decisions/0012).
 *
 * The rows themselves tell which they are: here is only when.
 */
export class FreshArrivals {
  readonly #clock: Clock;
  readonly #urgent = new Set<string>();
  /** Read at once since the last rest. */
  #found = 0;
  /** Monotonic ms. */
  #lastAt = 0;
  #isWaited = false;
  #isTaken = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** It is to be changed, and has to be as it is known: the next look at it has it read. */
  urge(path: string): void {
    if (this.#isWaited) this.#urgent.add(path);
  }

  /** Whether the reading of this file can wait; it is then among those that are read later. */
  defers(path: string, stat: DiskStat, row: Pick<LocalRow, 'presence' | 'stat'> | undefined): boolean {
    if (row === undefined || this.#found < FEW || this.#isTaken || this.#urgent.has(path)) return false;
    if (!isUnreadArrival(row, stat)) return false;
    this.#lastAt = this.#clock.monotonic();
    this.#isWaited = true;
    return true;
  }

  /** A file is read at once. */
  read(path: string, row: LocalRow | undefined): void {
    this.#urgent.delete(path);
    if (row?.stat.ctimeNs !== UNREAD || this.#isTaken) return;
    this.#found++;
    this.#lastAt = this.#clock.monotonic();
  }

  /** Monotonic ms; Infinity: none waits. */
  nextAt(): number {
    if (this.#isTaken) return this.#lastAt;
    return this.#isWaited ? this.#lastAt + REST_MS : Infinity;
  }

  /** Whether the time has come for those that wait; from then on none is put off, until `taken`. */
  isDue(now: number): boolean {
    if (this.#isTaken) return true;
    if (now < this.#lastAt + REST_MS) return false;
    this.#found = 0;
    this.#isTaken = this.#isWaited;
    return this.#isTaken;
  }

  /** All that waited were looked at. */
  taken(): void {
    this.#isTaken = false;
    this.#isWaited = false;
    this.#urgent.clear();
  }
}
