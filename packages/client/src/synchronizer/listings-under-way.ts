import type { ObjectId } from '@satchel/protocol/ids.ts';

interface Told {
  readonly objectId: ObjectId;
  readonly seq: number;
}

/** What listings on their way mean for Remote meanwhile. */
export class ListingsUnderWay {
  #asked = 0;
  #midway = 0;
  /** The seqs of what commits of this device have deleted since the first of them was asked for. */
  readonly #deleted = new Map<ObjectId, number>();
  readonly #changed: () => void;

  /** @param changed what was taken in part is complete, or will not be */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** Some pages of a listing are taken in, and not all. */
  get isMidway(): boolean {
    return this.#midway > 0;
  }

  /** Until disposed a listing is on its way. */
  ask(): Disposable {
    this.#asked++;
    return {
      [Symbol.dispose]: () => {
        if (--this.#asked === 0) this.#deleted.clear();
      },
    };
  }

  /** Until disposed a listing is taken in. */
  takeIn(): Disposable {
    this.#midway++;
    return {
      [Symbol.dispose]: () => {
        this.#midway--;
        this.#changed();
      },
    };
  }

  /** A commit of this device has deleted it. */
  deleted({ objectId, seq }: Told): void {
    if (this.#asked > 0) this.#deleted.set(objectId, seq);
  }

  /** A workspace counts anew: the server was restored (S10). */
  forget(): void {
    this.#deleted.clear();
  }

  /** RACE: what was deleted while a listing was on its way leaves no row that could say that it is newer (H89). */
  isOutdated({ objectId, seq }: Told): boolean {
    return seq < (this.#deleted.get(objectId) ?? 0);
  }
}
