/** So much is left to the flush at the end, at most twice. */
const PIECE_BYTES = 32 * 1024 * 1024;

/**
 * Has the disk take a long file while it is still being written. The flush after the last byte has to follow all the
 * same; it then has little left to do.
 */
export class EarlyFlush {
  readonly #flush: () => Promise<void>;
  #running: Promise<void> | undefined;
  #unflushed = 0;
  #failure: { readonly error: unknown } | undefined;

  /** @param flush of the file as far as it is written */
  constructor(flush: () => Promise<void>) {
    this.#flush = flush;
  }

  wrote(bytes: number): void {
    this.#unflushed += bytes;
    if (this.#unflushed >= PIECE_BYTES) this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    this.#unflushed = 0;
    try {
      await this.#flush();
    } catch (error) {
      this.#failure ??= { error };
    } finally {
      this.#running = undefined;
    }
  }

  /**
   * Resolves when no flush is under way. Throws when one has failed: the system tells of bytes that it could not write
   * only once, and a flush after it would succeed (H84).
   */
  async end(): Promise<void> {
    await this.#running;
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
