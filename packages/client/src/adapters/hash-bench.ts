import type { Payload, StreamedChunk } from '../ports/hashing.ts';
import type { FromBench, Post, Task, ToBench } from './hash-messages.ts';
import { copyLocal } from './hash-worker-copy.ts';
import { createFrameDecoder, type FrameDecoder } from './hash-worker-decode.ts';
import { encodeBatch, encodeChunk, payloadOf, proofOf, signaturesOf } from './hash-worker-encode.ts';
import { createScanContext, scanFile, type ScanContext } from './hash-worker-scan.ts';

/** Where tasks are carried out: in a worker, and for what is tiny on the control thread itself. */
export interface Bench {
  receive(message: ToBench): void;
}

interface Job {
  aborted: boolean;
  /** Of a stream: bytes handed out and not yet taken, and who waits for that. */
  outBytes: number;
  wake: (() => void) | undefined;
  decoder: FrameDecoder | undefined;
}

export function createBench(post: Post<FromBench>): Bench {
  return new WorkBench(post);
}

class WorkBench implements Bench {
  readonly #post: Post<FromBench>;
  readonly #jobs = new Map<number, Job>();
  readonly #context = createScanContext();

  constructor(post: Post<FromBench>) {
    this.#post = post;
  }

  receive(message: ToBench): void {
    if (message.kind === 'start') {
      this.#start(message.job, message.task);
      return;
    }
    const job = this.#jobs.get(message.job);
    if (job === undefined) return;
    if (message.kind === 'abort') this.#abort(message.job, job);
    else if (message.kind === 'taken') {
      job.outBytes -= message.bytes;
      job.wake?.();
    } else this.#feed(message.job, job, message.kind === 'bytes' ? message.bytes : undefined);
  }

  #start(id: number, task: Task): void {
    const job: Job = { aborted: false, outBytes: 0, wake: undefined, decoder: undefined };
    this.#jobs.set(id, job);
    if (task.kind !== 'decode') {
      void this.#run(id, job, task);
      return;
    }
    job.decoder = createFrameDecoder(task.wanted, (indices) => this.#post({ job: id, kind: 'done', indices }, []));
  }

  async #run(id: number, job: Job, task: Task): Promise<void> {
    try {
      const value = await perform(task, { id, job, post: this.#post, context: this.#context });
      this.#post({ job: id, kind: 'result', value }, buffersOf(value));
    } catch (error) {
      this.#fail(id, error);
    } finally {
      this.#jobs.delete(id);
    }
  }

  /** @param bytes undefined: the stream has ended */
  #feed(id: number, job: Job, bytes: Uint8Array | undefined): void {
    try {
      if (bytes === undefined) {
        this.#post({ job: id, kind: 'result', value: job.decoder?.finish() }, []);
        this.#jobs.delete(id);
      } else {
        job.decoder?.push(bytes);
        this.#post({ job: id, kind: 'used', bytes }, [bytes.buffer as ArrayBuffer]);
      }
    } catch (error) {
      this.#abort(id, job);
      this.#fail(id, error);
    }
  }

  #abort(id: number, job: Job): void {
    job.aborted = true;
    job.wake?.();
    if (job.decoder === undefined) return;
    job.decoder[Symbol.dispose]();
    this.#jobs.delete(id);
  }

  #fail(id: number, error: unknown): void {
    const { message, code } = error as NodeJS.ErrnoException;
    this.#post({ job: id, kind: 'failed', message, code }, []);
  }
}

interface Performing {
  readonly id: number;
  readonly job: Job;
  readonly post: Post<FromBench>;
  readonly context: ScanContext;
}

async function perform(task: Task, { id, job, post, context }: Performing): Promise<unknown> {
  const aborted = (): boolean => job.aborted;
  switch (task.kind) {
    case 'scan': {
      const results = [];
      for (const file of task.files) {
        if (job.aborted) break;
        results.push(await scanFile(file, { context, aborted }));
      }
      return results;
    }
    case 'stream':
      return scanFile(task.file, {
        context,
        aborted,
        visit: (bytes, chunk, offset) => {
          const out: StreamedChunk = { ...chunk, offset, payload: payloadOf(bytes, chunk) };
          post({ job: id, kind: 'chunk', chunk: out }, buffersOf(out.payload));
          job.outBytes += chunk.size;
          return job.outBytes < task.windowBytes ? undefined : roomIn(job, task.windowBytes);
        },
      });
    case 'encodeBatch':
      return encodeBatch(task.sources, aborted);
    case 'encodeChunk':
      return encodeChunk(task.source);
    case 'prove':
      return proofOf(task.source, task.nonce);
    case 'sign':
      return signaturesOf(task.path, task.chunks, aborted);
    case 'copyLocal':
      return copyLocal(task.copies, aborted);
    case 'decode':
      throw new Error('A decode is fed by messages.');
  }
}

async function roomIn(job: Job, windowBytes: number): Promise<void> {
  while (job.outBytes >= windowBytes && !job.aborted)
    await new Promise<void>((resolve) => {
      job.wake = resolve;
    });
  job.wake = undefined;
}

/** Memory that a result hands over to the other thread instead of copying it. */
function buffersOf(value: unknown): readonly ArrayBuffer[] {
  const payload = value as Partial<Payload & { body: Uint8Array }> | undefined | null;
  const bytes =
    payload?.body ?? (payload?.form === 'raw' ? payload.bytes : payload?.form === 'frame' ? payload.frame : undefined);
  return bytes === undefined ? [] : [bytes.buffer as ArrayBuffer];
}
