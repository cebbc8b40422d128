import type { Clock } from '../ports/clock.ts';
import type { Settings } from '../state/settings.ts';

const KEY = 'pause.until';
const FOREVER = 'forever';

/** A pause outlives a restart of the daemon. */
export class PauseSetting {
  readonly #settings: Settings;
  readonly #clock: Clock;
  #wasPaused = false;

  constructor(settings: Settings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  /** Wall time in ms; Infinity: until resumed; undefined: not paused. */
  until(): number | undefined {
    const value = this.#settings.get(KEY);
    if (value === undefined) return undefined;
    const until = value === FOREVER ? Infinity : Number(value);
    if (until > this.#clock.now()) return until;
    this.#settings.set(KEY, undefined);
    return undefined;
  }

  isPaused(): boolean {
    const isPaused = this.until() !== undefined;
    if (isPaused) this.#wasPaused = true;
    return isPaused;
  }

  /** True once after a pause has run out. */
  hasJustEnded(): boolean {
    if (!this.#wasPaused || this.until() !== undefined) return false;
    this.#wasPaused = false;
    return true;
  }

  set(untilMs: number | undefined): void {
    this.#settings.set(KEY, untilMs === undefined ? FOREVER : String(untilMs));
  }

  clear(): void {
    this.#settings.set(KEY, undefined);
  }
}
