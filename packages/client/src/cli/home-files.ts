import { rmSync } from 'node:fs';
import { join } from 'node:path';

/** Held by the one daemon of a home while it runs. */
export const daemonLockOf = (home: string): string => join(home, 'daemon.lock');
export const daemonLogOf = (home: string): string => join(home, 'daemon.log');
const databaseOf = (home: string): string => join(home, 'client.db');

/** The trees of a folder that is linked anew would lie: without them it is merged by content and nothing is deleted (C7). */
export function forgetTrees(home: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(`${databaseOf(home)}${suffix}`, { force: true });
}
