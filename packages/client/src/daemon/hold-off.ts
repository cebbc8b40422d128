import type { Clock } from '../ports/clock.ts';

const FIRST_MS = 1000;
const LAST_MS = 30_000;

export interface HoldOffDeps {
  readonly clock: Clock;
  /** The server may be asked again. */
  readonly over: (signal: AbortSignal) => Promise<void>;
}

/** Leaves a server alone that could not serve: longer each time, until something works again. */
export class HoldOff {
  readonly #deps: HoldOffDeps;
  #nextMs = FIRST_MS;
  #ending: AbortController | undefined;

  constructor(deps: HoldOffDeps) {
    this.#deps = deps;
  }

  isOn(): boolean {
    return this.#ending !== undefined;
  }

  /** What fails together is one failure. */
  begin(signal: AbortSignal): void {
    if (this.#ending === undefined) void this.#last(signal, (this.#ending = new AbortController()));
  }

  /** At once, if there is one. */
  end(): void {
    this.#ending?.abort();
  }

  /** Something worked: the next one is a first one. */
  succeeded(): void {
    this.#nextMs = FIRST_MS;
  }

  async #last(signal: AbortSignal, ending: AbortController): Promise<void> {
    const waitMs = this.#nextMs;
    this.#nextMs = Math.min(waitMs * 2, LAST_MS);
    await this.#deps.clock.delay(waitMs, AbortSignal.any([signal, ending.signal]));
    this.#ending = undefined;
    if (!signal.aborted) await this.#deps.over(signal);
  }
}
