import { Buffer } from 'node:buffer';
import { statSync } from 'node:fs';
import { Worker, type Transferable } from 'node:worker_threads';
import type { DecodeOutcome, DecodePlan, Decoder, Hashing, StreamedChunk, TakeChunk } from '../ports/hashing.ts';
import { createBench } from './hash-bench.ts';
import type { FromBench, Task, ToBench } from './hash-messages.ts';

export interface HashPoolOptions {
  /** Threads at most. Default 2. */
  readonly threads?: number;
  /** A thread without work ends after so long. Default 10 s. */
  readonly idleMs?: number;
  /** Bytes of chunks handed out by `stream` and not yet taken. Default 24 MiB. */
  readonly windowBytes?: number;
  /** The worker's file, where a bundle has put it elsewhere. */
  readonly workerUrl?: URL;
}

/** Work up to this size takes less time than starting a thread or waiting for one: it is done on the spot. */
const ON_THE_SPOT_BYTES = 64 * 1024;
const ON_THE_SPOT_ITEMS = 8;
const DECODE_BLOCK_BYTES = 512 * 1024;
const DECODE_BLOCKS = 16;

/** Who is told what a bench says of one job. */
interface Job {
  readonly heard: (message: FromBench) => void;
  readonly failed: (error: Error) => void;
  readonly weight: number;
}

interface Place {
  post(message: ToBench, transfer: readonly ArrayBuffer[]): void;
  readonly jobs: Map<number, Job>;
  weight: number;
}

interface Thread extends Place {
  readonly worker: Worker;
  idle: NodeJS.Timeout | undefined;
}

/** Hashing on worker threads that are started on demand and end when idle (G5). */
export function createHashPool(options: HashPoolOptions = {}): Hashing {
  const pool = new Pool(options);
  const run = <T>(task: Task, signal: AbortSignal): Promise<T> => pool.run(task, signal) as Promise<T>;
  return {
    scan: (files, signal) => run({ kind: 'scan', files }, signal),
    stream: (file, take, signal) => pool.stream(file, take, signal),
    encodeBatch: (sources, signal) => run({ kind: 'encodeBatch', sources }, signal),
    encodeChunk: (source, signal) => run({ kind: 'encodeChunk', source }, signal),
    prove: (source, nonce, signal) => run({ kind: 'prove', source, nonce }, signal),
    sign: (path, chunks, signal) => run({ kind: 'sign', path, chunks }, signal),
    copyLocal: (copies, signal) => run({ kind: 'copyLocal', copies }, signal),
    openDecoder: (plan, signal) => pool.decoder(plan, signal),
    [Symbol.asyncDispose]: () => pool.end(),
  };
}

class Pool {
  readonly #options: HashPoolOptions;
  readonly #threads = new Set<Thread>();
  readonly #onTheSpot: Place;
  #lastJob = 0;

