import { constants } from 'node:fs';
import { open, readFile, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import type { Clock } from '../ports/clock.ts';
import type { Tokens, TokenStore } from '../ports/secrets.ts';

const Stored = z.object({
  accessToken: z.string(),
  accessExpiresAtMs: z.number(),
  refreshToken: z.string(),
});

const LOCK_RETRY_MS = 20;

/** TokenStore in a file that only the user can read. A second process of the user is kept out by a lock file. */
export function createTokenFile(path: string, clock: Clock): TokenStore {
  const lockPath = `${path}.lock`;
  let turn: Promise<unknown> = Promise.resolve();

  async function locked<T>(work: () => Promise<T>): Promise<T> {
    while (!(await takeLock(lockPath))) await clock.delay(LOCK_RETRY_MS);
    try {
      return await work();
    } finally {
      await unlink(lockPath);
    }
  }

  return {
    async load() {
      const text = await readIfPresent(path);
      if (text === undefined) return undefined;
      return Stored.parse(JSON.parse(text));
    },
    async save(tokens) {
      await writeDurably(path, JSON.stringify(tokens satisfies Tokens));
    },
    async clear() {
      await removeIfPresent(path);
    },
    exclusively(work) {
      const mine = turn.then(() => locked(work));
      turn = mine.catch(() => undefined); // the failure belongs to the caller; the next one takes its turn
      return mine;
    },
  };
}

async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function removeIfPresent(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** False while another living process holds the lock. A lock of a dead process is removed. */
async function takeLock(lockPath: string): Promise<boolean> {
  try {
    const lock = await open(lockPath, 'wx', 0o600);
    await lock.writeFile(String(process.pid));
    await lock.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const holder = Number(await readIfPresent(lockPath));
  // RACE: an empty lock is being written just now; one of this process is left from before a restart with its pid.
  if (holder > 0 && (holder === process.pid || !isAlive(holder))) await removeIfPresent(lockPath);
  return false;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  const draft = `${path}.new`;
  const file = await open(
    draft,
    constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW,
    0o600,
  );
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, path);
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
