import { Worker } from 'node:worker_threads';
import { callError } from './native-calls.ts';

/** A thread without work ends after so long. */
const IDLE_MS = 10_000;

interface Waiting {
  readonly path: string;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * Flushes file systems on a thread of its own, since syncfs may block for seconds. Starting a program for it copies
 * the page tables of this process each time: a twentieth of the CPU time of a receiver of many files.
 */
export class FlushThread {
  #worker: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;
  /** The first one is being worked on. */
  readonly #waiting: Waiting[] = [];

  /** All that was written to the file system of `path` before is on the disk when this resolves. */
  flush(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ path, resolve, reject });
      if (this.#waiting.length === 1) this.#next();
    });
  }

  #next(): void {
    clearTimeout(this.#idle);
    const [first] = this.#waiting;
    if (first === undefined) {
      this.#idle = setTimeout(() => void this.#end(), IDLE_MS).unref();
      this.#worker?.unref();
      return;
    }
    const worker = (this.#worker ??= this.#start());
    worker.ref();
    worker.postMessage(first.path, []);
  }

  #start(): Worker {
    const worker = new Worker(new URL('flush-worker.ts', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 2 },
    });
    worker.on('message', (code: string | undefined) => {
      const done = this.#waiting.shift();
      if (code === undefined) done?.resolve();
      else done?.reject(callError(code, 'syncfs', [done.path]));
      this.#next();
    });
    worker.on('error', (error: Error) => this.#failed(worker, error));
    worker.on('exit', (code) => this.#failed(worker, new Error(`The flushing thread ended with code ${code}.`)));
    return worker;
  }

  #failed(worker: Worker, error: Error): void {
    if (worker !== this.#worker) return;
    this.#worker = undefined;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  async #end(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }
}
