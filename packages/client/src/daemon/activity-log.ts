import type { Activity } from '../control/daemon-control.ts';
import type { ClientDatabase } from '../state/database.ts';

const KEPT = 10_000;

/** What happened on this device, newest last; bounded. */
export class ActivityLog {
  readonly #db: ClientDatabase;
  readonly #now: () => number;
  readonly #listeners = new Set<(activity: Activity) => void>();
  #sinceTrim = 0;

  /** @param now wall time, ms */
  constructor(db: ClientDatabase, now: () => number) {
    this.#db = db;
    this.#now = now;
  }

  add(what: string, path: string, detail?: string): void {
    const at = this.#now();
    this.#db.run('INSERT INTO activity (at, what, path, detail) VALUES (?,?,?,?)', at, what, path, detail ?? null);
    if (++this.#sinceTrim >= 1000) {
      this.#sinceTrim = 0;
      this.#db.run('DELETE FROM activity WHERE id <= (SELECT max(id) FROM activity) - ?', KEPT);
    }
    if (this.#listeners.size === 0) return;
    const activity = { at: new Date(at).toISOString(), what, path, ...(detail === undefined ? {} : { detail }) };
    for (const listener of this.#listeners) listener(activity);
  }

  last(limit: number): readonly Activity[] {
    const rows = this.#db.all('SELECT at, what, path, detail FROM activity ORDER BY id DESC LIMIT ?', limit);
    return rows.reverse().map((row) => ({
      at: new Date(Number(row['at'])).toISOString(),
      what: String(row['what']),
      path: String(row['path']),
      ...(row['detail'] === null ? {} : { detail: String(row['detail']) }),
    }));
  }

  watch(listener: (activity: Activity) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }
}
