import { holdsOnlyLocal, type LocalOnlyDeps } from '../indexer/local-only.ts';
import type { ClientDatabase } from '../state/database.ts';

/** Folders that others deleted and that stay on this disk for what is in them and is not synced (H72). */
export class KeptFolders {
  readonly #db: ClientDatabase;

  constructor(db: ClientDatabase) {
    this.#db = db;
  }

  add(path: string): void {
    this.#db.run('INSERT OR IGNORE INTO kept_folder (path) VALUES (?)', path);
  }

  take(path: string): boolean {
    return this.#db.run('DELETE FROM kept_folder WHERE path = ?', path) > 0;
  }

  /** Where nothing is left that cannot be synced, as after a change of the rules, the folder is the user's again. */
  release(deps: LocalOnlyDeps): void {
    for (const row of this.#db.all('SELECT path FROM kept_folder')) {
      const path = String(row['path']);
      if (!this.#mayHoldOnlyLocal(deps, path)) this.take(path);
    }
  }

  #mayHoldOnlyLocal(deps: LocalOnlyDeps, path: string): boolean {
    try {
      return holdsOnlyLocal(deps, path, false);
    } catch {
      return true; // it cannot be looked at now
    }
  }

  has(path: string): boolean {
    return this.#db.first('SELECT 1 AS found FROM kept_folder WHERE path = ?', path) !== undefined;
  }
}
