import type { StateStamps } from '../ports/state-stamps.ts';
import type { ClientDatabase } from './database.ts';
import { createSettings } from './settings.ts';

const STAMP = 'state.stamp';

/**
 * H86: whether the database is an older copy of this device's, put back from a backup: what it says of the disk and
 * of what was agreed on is of another time, so that something that came since could be taken for deleted. A copy that
 * was made and put back within one run of the daemon that then did not stop cleanly is not told.
 */
export function isOlderCopy(db: ClientDatabase, stamps: StateStamps): boolean {
  const known = stamps.read();
  const isBlank = db.first('SELECT 1 FROM workspace LIMIT 1') === undefined;
  if (known === undefined || isBlank) return false;
  const stamp = createSettings(db).get(STAMP);
  return stamp === undefined || !known.includes(stamp);
}

/** Makes every copy of the database that was made before an older one. Whenever it is cut off, the present one is not. */
export function renewStamp(db: ClientDatabase, stamps: StateStamps, fresh: string): void {
  const settings = createSettings(db);
  const present = settings.get(STAMP);
  stamps.write([...(present === undefined ? [] : [present]), fresh]);
  settings.set(STAMP, fresh);
  db.makeDurable();
  stamps.write([fresh]);
}
