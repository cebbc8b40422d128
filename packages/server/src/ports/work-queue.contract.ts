import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WorkQueue } from './work-queue.ts';

export interface QueueUnderTest extends AsyncDisposable {
  readonly queue: WorkQueue;
  /** Lets this time pass, for the queue. */
  pass(ms: number): Promise<void>;
  /** The queue as a process sees it that has just started. */
  reopen(): Promise<WorkQueue>;
}

const LEASE = 1000;
/** What the queue under test must be made with. */
export const CONTRACT_ATTEMPTS = 3;

/** The rules of `WorkQueue`, run against one adapter. */
export function workQueueContract(name: string, open: () => Promise<QueueUnderTest>): void {
  test(`${name}: Q1 a job is given out once, and survives a restart`, async () => {
    await using setup = await open();
    assert.equal(await setup.queue.take(LEASE), undefined);
    await setup.queue.add('scrub', {});
    const queue = await setup.reopen();
    const job = await queue.take(LEASE);
    assert.equal(job?.kind, 'scrub');
    assert.equal(job?.attempt, 1);
    assert.equal(await queue.take(LEASE), undefined);
    await queue.done(job!);
    await setup.pass(2 * LEASE);
    assert.equal(await queue.take(LEASE), undefined);
  });

  test(`${name}: Q1 a job with the key of one that waits is not doubled`, async () => {
    await using setup = await open();
    await Promise.all([setup.queue.add('purge', {}, { key: 'k' }), setup.queue.add('purge', {}, { key: 'k' })]);
    await setup.queue.add('purge', {}, { key: 'other' });
    await setup.queue.add('scrub', {}, { key: 'k' });
    const kinds: string[] = [];
    for (let job = await setup.queue.take(LEASE); job !== undefined; job = await setup.queue.take(LEASE))
      kinds.push(job.kind);
    assert.deepEqual(kinds.sort(), ['purge', 'purge', 'scrub']);
    await setup.queue.add('purge', {}, { key: 'k' });
    assert.equal((await setup.queue.take(LEASE))?.kind, 'purge', 'one that is taken does not wait any more');
  });

  test(`${name}: Q1 a delayed job is not given out early, and those that are due come in order`, async () => {
    await using setup = await open();
    await setup.queue.add('scrub', {}, { delayMs: 500 });
    assert.equal(await setup.queue.take(LEASE), undefined);
    await setup.pass(100);
    await setup.queue.add('collect', {});
    await setup.pass(500);
    assert.equal((await setup.queue.take(LEASE))?.kind, 'collect');
    assert.equal((await setup.queue.take(LEASE))?.kind, 'scrub');
  });

  test(`${name}: Q2 a job whose worker died is given out again after the lease`, async () => {
    await using setup = await open();
    await setup.queue.add('collect', {});
    const first = await setup.queue.take(LEASE);
    await setup.pass(LEASE - 1);
    assert.equal(await setup.queue.take(LEASE), undefined);
    await setup.pass(1);
    const second = await setup.queue.take(LEASE);
    assert.equal(second?.id, first?.id);
    assert.equal(second?.attempt, 2);
    await setup.queue.done(first!);
    await setup.pass(LEASE);
    const third = await setup.queue.take(LEASE);
    assert.equal(third?.attempt, 3, 'who has lost the lease cannot end the job');
  });

  test(`${name}: Q3 a failed job comes again after its delay and is dead after the last try`, async () => {
    await using setup = await open();
    await setup.queue.add('repack', {}, { key: 'k' });
    for (let attempt = 1; attempt <= CONTRACT_ATTEMPTS; attempt++) {
      const job = await setup.queue.take(LEASE);
      assert.equal(job?.attempt, attempt);
      await setup.queue.failed(job!, `reason ${attempt}`, 300);
      assert.equal(await setup.queue.take(LEASE), undefined);
      await setup.pass(300);
    }
    assert.equal(await setup.queue.take(LEASE), undefined);
    const dead = await setup.queue.dead();
    assert.deepEqual(
      dead.map((job) => [job.kind, job.reason]),
      [['repack', `reason ${CONTRACT_ATTEMPTS}`]],
    );
  });

  test(`${name}: Q3 a job that kills each worker ends dead too`, async () => {
    await using setup = await open();
    await setup.queue.add('repack', {});
    for (let attempt = 1; attempt <= CONTRACT_ATTEMPTS; attempt++) {
      assert.equal((await setup.queue.take(LEASE))?.attempt, attempt);
      await setup.pass(LEASE);
    }
    assert.equal(await setup.queue.take(LEASE), undefined);
    assert.equal((await setup.queue.dead()).length, 1);
  });

  test(`${name}: Q3 a failing job whose key waits again does not get in its way`, async () => {
    await using setup = await open();
    await setup.queue.add('purge', {}, { key: 'k' });
    const job = await setup.queue.take(LEASE);
    await setup.queue.add('purge', {}, { key: 'k' });
    await setup.queue.failed(job!, 'once', 0);
    const attempts = [(await setup.queue.take(LEASE))?.attempt, (await setup.queue.take(LEASE))?.attempt];
    assert.deepEqual(attempts.sort(), [1, 2]);
  });
}
