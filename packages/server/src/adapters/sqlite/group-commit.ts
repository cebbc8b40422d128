import type { Transaction } from '../../ports/database.ts';
import { WorkView, type Connection } from './connection.ts';
import { databaseFault } from './faults.ts';

interface Waiting {
  readonly work: (tx: Transaction) => Promise<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export interface BatchLimits {
  /** Works in one commit. */
  readonly works: number;
  /** No further work is begun in a batch that has run this long. */
  readonly ms: number;
}

/**
 * Commits many works with one fsync (D4). Works run one after the other on the writing connection, each in a
 * savepoint of its own, within one transaction; all are acknowledged when its commit is on the disk. The works that
 * arrive during a commit form the next batch, so batches grow with the load and a lone work waits for nobody.
 */
export class GroupCommit {
  readonly #connection: Connection;
  readonly #limits: BatchLimits;
  #queue: Waiting[] = [];
  #running: Promise<void> | undefined;

  constructor(connection: Connection, limits: BatchLimits) {
    this.#connection = connection;
    this.#limits = limits;
  }

  async submit<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ work, resolve: resolve as (value: unknown) => void, reject });
      this.#running ??= this.#run();
    });
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #run(): Promise<void> {
    do {
      // Requests that the event loop has at hand join the batch.
      await new Promise<void>((resolve) => {
        setImmediate(resolve);
      });
      await this.#commitBatch();
    } while (this.#queue.length > 0);
    this.#running = undefined;
  }

  async #commitBatch(): Promise<void> {
    const done: { readonly waiting: Waiting; readonly value: unknown }[] = [];
    let current: Waiting | undefined;
    try {
      this.#connection.begin();
      const deadline = performance.now() + this.#limits.ms;
      let next = 0;
      try {
        while (next < this.#queue.length && next < this.#limits.works && performance.now() < deadline) {
          current = this.#queue[next++];
          if (current === undefined) break;
          const outcome = await this.#attempt(current.work);
          if (outcome.ok) done.push({ waiting: current, value: outcome.value });
          else current.reject(outcome.error);
          current = undefined;
        }
      } finally {
        this.#queue.splice(0, next);
      }
      this.#connection.commit();
    } catch (error) {
      this.#connection.rollback();
      const fault = databaseFault(error);
      if (done.length === 0 && current === undefined) this.#rejectAll(fault);
      current?.reject(fault);
      for (const { waiting } of done) waiting.reject(fault);
      return;
    }
    for (const { waiting, value } of done) waiting.resolve(value);
  }

  /** The batch could not even begin: nobody in the queue can be served. */
  #rejectAll(fault: unknown): void {
    for (const waiting of this.#queue.splice(0)) waiting.reject(fault);
  }

  /** @throws what ends the whole batch: the transaction is gone, or the savepoint cannot be kept */
  async #attempt(
    work: Waiting['work'],
  ): Promise<{ readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: unknown }> {
    this.#connection.savepoint();
    using view = new WorkView(this.#connection);
    try {
      const value = await work(view);
      this.#connection.release();
      return { ok: true, value };
    } catch (error) {
      if (!this.#connection.inTransaction) throw error;
      this.#connection.undo();
      return { ok: false, error: databaseFault(error) };
    }
  }
}
