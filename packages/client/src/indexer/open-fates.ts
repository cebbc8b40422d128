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

/** Objects that vanished or changed place, and when that may be believed; until then they are not planned. */
export class OpenFates {
  readonly #waiting = new Map<ObjectId, Waiting>();
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
    this.#waiting.set(id, { at: this.#clock.monotonic() + wait, vanished: fate === 'vanished' });
  }

  /** It could not be told now. */
  postpone(id: ObjectId, vanished: boolean): void {
    this.#waiting.set(id, { at: this.#clock.monotonic() + QUIET.unknownMs, vanished });
  }

  settle(id: ObjectId): void {
    this.#waiting.delete(id);
  }

  /** Those whose time has come. */
  ripe(now: number): readonly { readonly id: ObjectId; readonly vanished: boolean }[] {
    return [...this.#waiting].flatMap(([id, { at, vanished }]) => (at <= now ? [{ id, vanished }] : []));
  }

  /** While a mass deletion goes on it is not looked at in pieces: the guard has to see it whole (H69). */
  isDeletionUnderWay(now: number): boolean {
    let youngest = -Infinity;
    let oldest = Infinity;
    for (const { at, vanished } of this.#waiting.values()) {
      if (!vanished) continue;
      youngest = Math.max(youngest, at);
      oldest = Math.min(oldest, at);
    }
    return youngest > now && now - oldest < QUIET.deletionMs;
  }

  /** When the next one is ripe (monotonic ms); Infinity when none is waited for. */
  nextAt(): number {
    let next = Infinity;
    for (const { at } of this.#waiting.values()) next = Math.min(next, at);
    return next;
  }
}
