import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/**
 * Takes a folder for this process. The lock is SQLite's own on a file of its own: the system drops it when the
 * process ends, however it ends, so that no stale lock has to be judged.
 * @param busy what to say when another process has it
 */
export function lockFolder(
  folder: string,
  busy = `${folder} is in use by another server. Stop that one, or choose another data folder.`,
): Disposable {
  const file = join(folder, 'server.lock');
  const lock = new DatabaseSync(file, { timeout: 0 });
  try {
    lock.exec('pragma journal_mode = memory; begin exclusive');
  } catch (error) {
    lock.close();
    throw new Error(busy, { cause: error });
  }
  return { [Symbol.dispose]: () => lock.close() };
}
