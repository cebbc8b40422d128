import { backoffMs, type BackoffPolicy } from '@satchel/core/backoff.ts';
import type { Clock, Random } from '../ports/clock.ts';
import type { Job, JobKind, Jobs, WorkQueue } from '../ports/work-queue.ts';

/** What each kind of job does. It may run twice, or again after half of it: at-least-once. */
export type JobHandlers = { readonly [K in JobKind]: (args: Jobs[K], signal: AbortSignal) => Promise<void> };

export interface WorkLog {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
}

export interface WorkerPorts {
  readonly queue: WorkQueue;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: WorkLog;
  readonly handlers: JobHandlers;
}

export interface WorkerPolicy {
  /** A job must end within it, or it is given to another worker as well. */
  readonly leaseMs: number;
  /** Between looks at an empty queue. */
  readonly idleMs: number;
  readonly backoff: BackoffPolicy;
}

export const WORKER_POLICY: WorkerPolicy = {
  leaseMs: 3_600_000,
  idleMs: 5000,
  backoff: { firstMs: 10_000, capMs: 3_600_000, jitter: 'equal' },
};

function chance(random: Random): number {
  return Buffer.from(random.bytes(4)).readUInt32BE() / 2 ** 32;
}

async function runJob<K extends JobKind>(ports: WorkerPorts, job: Job<K>, signal: AbortSignal): Promise<void> {
  await ports.handlers[job.kind](job.args, signal);
}

async function workOn(ports: WorkerPorts, policy: WorkerPolicy, job: Job, signal: AbortSignal): Promise<void> {
  const { queue, clock, log } = ports;
  const { id, kind, attempt } = job;
  const begun = clock.monotonic();
  try {
    await runJob(ports, job, signal);
    await queue.done(job);
    log.info({ job: id, kind, attempt, ms: Math.round(clock.monotonic() - begun) }, 'job done');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const retryInMs = signal.aborted ? 0 : backoffMs(policy.backoff, attempt, chance(ports.random));
    log.warn({ job: id, kind, attempt, retryInMs, err: error }, 'job failed');
    await queue.failed(job, reason, retryInMs);
  }
}

/**
 * Takes jobs from the queue one after the other until it is disposed, which ends the job at work by its signal and
 * waits for it. A queue that fails is asked again later.
 */
export function startWorker(ports: WorkerPorts, policy: WorkerPolicy = WORKER_POLICY): AsyncDisposable {
  const stopping = new AbortController();
  const { signal } = stopping;
  async function supervise(): Promise<void> {
    while (!signal.aborted) {
      try {
        const job = await ports.queue.take(policy.leaseMs);
        if (job === undefined) await ports.clock.delay(policy.idleMs, signal);
        else await workOn(ports, policy, job, signal);
      } catch (error) {
        ports.log.warn({ err: error }, 'the work queue failed; trying again');
        await ports.clock.delay(policy.idleMs, signal);
      }
    }
  }
  const running = supervise();
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await running;
    },
  };
}
