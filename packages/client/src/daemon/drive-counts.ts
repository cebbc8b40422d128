import { isConflictName } from '@satchel/core/conflict-name.ts';
import type { ClientDatabase } from '../state/database.ts';

const OLDEST_MS = 1000;

interface Counts {
  /** In sync, links among them; folders are none. */
  readonly files: number;
  /** Conflicted copies on this disk. */
  readonly conflicts: number;
}

/** What `status` says of the whole drive. To count is to go through all rows, so it is done anew only after changes. */
export class DriveCounts {
  readonly #db: ClientDatabase;
  readonly #monotonic: () => number;
  #known: { readonly counts: Counts; readonly at: number; readonly changes: number } | undefined;

  constructor(db: ClientDatabase, monotonic: () => number) {
    this.#db = db;
    this.#monotonic = monotonic;
  }

  /** @param isMoving the work goes on: then they may be a second old */
  now(isMoving: boolean): Counts {
    const [at, changes] = [this.#monotonic(), this.#db.changes()];
    const known = this.#known;
    if (known !== undefined && (known.changes === changes || (isMoving && at - known.at < OLDEST_MS)))
      return known.counts;
    const counts = this.#count();
    this.#known = { counts, at, changes };
    return counts;
  }

  #count(): Counts {
    const files = this.#db.first("SELECT count(*) AS n FROM synced WHERE kind NOT IN ('folder', 'mount')");
    const names = this.#db.columns("SELECT name FROM local WHERE name LIKE '%conflicted copy%'");
    return { files: Number(files?.['n']), conflicts: names.filter(([name]) => isConflictName(String(name))).length };
  }
}