  constructor(options: HashPoolOptions) {
    this.#options = options;
    const jobs = new Map<number, Job>();
    const bench = createBench((message) => tell(this.#onTheSpot, message));
    this.#onTheSpot = { jobs, weight: 0, post: (message) => bench.receive(message) };
  }

  async end(): Promise<void> {
    await Promise.all([...this.#threads].map(({ worker }) => worker.terminate()));
  }

  run(task: Task, signal: AbortSignal, hear?: (message: FromBench, place: Place) => void): Promise<unknown> {
    signal.throwIfAborted();
    const place = this.#placeFor(task);
    const job = this.#open(place, weightOf(task), signal, (message) => hear?.(message, place));
    place.post({ job: job.id, kind: 'start', task }, []);
    return job.ended;
  }

  async stream(
    file: Parameters<Hashing['stream']>[0],
    take: TakeChunk,
    signal: AbortSignal,
  ): ReturnType<Hashing['stream']> {
    const { windowBytes = 24 * 1024 * 1024 } = this.#options;
    const failing = new AbortController();
    const either = AbortSignal.any([signal, failing.signal]);
    const pending = new Set<Promise<void>>();
    const result = await this.run({ kind: 'stream', file, windowBytes }, either, (message, place) => {
      if (message.kind !== 'chunk') return;
      const taken = (): void => place.post({ job: message.job, kind: 'taken', bytes: message.chunk.size }, []);
      const taking = handOut(take, message.chunk);
      if (taking === undefined) {
        taken();
        return;
      }
      const settled = taking
        .then(taken, (error: unknown) => failing.abort(error))
        .finally(() => pending.delete(settled));
      pending.add(settled);
    });
    await Promise.all([handOut(take, undefined), ...pending]);
    either.throwIfAborted();
    return result as Awaited<ReturnType<Hashing['stream']>>;
  }

  decoder(plan: DecodePlan, signal: AbortSignal): Decoder {
    signal.throwIfAborted();
    const task: Task = { kind: 'decode', wanted: plan.wanted };
    const place = this.#placeFor(task);
    const feed = new DecoderFeed(weightOf(task), (message, transfer) =>
      place.post({ ...message, job: job.id }, transfer),
    );
    const job = this.#open(place, weightOf(task), signal, (message) => {
      if (message.kind === 'done') plan.done(message.indices);
      else if (message.kind === 'used') feed.used(message.bytes);
    });
    place.post({ job: job.id, kind: 'start', task }, []);
    job.ended.catch((error: unknown) => feed.fail(error));
    return {
      push: (bytes) => feed.push(bytes),
      finish: () => {
        feed.finish();
        return job.ended as Promise<DecodeOutcome>;
      },
    };
  }

  #open(place: Place, weight: number, signal: AbortSignal, hear: (message: FromBench) => void) {
    const id = ++this.#lastJob;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const close = (): void => {
      signal.removeEventListener('abort', abort);
      if (place.jobs.delete(id)) place.weight -= weight;
      this.#rest(place);
    };
    const abort = (): void => {
      place.post({ job: id, kind: 'abort' }, []);
      close();
      reject(signal.reason);
    };
    signal.addEventListener('abort', abort, { once: true });
    place.weight += weight;
    place.jobs.set(id, {
      weight,
      heard(message) {
        if (message.kind === 'result') {
          close();
          resolve(message.value);
        } else if (message.kind === 'failed') {
          close();
          reject(Object.assign(new Error(message.message), message.code === undefined ? {} : { code: message.code }));
        } else hear(message);
      },
      failed(error) {
        close();
        reject(error);
      },
    });
    return { id, ended: promise };
  }

  #placeFor(task: Task): Place {
    if (isTiny(task)) return this.#onTheSpot;
    let least: Thread | undefined;
    for (const thread of this.#threads) if (least === undefined || thread.weight < least.weight) least = thread;
    const { threads = 2 } = this.#options;
    const thread = least === undefined || (least.weight > 0 && this.#threads.size < threads) ? this.#start() : least;
    clearTimeout(thread.idle);
    thread.idle = undefined;
    thread.worker.ref();
    return thread;
  }

  #start(): Thread {
    const url = this.#options.workerUrl ?? new URL('./hash-worker.ts', import.meta.url);
    const worker = new Worker(url, { resourceLimits: { maxOldGenerationSizeMb: 96, maxYoungGenerationSizeMb: 8 } });
    const thread: Thread = {
      worker,
      jobs: new Map(),
      weight: 0,
      idle: undefined,
      post: (message, transfer) => worker.postMessage(message, transfer as Transferable[]),
    };
    this.#threads.add(thread);
    const gone = (error: Error): void => {
      this.#threads.delete(thread);
      clearTimeout(thread.idle);
      thread.jobs.forEach((job) => job.failed(error));
    };
    worker.on('message', (message: FromBench) => tell(thread, message));
    worker.on('error', (error) => gone(error as Error));
    worker.on('exit', (code) => gone(new Error(`A hashing thread ended with code ${code}.`)));
    return thread;
  }

