import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/**
 * Takes the data folder for this process. The lock is SQLite's own on a file of its own: the system drops it when the
 * process ends, however it ends, so that no stale lock has to be judged.
 * @throws Error when another process has it
 */
export function lockFolder(folder: string): Disposable {
  const file = join(folder, 'server.lock');
  const lock = new DatabaseSync(file, { timeout: 0 });
  try {
    lock.exec('pragma journal_mode = memory; begin exclusive');
  } catch (error) {
    lock.close();
    throw new Error(`${folder} is in use by another server. Stop that one, or choose another data folder.`, {
      cause: error,
    });
  }
  return { [Symbol.dispose]: () => lock.close() };
}
