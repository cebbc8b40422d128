/** Kinds of background work and their arguments (JSON). */
export interface Jobs {
  readonly collect: Readonly<Record<string, never>>;
  readonly scrub: Readonly<Record<string, never>>;
  readonly purge: Readonly<Record<string, never>>;
  readonly repack: Readonly<Record<string, never>>;
  readonly doctor: Readonly<Record<string, never>>;
}
export type JobKind = keyof Jobs;

export interface Job<K extends JobKind = JobKind> {
  readonly id: string;
  readonly kind: K;
  readonly args: Jobs[K];
  /** 1 for the first try. */
  readonly attempt: number;
}

/**
 * At-least-once work.
 *
 * - Q1 `add` resolves when the job is durable. With a `key`, a job of the same kind and key that waits is not doubled.
 * - Q2 A taken job is hidden for its lease; when neither `done` nor `failed` comes, it is given out again.
 * - Q3 `failed` gives it out again after the delay, `maxAttempts` times, then it is dead and stays listed.
 */
export interface WorkQueue {
  add<K extends JobKind>(kind: K, args: Jobs[K], options?: { key?: string; delayMs?: number }): Promise<void>;
  take(leaseMs: number): Promise<Job | undefined>;
  done(job: Job): Promise<void>;
  failed(job: Job, reason: string, retryInMs: number): Promise<void>;
  dead(): Promise<readonly (Job & { readonly reason: string })[]>;
}
