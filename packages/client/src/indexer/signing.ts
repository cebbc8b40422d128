import type { Clock } from '../ports/clock.ts';
import type { Disk } from '../ports/disk.ts';
import type { Hashing } from '../ports/hashing.ts';
import type { ChunkIndex } from '../state/chunk-index.ts';
import type { LocalTree } from './local-tree.ts';
import { Waker } from './waker.ts';

export interface SigningDeps {
  readonly chunks: ChunkIndex;
  readonly tree: LocalTree;
  readonly disk: Disk;
  readonly hashing: Hashing;
  readonly clock: Clock;
  readonly transaction: <T>(work: () => T) => T;
  /** Files of the tree are being transferred or looked at: those go first. */
  readonly isBusy: () => boolean;
  readonly recheck: (paths: readonly string[]) => void;
}

const CHUNKS_AT_ONCE = 32;
const BUSY_PAUSE_MS = 100;
/** After the last news, before work that takes seconds: others may be waiting for what this device has just sent. */
const REST_MS = 1000;

/**
 * Makes block signatures of long files once they are in sync. An in-place edit destroys the old bytes; from the
 * signatures the difference to them can still be told, so that an edit of a large file travels as a few kilobytes.
 */
export class Signing {
  readonly #deps: SigningDeps;
  readonly #waker = new Waker();
  #isDone = false;
  /** Monotonic ms. */
  #restsUntil = 0;

  constructor(deps: SigningDeps) {
    this.#deps = deps;
  }

  /** New chunks may have been recorded. */
  wake(): void {
    this.#isDone = false;
    this.#restsUntil = this.#deps.clock.monotonic() + REST_MS;
    this.#waker.wake();
  }

  isIdle(): boolean {
    return this.#isDone;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, isBusy } = this.#deps;
    while (!signal.aborted) {
      if (isBusy()) {
        await clock.delay(BUSY_PAUSE_MS, signal);
        continue;
      }
      if (await this.#some(signal)) continue;
      this.#isDone = true;
      this.#waker.turn();
      await this.#waker.sleep(clock, undefined, signal);
    }
  }

  /** Resolves after the loop has come to rest once more. */
  turned(signal: AbortSignal): Promise<void> {
    return this.#waker.turned(signal);
  }

  /** False: there is nothing to sign. */
  async #some(signal: AbortSignal): Promise<boolean> {
    const { chunks, tree, disk, hashing, transaction, clock } = this.#deps;
    const unsigned = chunks.unsigned(CHUNKS_AT_ONCE);
    if (unsigned === undefined) return false;
    const restMs = this.#restsUntil - clock.monotonic();
    if (unsigned.chunks.length === CHUNKS_AT_ONCE && restMs > 0) {
      await clock.delay(restMs, signal);
      return true;
    }
    const path = tree.pathOf(unsigned.objectId);
    const signatures = path === undefined ? [] : await hashing.sign(disk.absolute(path), unsigned.chunks, signal);
    const signed = new Set(signatures.map(({ id }) => id));
    transaction(() => {
      for (const { id, blocks } of signatures) chunks.putSignature(id, blocks);
      // What is not there any more cannot be signed: the index of it was out of date.
      if (unsigned.chunks.some(({ id }) => !signed.has(id))) chunks.indexObject(unsigned.objectId, []);
    });
    if (path !== undefined && signed.size < unsigned.chunks.length) this.#deps.recheck([path]);
    return true;
  }
}
