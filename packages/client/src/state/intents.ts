import type { DiskStep } from '@satchel/core/step.ts';
import type { ObjectId } from '@satchel/protocol/ids.ts';
import type { StatIdentity } from '../ports/disk.ts';
import type { ClientDatabase } from './database.ts';

/**
 * A change of the disk that would be taken for the user's when the process dies before it is recorded. Not among them:
 * what the server has deleted too, since a deletion that both sides have made is one.
 */
export interface Intent {
  readonly step: DiskStep;
  /** Downloads: the inode of the file that is put into place. */
  readonly ino?: number;
  /** New folders and symlinks: what was made in the staging folder. */
  readonly made?: StatIdentity;
}

/** Changes of the disk in progress (C1): noted before, dropped when they are recorded or known not to have happened. */
export interface Intents {
  /** Notes what is begun together: one row, for a row each cost a tenth of the statements of a mass download. */
  add(intents: readonly Intent[]): Noted;
  drop(noted: Noted): void;
  dropAll(): void;
  all(): readonly Intent[];
}

/** The first object of what was noted together, of which each is in one piece of work at a time; undefined: nothing was. */
export type Noted = ObjectId | undefined;

export function createIntents(db: ClientDatabase): Intents {
  return {
    add(intents) {
      const noted = intents[0]?.step.objectId;
      if (noted !== undefined)
        db.run('INSERT OR REPLACE INTO intent (object_id, intent) VALUES (?, ?)', noted, JSON.stringify(intents));
      return noted;
    },
    drop(noted) {
      if (noted !== undefined) db.run('DELETE FROM intent WHERE object_id = ?', noted);
    },
    dropAll: () => void db.run('DELETE FROM intent'),
    all: () =>
      db.all('SELECT intent FROM intent ORDER BY object_id').flatMap((row) => JSON.parse(String(row['intent']))),
  };
}
