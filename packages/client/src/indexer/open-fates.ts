import type { ObjectId } from '@satchel/protocol/ids.ts';
import type { Clock } from '../ports/clock.ts';
import { QUIET } from './quiet.ts';

/** Vanished: its absence is to be proved (C3). Moved, or moved to a name for backups: what comes next is awaited (H9). */
export type OpenFate = 'vanished' | 'moved' | 'backup';

interface Waiting {
  /** Monotonic ms. */
  readonly at: number;
  readonly vanished: boolean;
}

/** When the next fate is ripe, and the first and the last of what vanished; monotonic ms. */
interface Bounds {
  next: number;
  oldest: number;
  youngest: number;
}

/** Objects that vanished or changed place, and when that may be believed; until then they are not planned. */
export class OpenFates {
  readonly #waiting = new Map<ObjectId, Waiting>();
  /** Of all that wait; undefined when one of them is not waited for any more. Asked for with each turn of the indexer. */
  #bounds: Bounds | undefined;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#waiting.size;
  }

  has(id: ObjectId): boolean {
    return this.#waiting.has(id);
  }

  open(id: ObjectId, fate: OpenFate): void {
    const wait = fate === 'backup' ? QUIET.backupMs : QUIET.settleMs;
    this.#wait(id, { at: this.#clock.monotonic() + wait, vanished: fate === 'vanished' });
  }

  /** It could not be told now. */
  postpone(id: ObjectId, vanished: boolean): void {
    this.#wait(id, { at: this.#clock.monotonic() + QUIET.unknownMs, vanished });
  }

  settle(id: ObjectId): void {
    if (this.#waiting.delete(id)) this.#bounds = undefined;
  }

  /** Those whose time has come. */
  ripe(now: number): readonly { readonly id: ObjectId; readonly vanished: boolean }[] {
    return [...this.#waiting].flatMap(([id, { at, vanished }]) => (at <= now ? [{ id, vanished }] : []));
  }

  /** While a mass deletion goes on it is not looked at in pieces: the guard has to see it whole (H69). */
  isDeletionUnderWay(now: number): boolean {
    const { oldest, youngest } = this.#bound();
    return youngest > now && now - oldest < QUIET.deletionMs;
  }

  /** When the next one is ripe (monotonic ms); Infinity when none is waited for. */
  nextAt(): number {
    return this.#bound().next;
  }

  #wait(id: ObjectId, waiting: Waiting): void {
    if (this.#waiting.has(id)) this.#bounds = undefined;
    else if (this.#bounds !== undefined) widen(this.#bounds, waiting);
    this.#waiting.set(id, waiting);
  }

  #bound(): Bounds {
    if (this.#bounds !== undefined) return this.#bounds;
    const bounds = { next: Infinity, oldest: Infinity, youngest: -Infinity };
    for (const waiting of this.#waiting.values()) widen(bounds, waiting);
    this.#bounds = bounds;
    return bounds;
  }
}

function widen(bounds: Bounds, { at, vanished }: Waiting): void {
  bounds.next = Math.min(bounds.next, at);
  if (!vanished) return;
  bounds.oldest = Math.min(bounds.oldest, at);
  bounds.youngest = Math.max(bounds.youngest, at);
}