  /** A thread without jobs no longer keeps the process alive, and ends after a while. */
  #rest(place: Place): void {
    const thread = [...this.#threads].find((candidate) => candidate === place);
    if (thread === undefined || thread.jobs.size > 0 || thread.idle !== undefined) return;
    thread.worker.unref();
    thread.idle = setTimeout(() => {
      this.#threads.delete(thread);
      void thread.worker.terminate();
    }, this.#options.idleMs ?? 10_000).unref();
  }
}

function tell(place: Place, message: FromBench): void {
  place.jobs.get(message.job)?.heard(message);
}

/** What `take` throws at once counts like what its promise rejects with. */
function handOut(take: TakeChunk, chunk: StreamedChunk | undefined): Promise<void> | undefined {
  try {
    return take(chunk);
  } catch (error) {
    return Promise.reject(error as Error);
  }
}

type PostBytes = (
  message: { readonly kind: 'bytes'; readonly bytes: Uint8Array } | { readonly kind: 'end' },
  transfer: readonly ArrayBuffer[],
) => void;

/** Gathers a stream into blocks that change threads without being copied again. */
class DecoderFeed {
  readonly #post: PostBytes;
  readonly #blockBytes: number;
  readonly #free: Buffer[] = [];
  #block: Buffer | undefined;
  #filled = 0;
  #out = 0;
  #waiting: PromiseWithResolvers<void> | undefined;
  #failure: { readonly error: unknown } | undefined;

  /** @param expectedBytes of the whole stream, so that a short one takes little memory */
  constructor(expectedBytes: number, post: PostBytes) {
    this.#post = post;
    this.#blockBytes = Math.min(DECODE_BLOCK_BYTES, expectedBytes + 4096);
  }

  push(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#failure !== undefined) throw this.#failure.error;
    for (let at = 0; at < bytes.length;) {
      this.#block ??= this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#blockBytes);
      const length = Math.min(bytes.length - at, this.#block.length - this.#filled);
      this.#block.set(bytes.subarray(at, at + length), this.#filled);
      this.#filled += length;
      at += length;
      if (this.#filled === this.#block.length) this.#flush();
    }
    if (this.#out < DECODE_BLOCKS) return undefined;
    this.#waiting ??= Promise.withResolvers();
    return this.#waiting.promise;
  }

  finish(): void {
    if (this.#failure !== undefined) return;
    this.#flush();
    this.#post({ kind: 'end' }, []);
  }

  used(bytes: Uint8Array): void {
    this.#out--;
    if (this.#free.length < 4) this.#free.push(Buffer.from(bytes.buffer));
    if (this.#out >= DECODE_BLOCKS / 2) return;
    this.#waiting?.resolve();
    this.#waiting = undefined;
  }

  fail(error: unknown): void {
    this.#failure = { error };
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }

  #flush(): void {
    const block = this.#block;
    if (block === undefined || this.#filled === 0) return;
    const bytes = block.subarray(0, this.#filled);
    this.#block = undefined;
    this.#filled = 0;
    this.#out++;
    this.#post({ kind: 'bytes', bytes }, [block.buffer as ArrayBuffer]);
  }
}

const sum = (sizes: readonly number[]): number => sizes.reduce((total, size) => total + size, 0);

/** Bytes that a task handles, as far as that is known, to share the work out. */
function weightOf(task: Task): number {
  switch (task.kind) {
    case 'scan':
      return 1 + sum(task.files.map(({ base }) => 1024 + sum((base ?? []).map(({ size }) => size))));
    case 'stream':
      return 64 * 1024 * 1024;
    case 'encodeBatch':
      return 1 + sum(task.sources.map(({ size }) => size));
    case 'encodeChunk':
    case 'prove':
      return task.source.size;
    case 'sign':
      return 1 + 4 * sum(task.chunks.map(({ size }) => size));
    case 'copyLocal':
      return 1 + sum(task.copies.map(({ size }) => size));
    case 'decode':
      return 1 + sum(task.wanted.map(({ size, base }) => size + (base?.size ?? 0)));
  }
}

function isTiny(task: Task): boolean {
  if (task.kind === 'stream') return false;
  if (task.kind !== 'scan') return itemsOf(task) <= ON_THE_SPOT_ITEMS && weightOf(task) <= ON_THE_SPOT_BYTES;
  if (task.files.length > ON_THE_SPOT_ITEMS) return false;
  return sum(task.files.map(({ path }) => sizeOnDisk(path))) <= ON_THE_SPOT_BYTES;
}

function itemsOf(task: Exclude<Task, { kind: 'stream' | 'scan' }>): number {
  if (task.kind === 'encodeBatch') return task.sources.length;
  if (task.kind === 'copyLocal') return task.copies.length;
  if (task.kind === 'decode') return task.wanted.length;
  return task.kind === 'sign' ? task.chunks.length : 1;
}

function sizeOnDisk(path: string): number {
  try {
    return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  } catch {
    return 0; // what is wrong with it is told by the scan
  }
}
