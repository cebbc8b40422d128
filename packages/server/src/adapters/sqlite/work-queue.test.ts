import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../ports/clock.ts';
import { CONTRACT_ATTEMPTS, workQueueContract } from '../../ports/work-queue.contract.ts';
import { openSqlite } from './database.ts';
import { createTableQueue } from './work-queue.ts';

workQueueContract('table', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'satchel-queue-'));
  let now = 1_800_000_000_000;
  const clock: Clock = { now: () => now, monotonic: () => now, delay: async () => undefined };
  const random = { bytes: (length: number) => randomBytes(length) };
  let database = openSqlite({ folder });
  const queueOn = () => createTableQueue({ database, clock, random, maxAttempts: CONTRACT_ATTEMPTS });
  return {
    queue: queueOn(),
    pass: async (ms) => {
      now += ms;
    },
    reopen: async () => {
      await database[Symbol.asyncDispose]();
      database = openSqlite({ folder });
      return queueOn();
    },
    [Symbol.asyncDispose]: async () => {
      await database[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
});
