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

  has(path: string): boolean {
    return this.#db.first('SELECT 1 AS found FROM kept_folder WHERE path = ?', path) !== undefined;
  }
}
