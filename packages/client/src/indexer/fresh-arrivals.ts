import type { ObjectId } from '@satchel/protocol/ids.ts';
import type { Clock } from '../ports/clock.ts';
import type { DiskStat } from '../ports/disk.ts';
import type { LocalRow } from '../state/rows.ts';

/** Longer than a stat is racy (H3), so that the reading settles the matter. */
const REST_MS = 3000;
/** Fewer are read at once: the next version of one of them may be near. */
const FEW = 100;
/** What arrives beyond this before there is a rest is read at once, as anything else. */
const MOST = 20_000;

/**
 * Files that this device has just put into place. Their ctime changed once more when the staging name was removed, so
 * they have to be read again (H4); as long as nothing but ctime differs that can wait until no more arrive. A fifth of
 * the CPU time of a receiver of many files (docs/decisions/0012).
 */
export class FreshArrivals {
  readonly #clock: Clock;
  readonly #placed = new Set<ObjectId>();
  readonly #waiting = new Set<string>();
  readonly #urgent = new Set<string>();
  /** Monotonic ms. */
  #lastAt = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  placed(id: ObjectId): void {
    if (this.#placed.size >= MOST) return;
    this.#placed.add(id);
    this.#lastAt = this.#clock.monotonic();
  }

  /** It is to be changed, and has to be as it is known: the next look at it has it read. */
  urge(path: string): void {
    if (this.#placed.size < FEW) return;
    this.#urgent.add(path);
    this.#waiting.delete(path);
  }

  /** Whether the reading of this file can wait; it is then among those that are taken later. */
  defers(path: string, stat: DiskStat, row: LocalRow | undefined): boolean {
    if (this.#placed.size < FEW || this.#urgent.delete(path)) return false;
    if (row === undefined || !this.#placed.has(row.objectId) || row.presence !== 'present') return false;
    const { dev, ino, size, mtimeNs, mode } = row.stat;
    const isAsPlaced =
      stat.dev === dev && stat.ino === ino && stat.size === size && stat.mtimeNs === mtimeNs && stat.mode === mode;
    if (isAsPlaced) this.#waiting.add(path);
    return isAsPlaced;
  }

  /** Monotonic ms; Infinity: none waits. */
  nextAt(): number {
    return this.#waiting.size === 0 ? Infinity : this.#lastAt + REST_MS;
  }

  /** The files whose time has come, to be read like others. */
  take(now: number): readonly string[] {
    if (now < this.#lastAt + REST_MS || this.#placed.size === 0) return [];
    const paths = [...this.#waiting];
    this.#waiting.clear();
    this.#placed.clear();
    this.#urgent.clear();
    return paths;
  }
}
