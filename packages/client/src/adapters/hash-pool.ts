import { isDeepStrictEqual } from 'node:util';
import { Worker } from 'node:worker_threads';
import { chunkRanges, totalSize, type Manifest } from '@satchel/core/manifest.ts';
import type {
  ChunkAt,
  ChunkSource,
  DecodeOutcome,
  DecodePlan,
  Decoder,
  Hashing,
  Payload,
  ScanRequest,
  ScanResult,
  StreamedChunk,
  StreamRequest,
  TakeChunk,
} from '../ports/hashing.ts';
import { createBench } from './hash-bench.ts';
import { DecoderFeed } from './hash-feed.ts';
import { bytesOf, createSharedMemory, type Region } from './hash-memory.ts';
import type { Encoded, FromBench, LongScan, Task, ToBench } from './hash-messages.ts';
import { isTiny, weightOf } from './hash-task-weight.ts';
import type { Standing } from './hash-worker-standing.ts';

export interface HashPoolOptions {
  /** Threads at most. Default 2. */
  readonly threads?: number;
  /** A thread without work ends after so long. Default 10 s. */
  readonly idleMs?: number;
  /** The worker's file, where a bundle has put it elsewhere. */
  readonly workerUrl?: URL;
}

/** G4: chunks on their way up, those of streams, and blocks on their way down. Only what is used becomes resident. */
const UP_BYTES = 24 * 1024 * 1024;
const RING_BYTES = 32 * 1024 * 1024;
const STREAMS = 2;
const THREADS = 2;
const DOWN_BYTES = 10 * 1024 * 1024;

/** Parts of a file of which an earlier version is known, for one thread each time. */
const PART_BYTES = 32 * 1024 * 1024;

/** What is told of one job. */
interface JobListener {
  /** Messages before the last one. */
  readonly hear?: (message: FromBench, place: Place) => void;
  /** The bench has done with it and touches none of its memory any more. */
  readonly ended?: (error?: Error) => void;
}

interface Job {
  readonly heard: (message: FromBench) => void;
  readonly failed: (error: Error) => void;
}

interface Place {
  post(message: ToBench): void;
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
  const run = <T>(task: Task, signal: AbortSignal): Promise<T> => pool.run(task, signal).ended as Promise<T>;
  return {
    scan: (files, signal) => pool.scan(files, signal),
    stream: (file, take, signal) => pool.stream(file, take, signal),
    encodeBatch: async (sources, signal) => run({ kind: 'encodeBatch', sources }, signal),
    encodeChunk: (source, signal) => pool.encodeChunk(source, signal),
    prove: async (source, nonce, signal) => run({ kind: 'prove', source, nonce }, signal),
    sign: async (path, chunks, signal) => run({ kind: 'sign', path, chunks }, signal),
    copyLocal: async (copies, signal) => run({ kind: 'copyLocal', copies }, signal),
    openDecoder: (plan, signal) => pool.decoder(plan, signal),
    [Symbol.asyncDispose]: () => pool.end(),
  };
}

class Pool {
  readonly #options: HashPoolOptions;
  readonly #threads = new Set<Thread>();
  readonly #onTheSpot: Place;
  readonly #up = createSharedMemory(UP_BYTES);
  readonly #rings = createSharedMemory(STREAMS * RING_BYTES);
  readonly #down = createSharedMemory(DOWN_BYTES);
  #lastJob = 0;

