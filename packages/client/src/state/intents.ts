import type { DiskStep } from '@satchel/core/step.ts';
import type { ObjectId } from '@satchel/protocol/ids.ts';
import type { ClientDatabase } from './database.ts';

/** Changes of the disk whose outcome cannot be told from the disk alone when the process dies before it is recorded. */
export type IntendedStep = Extract<DiskStep, { readonly kind: 'download' | 'makeFolder' | 'makeSymlink' | 'keepCopy' }>;

export interface Intent {
  readonly step: IntendedStep;
  /** Downloads: the inode of the file that is put into place. */
  readonly ino?: number;
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
      db.transaction(() => {
        for (const intent of intents)
          db.run(
            'INSERT OR REPLACE INTO intent (object_id, intent) VALUES (?, ?)',
            intent.step.objectId,
            JSON.stringify(intent),
          );
      });
    },
    drop(ids) {
      if (ids.length === 0) return;
      db.transaction(() => {
        for (const id of ids) db.run('DELETE FROM intent WHERE object_id = ?', id);
      });
    },
    all: () => db.all('SELECT intent FROM intent ORDER BY object_id').map((row) => JSON.parse(String(row['intent']))),
  };
}
