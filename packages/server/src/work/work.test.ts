import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '../ports/clock.ts';
import type { Job, JobKind, WorkQueue } from '../ports/work-queue.ts';
import { startSchedule } from './schedule.ts';
import { startWorker, type JobHandlers, type WorkLog } from './worker.ts';

const log: WorkLog = { info: () => undefined, warn: () => undefined };
const random = { bytes: (length: number) => new Uint8Array(length) };

/** Time that passes only when the test says so. */
function manualClock() {
  let at = 0;
  const sleepers = new Set<{ readonly due: number; readonly wake: () => void }>();
  const clock: Clock = {
    now: () => at,
    monotonic: () => at,
    delay: (ms, signal) =>
      new Promise<void>((resolve) => {
        if (signal?.aborted) return resolve();
        const sleeper = { due: at + ms, wake: resolve };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', () => resolve(), { once: true });
      }),
  };
  async function advance(ms: number): Promise<void> {
    at += ms;
    for (const sleeper of sleepers)
      if (sleeper.due <= at) {
        sleepers.delete(sleeper);
        sleeper.wake();
      }
    await new Promise(setImmediate);
  }
  return { clock, advance };
}

/** The queue of one worker, in memory, by the rules Q1 to Q3. */
function memoryQueue(clock: Clock, maxAttempts = 3) {
  const waiting: { job: Job; due: number; key: string | undefined }[] = [];
  const dead: (Job & { reason: string })[] = [];
  const events: string[] = [];
  const queue: WorkQueue = {
    async add(kind, args, options) {
      if (options?.key !== undefined && waiting.some((each) => each.job.kind === kind && each.key === options.key))
        return;
      waiting.push({
        job: { id: `${kind}-${events.length}`, kind, args, attempt: 1 },
        due: clock.now(),
        key: options?.key,
      });
      events.push(`add ${kind}`);
    },
    async take() {
      const at = waiting.findIndex(({ due }) => due <= clock.now());
      return at < 0 ? undefined : waiting.splice(at, 1)[0]?.job;
    },
    async done(job) {
      events.push(`done ${job.kind}`);
    },
    async failed(job, reason, retryInMs) {
      events.push(`failed ${job.kind} ${reason}`);
      if (job.attempt >= maxAttempts) dead.push({ ...job, reason });
      else waiting.push({ job: { ...job, attempt: job.attempt + 1 }, due: clock.now() + retryInMs, key: undefined });
    },
    dead: async () => dead,
  };
  return { queue, events, dead };
}

function handlersWith(own: Partial<JobHandlers>): JobHandlers {
  const nothing = async (): Promise<void> => undefined;
  return { collect: nothing, scrub: nothing, purge: nothing, repack: nothing, doctor: nothing, ...own };
}

const turn = async (): Promise<void> => {
  for (let count = 0; count < 5; count++) await new Promise(setImmediate);
};

test('Q3 a failing job is tried again after a growing wait and ends among the dead', async () => {
  const { clock, advance } = manualClock();
  const { queue, events, dead } = memoryQueue(clock);
  const at: number[] = [];
  await queue.add('collect', {});
  await using stack = new AsyncDisposableStack();
  stack.use(
    startWorker({
      queue,
      clock,
      random,
      log,
      handlers: handlersWith({
        async collect() {
          at.push(clock.now());
          throw new Error('planted');
        },
      }),
    }),
  );
  for (let step = 0; step < 20; step++) {
    await turn();
    await advance(5000);
  }
  assert.deepEqual(events, ['add collect', ...Array.from({ length: 3 }, () => 'failed collect planted')]);
  assert.equal(dead.length, 1);
  const [first = 0, second = 0, third = 0] = at;
  assert.ok(third - second > second - first);
});

test('a stopped worker ends its job by the signal, gives it back and stops', async () => {
  const { clock } = manualClock();
  const { queue, events } = memoryQueue(clock);
  await queue.add('scrub', {});
  let begun = false;
  const worker = startWorker({
    queue,
    clock,
    random,
    log,
    handlers: handlersWith({
      scrub: (_args, signal) =>
        new Promise((_, reject) => {
          begun = true;
          signal.addEventListener('abort', () => reject(new Error('stopped')));
        }),
    }),
  });
  await turn();
  assert.equal(begun, true);
  await worker[Symbol.asyncDispose]();
  assert.deepEqual(events, ['add scrub', 'failed scrub stopped']);
});

test('a queue that fails is asked again', async () => {
  const { clock, advance } = manualClock();
  const { queue, events } = memoryQueue(clock);
  await queue.add('purge', {});
  let faults = 2;
  const flaky: WorkQueue = {
    ...queue,
    take(leaseMs) {
      return faults-- > 0 ? Promise.reject(new Error('planted')) : queue.take(leaseMs);
    },
  };
  await using stack = new AsyncDisposableStack();
  stack.use(startWorker({ queue: flaky, clock, random, log, handlers: handlersWith({}) }));
  for (let step = 0; step < 3; step++) {
    await turn();
    await advance(5000);
  }
  await turn();
  assert.deepEqual(events, ['add purge', 'done purge']);
});

test('Q1 periodic jobs are queued each at its interval and not doubled while one waits', async () => {
  const { clock, advance } = manualClock();
  const { queue, events } = memoryQueue(clock);
  const schedule = startSchedule(
    { queue, clock, log },
    { collect: 100, scrub: 1000, purge: 1000, repack: 1000, doctor: 1000 },
  );
  await advance(60_000);
  const count = (kind: JobKind): number => events.filter((event) => event === `add ${kind}`).length;
  assert.deepEqual([count('collect'), count('scrub')], [1, 1]);
  await advance(100);
  assert.equal(count('collect'), 1);
  await queue.take(1000);
  await advance(100);
  assert.deepEqual([count('collect'), count('scrub')], [2, 1]);
  await schedule[Symbol.asyncDispose]();
  await queue.take(1000);
  await advance(10_000);
  assert.equal(count('collect'), 2);
});
