/**
 * Paths of folders and links in whose place another one stands. Where they went has to be known before it takes over
 * what they were, since their identity goes along (H32): all names that there are must have been looked at.
 */
export class InQuestion {
  readonly #paths = new Set<string>();
  readonly #proved = new Set<string>();

  /** Whether what stands there may be recorded; else it is to be looked at again once that is proved. */
  isProved(path: string): boolean {
    if (this.#proved.has(path)) return true;
    this.#paths.add(path);
    return false;
  }

  all(): readonly string[] {
    return [...this.#paths];
  }

  /** Every name that was there when these were met is known. Holds until disposed. */
  prove(paths: readonly string[]): Disposable {
    for (const path of paths) if (this.#paths.delete(path)) this.#proved.add(path);
    return { [Symbol.dispose]: () => this.#proved.clear() };
  }
}
