import type { Durability, Transaction } from '../../ports/database.ts';
import { WorkView, type Connection } from './connection.ts';
import { databaseFault } from './faults.ts';

interface Waiting {
  readonly work: (tx: Transaction) => Promise<unknown>;
  readonly durability: Durability;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export interface BatchLimits {
  /** Works in one commit. */
  readonly works: number;
  /** No further work is begun in a batch that has run this long. */
  readonly ms: number;
}

/** What came of a work, to be told when the transaction has ended. */
type Outcome =
  | { readonly waiting: Waiting; readonly ok: true; readonly value: unknown }
  | { readonly waiting: Waiting; readonly ok: false; readonly error: unknown };

function tell(outcome: Outcome): void {
  if (outcome.ok) outcome.waiting.resolve(outcome.value);
  else outcome.waiting.reject(outcome.error);
}

/**
 * Commits many works with one fsync (D4). Works run one after the other on the writing connection within one
 * transaction; all are acknowledged when its commit is on the disk. The works that arrive during a commit form the
 * next batch, so batches grow with the load and a lone work waits for nobody. A batch is synced unless all of it is
 * relaxed (D9).
 *
 * A work that throws before it has written leaves nothing to undo. When one throws after that, the batch is taken
 * back and run again (D5) with a savepoint around each work. Savepoints are not used from the start, since SQLite
 * copies each page that is written under one: 15 of 75 µs of a commit, measured.
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

  async submit<T>(work: (tx: Transaction) => Promise<T>, durability: Durability): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ work, durability, resolve: resolve as (value: unknown) => void, reject });
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
    const taken: Waiting[] = [];
    try {
      const outcomes = (await this.#runTogether(taken)) ?? (await this.#runApart(taken));
      this.#connection.commit();
      outcomes.forEach(tell);
    } catch (error) {
      this.#connection.rollback();
      const fault = databaseFault(error);
      // Where not even a transaction can be begun, nobody in the queue can be served.
      for (const waiting of taken.length === 0 ? this.#queue.splice(0) : taken) waiting.reject(fault);
    }
  }

  /** Takes works from the queue and runs them. Undefined when one has thrown after writing: all has to be undone. */
  async #runTogether(taken: Waiting[]): Promise<readonly Outcome[] | undefined> {
    const connection = this.#connection;
    const durability = this.#queue[0]?.durability ?? 'full';
    connection.begin(durability);
    const deadline = performance.now() + this.#limits.ms;
    const outcomes: Outcome[] = [];
    let isSound = true;
    while (isSound && taken.length < this.#limits.works && performance.now() < deadline) {
      const waiting = this.#queue[taken.length];
      if (waiting === undefined || (durability === 'relaxed' && waiting.durability === 'full')) break;
      taken.push(waiting);
      using view = new WorkView(connection);
      try {
        outcomes.push({ waiting, ok: true, value: await waiting.work(view) });
      } catch (error) {
        outcomes.push({ waiting, ok: false, error: databaseFault(error) });
        isSound = !view.hasWritten && connection.inTransaction;
      }
    }
    this.#queue.splice(0, taken.length);
    if (isSound) return outcomes;
    connection.rollback();
    return undefined;
  }

  /** Runs the works again, each in a savepoint of its own. */
  async #runApart(taken: readonly Waiting[]): Promise<readonly Outcome[]> {
    const connection = this.#connection;
    const outcomes: Outcome[] = [];
    connection.begin(taken.every(({ durability }) => durability === 'relaxed') ? 'relaxed' : 'full');
    for (const waiting of taken) {
      connection.savepoint();
      using view = new WorkView(connection);
      try {
        outcomes.push({ waiting, ok: true, value: await waiting.work(view) });
        connection.release();
      } catch (error) {
        // A full or failing disk ends the whole transaction.
        if (!connection.inTransaction) throw error;
        connection.undo();
        outcomes.push({ waiting, ok: false, error: databaseFault(error) });
      }
    }
    return outcomes;
  }
}
