export interface DiskRoomDeps {
  readonly freeBytes: () => Promise<number>;
  /** Bytes that must stay free. */
  readonly floorBytes: () => number;
}

/** `freeBytes`: too few. */
export type Room =
  | { readonly fits: true; readonly end: () => void }
  | { readonly fits: false; readonly freeBytes: number };

/** Whether what is to be downloaded fits on the disk beside all that is being downloaded already (H59). */
export class DiskRoom {
  readonly #deps: DiskRoomDeps;
  /** Of what is under way: some of it may be on the disk already. */
  #underway = 0;
  #count = 0;
  /** When nothing was under way, and what was begun since. */
  #freeBefore: number | undefined;
  #begunSince = 0;

  constructor(deps: DiskRoomDeps) {
    this.#deps = deps;
  }

  async begin(bytes: number): Promise<Room> {
    this.#underway += bytes;
    this.#begunSince += bytes;
    this.#count++;
    let fits = false;
    try {
      const free = await this.#deps.freeBytes();
      this.#freeBefore ??= free;
      // How much of the others is written is not known: the first takes it for none, the second for all.
      const after = Math.max(free - this.#underway, this.#freeBefore - this.#begunSince);
      fits = Math.min(free - bytes, after) >= this.#deps.floorBytes();
      return fits ? { fits, end: () => this.#end(bytes) } : { fits, freeBytes: free };
    } finally {
      if (!fits) {
        this.#begunSince -= bytes;
        this.#end(bytes);
      }
    }
  }

  #end(bytes: number): void {
    this.#underway -= bytes;
    if (--this.#count > 0) return;
    this.#freeBefore = undefined;
    this.#begunSince = 0;
  }
}
