import { DatabaseSync } from 'node:sqlite';

/**
 * Takes a lock for this process; undefined when another one has it. It is SQLite's own on a file of its own: the system
 * drops it when the process ends, however it ends, so that no stale lock has to be judged.
 */
export function tryLock(file: string): Disposable | undefined {
  const lock = new DatabaseSync(file, { timeout: 0 });
  try {
    lock.exec('pragma journal_mode = memory; begin exclusive');
  } catch (error) {
    lock.close();
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return undefined;
    throw error;
  }
  return { [Symbol.dispose]: () => lock.close() };
}

const SQLITE_BUSY = 5;
