import { backup, DatabaseSync } from 'node:sqlite';

/** All pages in one step, which is one read transaction: the copy is of one moment, and writers go on beside it. */
const ALL_PAGES = 0x7fff_ffff;

/**
 * Copies a database that may be in use into one file, without a journal beside it, durable when this resolves.
 * @throws the fault of SQLite; Error when the copy is not sound, which means that the original is damaged
 */
export async function copyDatabase(from: string, to: string): Promise<void> {
  const source = new DatabaseSync(from, { readOnly: true });
  try {
    await backup(source, to, { rate: ALL_PAGES });
  } finally {
    source.close();
  }
  const copy = new DatabaseSync(to);
  try {
    copy.exec('pragma synchronous = full; pragma journal_mode = delete');
    const [first] = copy.prepare('pragma integrity_check(1)').all() as { integrity_check: string }[];
    if (first?.integrity_check !== 'ok')
      throw new Error(`${from} is damaged: ${first?.integrity_check ?? 'unreadable'}`);
  } finally {
    copy.close();
  }
}

/** Number of the newest step of a database's schema. */
export function schemaOf(file: string): number {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    return (database.prepare('pragma user_version').get() as { user_version: number }).user_version;
  } finally {
    database.close();
  }
}