  constructor(options: HashPoolOptions) {
    this.#options = options;
    const bench = createBench((message) => tell(this.#onTheSpot, message));
    this.#onTheSpot = { jobs: new Map(), weight: 0, post: (message) => bench.receive(message) };
  }

  async end(): Promise<void> {
    await Promise.all([...this.#threads].map(({ worker }) => worker.terminate()));
  }

  run(task: Task, signal: AbortSignal, listener: JobListener = {}) {
    const place = this.#placeFor(task);
    const id = ++this.#lastJob;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const weight = weightOf(task);
    const abort = (): void => {
      place.post({ job: id, kind: 'abort' });
      reject(signal.reason);
    };
    const close = (error?: Error): void => {
      signal.removeEventListener('abort', abort);
      if (!place.jobs.delete(id)) return;
      place.weight -= weight;
      listener.ended?.(error);
      this.#rest(place);
    };
    const failed = (error: Error): void => {
      reject(error);
      close(error);
    };
    place.weight += weight;
    place.jobs.set(id, {
      failed,
      heard(message) {
        if (message.kind === 'failed') failed(faultOf(message));
        else if (message.kind !== 'result') listener.hear?.(message, place);
        else {
          close();
          resolve(message.value);
        }
      },
    });
    signal.addEventListener('abort', abort, { once: true });
    place.post({ job: id, kind: 'start', task });
    if (signal.aborted) abort();
    return { ended: promise, post: (message: JobMessage) => place.post({ ...message, job: id }) };
  }

  async scan(files: readonly ScanRequest[], signal: AbortSignal): Promise<readonly ScanResult[]> {
    const scan = async (asked: readonly LongScan[]) =>
      (await this.run({ kind: 'scan', files: asked }, signal).ended) as readonly ScanResult[];
    const [file] = files;
    const parts = files.length === 1 && file?.base !== undefined ? partsOf(file.base) : [];
    if (file === undefined || parts.length < 2) return scan(files);
    // What is as it was is looked for on all threads; the scan itself then reads only what is left.
    const seen = await this.#seeParts(file, parts, signal);
    const [result] = await scan([{ ...file, standing: seen.flatMap((part) => part.chunks) }]);
    return result === undefined ? [] : [asOne(result, seen)];
  }

  async #seeParts(
    { path, base = [] }: ScanRequest,
    parts: readonly (readonly ChunkAt[])[],
    signal: AbortSignal,
  ): Promise<readonly Standing[]> {
    const baseBytes = totalSize(base);
    const seen: Standing[] = [];
    const queue = parts.values();
    const one = async (): Promise<void> => {
      for (const chunks of queue) {
        const part = await this.run({ kind: 'stand', path, chunks, baseBytes }, signal).ended;
        if (part !== undefined) seen.push(part as Standing);
      }
    };
    await Promise.all(Array.from({ length: this.#threadsAtMost }, one));
    return seen;
  }

  async encodeChunk(source: ChunkSource, signal: AbortSignal): Promise<(Payload & Disposable) | undefined> {
    const region = await this.#up.take(source.size, signal);
    // The room is free when the bench has done with it and nobody wants what lies there.
    let isUnwanted = false;
    let hasEnded = false;
    const ended = (error?: Error): void => {
      hasEnded = true;
      if (isUnwanted || error !== undefined) region[Symbol.dispose]();
    };
    try {
      const task: Task = { kind: 'encodeChunk', source, room: plain(region) };
      const encoded = (await this.run(task, signal, { ended }).ended) as Encoded | undefined;
      if (encoded !== undefined) return payloadIn(region, encoded);
      region[Symbol.dispose]();
      return undefined;
    } catch (error) {
      isUnwanted = true;
      if (hasEnded) region[Symbol.dispose]();
      throw error;
    }
  }

  async stream(file: StreamRequest, take: TakeChunk, signal: AbortSignal): ReturnType<Hashing['stream']> {
    const failing = new AbortController();
    const either = AbortSignal.any([signal, failing.signal]);
    const region = await this.#rings.take(RING_BYTES, signal);
    const pending = new Set<Promise<void>>();
    const hear = (message: FromBench, place: Place): void => {
      if (message.kind !== 'chunk' || either.aborted) return;
      const { job, chunk, encoded, piece } = message;
      const bytes = bytesOf({ ...plain(region), offset: region.offset + piece.from }, piece.length);
      const taken = (): void => place.post({ job, kind: 'taken', from: piece.from });
      const taking = handOut(take, { ...chunk, payload: { form: encoded.form, bytes } });
      if (taking === undefined) {
        taken();
        return;
      }
      const settled = taking
        .then(taken, (error: unknown) => failing.abort(error))
        .finally(() => pending.delete(settled));
      pending.add(settled);
    };
    const read = Promise.withResolvers<void>();
    try {
      const task: Task = { kind: 'stream', file, ring: plain(region) };
      const result = await this.run(task, either, { hear, ended: () => read.resolve() }).ended;
      await Promise.all([handOut(take, undefined), ...pending]);
      either.throwIfAborted();
      return result as Awaited<ReturnType<Hashing['stream']>>;
    } finally {
      // Given back when neither the reader nor a taker uses it any more.
      void Promise.all([read.promise, ...pending]).then(() => region[Symbol.dispose]());
    }
  }

  decoder(plan: DecodePlan, signal: AbortSignal): Decoder {
    const task: Task = { kind: 'decode', wanted: plan.wanted };
    const feed = new DecoderFeed({
      memory: this.#down,
      signal,
      expectedBytes: weightOf(task),
      send: (block) => job.post({ kind: 'bytes', block }),
      end: () => job.post({ kind: 'end' }),
    });
    const job = this.run(task, signal, {
      hear(message) {
        if (message.kind === 'done' && !signal.aborted) plan.done(message.indices);
        else if (message.kind === 'used') feed.used();
      },
      ended: (error) => feed.close(error ?? new Error('The decoder has finished.')),
    });
    job.ended.catch(() => undefined); // told by push and finish
    return {
      push: (bytes) => feed.push(bytes),
      finish() {
        feed.finish();
        return job.ended as Promise<DecodeOutcome>;
      },
    };
  }

  get #threadsAtMost(): number {
    return this.#options.threads ?? THREADS;
  }

  #placeFor(task: Task): Place {
    if (isTiny(task)) return this.#onTheSpot;
    let least: Thread | undefined;
    for (const thread of this.#threads) if (least === undefined || thread.weight < least.weight) least = thread;
    const thread =
      least === undefined || (least.weight > 0 && this.#threads.size < this.#threadsAtMost) ? this.#start() : least;
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
      post: (message) => worker.postMessage(message, []),
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
      if (this.#threads.size > 0) return;
      this.#up.rest();
      this.#rings.rest();
      this.#down.rest();
    }, this.#options.idleMs ?? 10_000).unref();
  }
}

function partsOf(base: Manifest): readonly (readonly ChunkAt[])[] {
  const parts: ChunkAt[][] = [];
  let end = 0;
  for (const chunk of chunkRanges(base)) {
    if (chunk.offset >= end) {
      parts.push([]);
      end += PART_BYTES;
    }
    parts.at(-1)?.push(chunk);
  }
  return parts;
}

/** H13: where a part was read from another state of the file, the result tells that it may be a mix. */
function asOne(result: ScanResult, parts: readonly Standing[]): ScanResult {
  if (result.outcome === 'unreadable') return result;
  const stats = parts.flatMap(({ before, after }) => [before, after]);
  const other = stats.find((stat) => !isDeepStrictEqual(stat, result.after));
  return other === undefined ? result : { ...result, before: other };
}

type WithoutJob<Message> = Message extends unknown ? Omit<Message, 'job'> : never;
type JobMessage = WithoutJob<ToBench>;

/** Without its end: what travels in a message. */
function plain({ buffer, offset, length }: Region): Pick<Region, 'buffer' | 'offset' | 'length'> {
  return { buffer, offset, length };
}

function payloadIn(region: Region, { form, length }: Encoded): Payload & Disposable {
  return { form, bytes: bytesOf(region, length), [Symbol.dispose]: () => region[Symbol.dispose]() };
}

function faultOf({ message, code }: Extract<FromBench, { kind: 'failed' }>): Error {
  return Object.assign(new Error(message), code === undefined ? {} : { code });
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
