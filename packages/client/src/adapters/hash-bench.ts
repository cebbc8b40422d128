import { bytesOf, copyBytes } from './hash-memory.ts';
import type { FromBench, Post, SharedBytes, Task, ToBench } from './hash-messages.ts';
import { Ring } from './hash-ring.ts';
import { copyLocal } from './hash-worker-copy.ts';
import { createFrameDecoder, type FrameDecoder } from './hash-worker-decode.ts';
import { encodeBatch, encodeChunk, encodedForm, proofOf, signaturesOf } from './hash-worker-encode.ts';
import { createScanContext, scanFile, type ScanContext } from './hash-worker-scan.ts';
import { standingChunks } from './hash-worker-standing.ts';
import type { ChunkAt, StreamRequest } from '../ports/hashing.ts';

/** Where tasks are carried out: in a worker, and for what is tiny on the control thread itself. */
export interface Bench {
  receive(message: ToBench): void;
}

interface Job {
  aborted: boolean;
  ring: Ring | undefined;
  /** Of a stream that waits for room in its ring. */
  wake: (() => void) | undefined;
  decoder: FrameDecoder | undefined;
}

export function createBench(post: Post<FromBench>): Bench {
  return new WorkBench(post);
}

class WorkBench implements Bench {
  readonly #post: Post<FromBench>;
  readonly #jobs = new Map<number, Job>();
  readonly #context: ScanContext = createScanContext();

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
      job.ring?.giveBack(message.from);
      job.wake?.();
    } else this.#feed(message.job, job, message.kind === 'bytes' ? message.block : undefined);
  }

  #start(id: number, task: Task): void {
    const job: Job = { aborted: false, ring: undefined, wake: undefined, decoder: undefined };
    this.#jobs.set(id, job);
    if (task.kind === 'decode')
      job.decoder = createFrameDecoder(task.wanted, (indices) => this.#post({ job: id, kind: 'done', indices }, []));
    else void this.#run(id, job, task);
  }

  async #run(id: number, job: Job, task: Task): Promise<void> {
    try {
      const value = await this.#perform(task, id, job);
      const body = (value as { body?: Uint8Array } | undefined)?.body;
      this.#post({ job: id, kind: 'result', value }, body === undefined ? [] : [body.buffer as ArrayBuffer]);
    } catch (error) {
      this.#fail(id, error);
    } finally {
      this.#jobs.delete(id);
    }
  }

  async #perform(task: Task, id: number, job: Job): Promise<unknown> {
    const aborted = (): boolean => job.aborted;
    switch (task.kind) {
      case 'scan': {
        const results = [];
        for (const file of task.files) {
          if (job.aborted) break;
          results.push(await scanFile(file, { context: this.#context, aborted }));
        }
        return results;
      }
      case 'stand':
        return standingChunks(task, { context: this.#context, aborted });
      case 'stream':
        return this.#stream(task.file, id, job, task.ring);
      case 'encodeBatch':
        return encodeBatch(task.sources, aborted);
      case 'encodeChunk':
        return encodeChunk(task.source, bytesOf(task.room));
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

  #stream(file: StreamRequest, id: number, job: Job, memory: SharedBytes): Promise<unknown> {
    const ring = new Ring({ ...memory, [Symbol.dispose]: () => undefined });
    job.ring = ring;
    const handOut = (bytes: Uint8Array, form: 'raw' | 'frame', chunk: ChunkAt): boolean => {
      const room = ring.take(bytes.length);
      if (room === undefined) return false;
      copyBytes(bytes, room.bytes);
      const encoded = { form, length: bytes.length };
      this.#post({ job: id, kind: 'chunk', chunk, encoded, piece: room.piece }, []);
      return true;
    };
    return scanFile(file, {
      context: this.#context,
      aborted: () => job.aborted,
      visit: (raw, ref, offset) => {
        const chunk = { ...ref, offset };
        const { bytes, form } = encodedForm(raw, ref);
        return handOut(bytes, form, chunk) ? undefined : roomFor(job, () => handOut(bytes, form, chunk));
      },
    });
  }

  /** @param block undefined: the stream has ended */
  #feed(id: number, job: Job, block: SharedBytes | undefined): void {
    try {
      if (block === undefined) {
        this.#post({ job: id, kind: 'result', value: job.decoder?.finish() }, []);
        this.#jobs.delete(id);
      } else {
        job.decoder?.push(bytesOf(block));
        this.#post({ job: id, kind: 'used' }, []);
      }
    } catch (error) {
      this.#endDecode(id, job, error);
    }
  }

  #abort(id: number, job: Job): void {
    job.aborted = true;
    job.wake?.();
    if (job.decoder !== undefined) this.#endDecode(id, job, new Error('The decode was aborted.'));
  }

  #endDecode(id: number, job: Job, error: unknown): void {
    job.decoder?.[Symbol.dispose]();
    this.#jobs.delete(id);
    this.#fail(id, error);
  }

  #fail(id: number, error: unknown): void {
    const { message, code } = error as NodeJS.ErrnoException;
    this.#post({ job: id, kind: 'failed', message, code }, []);
  }
}

/** Tries again whenever something came back. */
async function roomFor(job: Job, tried: () => boolean): Promise<void> {
  while (!job.aborted && !tried())
    await new Promise<void>((resolve) => {
      job.wake = resolve;
    });
  job.wake = undefined;
}
