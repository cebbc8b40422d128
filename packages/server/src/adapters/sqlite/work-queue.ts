import { newId } from '@satchel/protocol/ids.ts';
import type { Clock, Random } from '../../ports/clock.ts';
import { statement, type Database, type ShardId } from '../../ports/database.ts';
import type { Job, JobKind, Jobs, WorkQueue } from '../../ports/work-queue.ts';

export interface TableQueueOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  /** Tries of a job before it is dead. */
  readonly maxAttempts: number;
}

interface NewJob {
  readonly id: string;
  readonly kind: string;
  readonly key: string | null;
  readonly args: string;
  readonly due: number;
}

const waitingWithKey = statement<{ kind: string; key: string }>()((q, arg) =>
  q
    .selectFrom('jobs')
    .select('job_id')
    .where('kind', '=', arg('kind'))
    .where('job_key', '=', arg('key'))
    .where('state', '=', 'waiting'),
);
const insertJob = statement<NewJob>()((q, arg) =>
  q.insertInto('jobs').values({
    job_id: arg('id'),
    kind: arg('kind'),
    job_key: arg('key'),
    args: arg('args'),
    state: 'waiting',
    attempt: 0,
    due_at: arg('due'),
    reason: null,
  }),
);
const nextDue = statement<{ now: number }>()((q, arg) =>
  q
    .selectFrom('jobs')
    .selectAll()
    .where('state', '<>', 'dead')
    .where('due_at', '<=', arg('now'))
    .orderBy('due_at')
    .orderBy('job_id')
    .limit(1),
);
const takeJob = statement<{ id: string; attempt: number; due: number }>()((q, arg) =>
  q
    .updateTable('jobs')
    .set({ state: 'taken', attempt: arg('attempt'), due_at: arg('due') })
    .where('job_id', '=', arg('id')),
);
const endJob = statement<{ id: string; attempt: number }>()((q, arg) =>
  q
    .deleteFrom('jobs')
    .where('job_id', '=', arg('id'))
    .where('attempt', '=', arg('attempt'))
    .where('state', '=', 'taken'),
);
const putBack = statement<{ id: string; attempt: number; due: number; reason: string }>()((q, arg) =>
  q
    .updateTable('jobs')
    .set({ state: 'waiting', job_key: null, due_at: arg('due'), reason: arg('reason') })
    .where('job_id', '=', arg('id'))
    .where('attempt', '=', arg('attempt'))
    .where('state', '=', 'taken'),
);
const bury = statement<{ id: string; attempt: number; reason: string }>()((q, arg) =>
  q
    .updateTable('jobs')
    .set({ state: 'dead', reason: arg('reason') })
    .where('job_id', '=', arg('id'))
    .where('attempt', '=', arg('attempt'))
    .where('state', '=', 'taken'),
);
const deadJobs = statement<Record<never, never>>()((q) =>
  q.selectFrom('jobs').selectAll().where('state', '=', 'dead').orderBy('job_id'),
);

interface StoredJob {
  readonly job_id: string;
  readonly kind: string;
  readonly args: string;
  readonly attempt: number;
  readonly reason: string | null;
}

function jobOf(row: StoredJob): Job {
  return {
    id: row.job_id,
    kind: row.kind as JobKind,
    args: JSON.parse(row.args) as Jobs[JobKind],
    attempt: row.attempt,
  };
}

/**
 * The work queue as a table of the metadata database, on its first shard. A job's attempt number is the proof of
 * holding it: who comes back after the lease has run out and another has taken the job changes nothing.
 */
export function createTableQueue(options: TableQueueOptions): WorkQueue {
  const { database, clock, random, maxAttempts } = options;
  const shard = database.shards[0] ?? (0 as ShardId);
  return {
    add: async (kind, args, { key, delayMs = 0 } = {}) => {
      const now = clock.now();
      const job = {
        id: newId<string>(now, random.bytes(10)),
        kind,
        key: key ?? null,
        args: JSON.stringify(args),
        due: now + delayMs,
      };
      await database.transact(shard, async (tx) => {
        if (key !== undefined && (await tx.first(waitingWithKey, { kind, key })) !== undefined) return;
        await tx.run(insertJob, job);
      });
    },
    take: async (leaseMs) =>
      database.transact(shard, async (tx) => {
        const now = clock.now();
        for (;;) {
          const row = await tx.first(nextDue, { now });
          if (row === undefined) return undefined;
          if (row.attempt >= maxAttempts) {
            // Its last worker neither finished nor failed.
            await tx.run(bury, { id: row.job_id, attempt: row.attempt, reason: row.reason ?? 'The worker died.' });
            continue;
          }
          const attempt = row.attempt + 1;
          await tx.run(takeJob, { id: row.job_id, attempt, due: now + leaseMs });
          return jobOf({ ...row, attempt });
        }
      }),
    done: async (job) => {
      await database.transact(shard, async (tx) => tx.run(endJob, { id: job.id, attempt: job.attempt }));
    },
    failed: async (job, reason, retryInMs) => {
      const held = { id: job.id, attempt: job.attempt, reason };
      await database.transact(shard, async (tx) =>
        job.attempt >= maxAttempts ? tx.run(bury, held) : tx.run(putBack, { ...held, due: clock.now() + retryInMs }),
      );
    },
    dead: async () => {
      const rows = await database.read(shard, async (reader) => reader.all(deadJobs, {}));
      return rows.map((row) => Object.assign(jobOf(row), { reason: row.reason ?? '' }));
    },
  };
}
