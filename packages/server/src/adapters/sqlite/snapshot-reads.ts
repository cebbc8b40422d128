import type { Reader } from '../../ports/database.ts';
import { WorkView, type Connection } from './connection.ts';
import { databaseFault } from './faults.ts';

/**
 * Reads on connections of their own, so that they never see a batch that is not committed (D3). Each read is one
 * transaction: a snapshot taken at its first query, hence not before it was called.
 */
export class SnapshotReads {
  readonly #open: () => Connection;
  readonly #most: number;
  readonly #idle: Connection[] = [];
  readonly #waiting: ((connection: Connection) => void)[] = [];
  #opened = 0;
  #closed = false;

  constructor(open: () => Connection, most: number) {
    this.#open = open;
    this.#most = most;
  }

  async read<T>(work: (reader: Reader) => Promise<T>): Promise<T> {
    try {
      const connection = this.#idle.pop() ?? (await this.#another());
      using ending = new DisposableStack();
      ending.defer(() => this.#giveBack(connection));
      ending.defer(() => void (connection.inTransaction && connection.commit()));
      connection.begin('full');
      const view = ending.use(new WorkView(connection));
      return await work(view);
    } catch (error) {
      throw databaseFault(error);
    }
  }

  /** Closes the connections; one that is in use, when its read has ended. */
  close(): void {
    this.#closed = true;
    for (const connection of this.#idle.splice(0)) connection.close();
  }

  async #another(): Promise<Connection> {
    if (this.#opened < this.#most) {
      // Counted when it is open: where there are no descriptors left the next read tries again, and none waits for ever.
      const connection = this.#open();
      this.#opened++;
      return connection;
    }
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  #giveBack(connection: Connection): void {
    const next = this.#waiting.shift();
    if (this.#closed && next === undefined) connection.close();
    else if (next === undefined) this.#idle.push(connection);
    else next(connection);
  }
}
