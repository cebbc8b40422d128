/** Bytes per second over the last seconds, from two growing totals. */
export class TransferRates {
  readonly #now: () => number;
  #samples: { readonly at: number; readonly up: number; readonly down: number }[] = [];

  /** @param now monotonic ms */
  constructor(now: () => number) {
    this.#now = now;
  }

  of(totals: { readonly up: number; readonly down: number }): { bytesPerSecondUp: number; bytesPerSecondDown: number } {
    const now = this.#now();
    this.#samples = this.#samples.filter(({ at }) => now - at < 10_000);
    const [first] = this.#samples;
    this.#samples.push({ at: now, ...totals });
    const seconds = first === undefined ? 0 : (now - first.at) / 1000;
    if (first === undefined || seconds < 0.2) return { bytesPerSecondUp: 0, bytesPerSecondDown: 0 };
    return {
      bytesPerSecondUp: Math.round((totals.up - first.up) / seconds),
      bytesPerSecondDown: Math.round((totals.down - first.down) / seconds),
    };
  }
}
