import type { DiskStep } from '@satchel/core/step.ts';
import type { ObjectId } from '@satchel/protocol/ids.ts';
import type { StatIdentity } from '../ports/disk.ts';
import type { ClientDatabase } from './database.ts';

/**
 * Changes of the disk that would be taken for the user's when the process dies before they are recorded. Not among
 * them: what is removed, since a deletion that both sides have made is one.
 */
export type IntendedStep = Exclude<DiskStep, { readonly kind: 'removeLocal' }>;

export interface Intent {
  readonly step: IntendedStep;
  /** Downloads: the inode of the file that is put into place. */
  readonly ino?: number;
  /** New folders and symlinks: what was made in the staging folder. */
  readonly made?: StatIdentity;
}

/** Changes of the disk in progress (C1): noted before, dropped when they are recorded or known not to have happened. */
export interface Intents {
  add(intents: readonly Intent[]): void;
  drop(ids: readonly ObjectId[]): void;
  all(): readonly Intent[];
}

export function createIntents(db: ClientDatabase): Intents {
  return {
    add(intents) {
      if (intents.length === 0) return;
      const byObject = Map.groupBy(intents, ({ step }) => step.objectId);
      db.transaction(() => {
        for (const [id, ofObject] of byObject)
          db.run('INSERT OR REPLACE INTO intent (object_id, intent) VALUES (?, ?)', id, JSON.stringify(ofObject));
      });
    },
    drop(ids) {
      if (ids.length === 0) return;
      db.transaction(() => {
        for (const id of ids) db.run('DELETE FROM intent WHERE object_id = ?', id);
      });
    },
    all: () =>
      db.all('SELECT intent FROM intent ORDER BY object_id').flatMap((row) => JSON.parse(String(row['intent']))),
  };
}
