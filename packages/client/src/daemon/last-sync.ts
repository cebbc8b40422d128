import type { Settings } from '../state/settings.ts';

const KEY = 'synced.last';

/** When this device was last in sync. That it ever was is remembered at once, the time when the daemon stops. */
export class LastSync {
  readonly #settings: Settings;
  #ms: number | undefined;

  constructor(settings: Settings) {
    this.#settings = settings;
    const saved = settings.get(KEY);
    this.#ms = saved === undefined ? undefined : Number(saved);
  }

  /** Wall time in ms; undefined: the folder is still being merged for the first time. */
  get ms(): number | undefined {
    return this.#ms;
  }

  note(ms: number): void {
    const isFirst = this.#ms === undefined;
    this.#ms = ms;
    if (isFirst) this.save();
  }

  save(): void {
    this.#settings.set(KEY, this.#ms?.toString());
  }
}
