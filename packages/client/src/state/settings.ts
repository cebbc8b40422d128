import type { ClientDatabase } from './database.ts';

/** Small facts of the device that live in its database: who it is, what it is linked to, what the user has set. */
export interface Settings {
  get(key: string): string | undefined;
  set(key: string, value: string | undefined): void;
  all(prefix: string): ReadonlyMap<string, string>;
}

export function createSettings(db: ClientDatabase): Settings {
  return {
    get(key) {
      return db.first('SELECT value FROM setting WHERE key = ?', key)?.['value'] as string | undefined;
    },
    set(key, value) {
      if (value === undefined) db.run('DELETE FROM setting WHERE key = ?', key);
      else db.run('INSERT OR REPLACE INTO setting (key, value) VALUES (?, ?)', key, value);
    },
    all(prefix) {
      const rows = db.all(
        'SELECT key, value FROM setting WHERE key >= ? AND key < ? ORDER BY key',
        prefix,
        `${prefix}\u{10ffff}`,
      );
      return new Map(rows.map((row) => [String(row['key']), String(row['value'])]));
    },
  };
}
