/** What the applier is about to record: paths, and inodes at whatever path they are met. */
export class Reservations {
  /** With the number of claims. */
  readonly #claims = new Map<string | number, number>();
  /** Reserved paths, and paths at which a reserved inode was met (a folder above was moved), that were asked for. */
  readonly #passedOver = new Set<string>();
  readonly #released: (paths: readonly string[]) => void;

  /** @param released told of all paths that were left alone, when they are free again */
  constructor(released: (paths: readonly string[]) => void) {
    this.#released = released;
  }

  add(paths: readonly string[], inodes: readonly number[]): Disposable {
    const keys = [...paths, ...inodes];
    for (const key of keys) this.#claims.set(key, (this.#claims.get(key) ?? 0) + 1);
    return {
      [Symbol.dispose]: () => {
        for (const key of keys) {
          const claims = (this.#claims.get(key) ?? 1) - 1;
          if (claims === 0) this.#claims.delete(key);
          else this.#claims.set(key, claims);
        }
        const passedOver = [...this.#passedOver];
        this.#passedOver.clear();
        if (passedOver.length > 0) this.#released(passedOver);
      },
    };
  }

  /** Paths at which something was seen that is not looked at before the release. */
  passedOver(): Iterable<string> {
    return this.#passedOver;
  }

  /** Whether something in this folder is claimed. */
  hasBelow(path: string): boolean {
    for (const key of this.#claims.keys()) if (typeof key === 'string' && key.startsWith(`${path}/`)) return true;
    return false;
  }

  has(path: string, ino: number | undefined): boolean {
    // Asked of every file of a scan: to look a path up costs more than to have put it together.
    if (this.#claims.size === 0) return false;
    if (!this.#claims.has(path) && (ino === undefined || !this.#claims.has(ino))) return false;
    this.#passedOver.add(path);
    return true;
  }
}
