import { backoffMs, REQUEST_BACKOFF } from '@satchel/core/backoff.ts';
import { CodedError, ErrorCode } from '@satchel/protocol/errors.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import type { ChunkId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { Clock, Random } from '../ports/clock.ts';
import type { DecodeFault, Hashing, LocalCopy, WantedChunk } from '../ports/hashing.ts';
import { AnswerInvalidError, type ServerApi } from '../ports/server-api.ts';
import { allIn, createLane, type Lane } from './lane.ts';
import { mayPass } from './retry.ts';

export interface DownloadDeps {
  /** Streams are not retried there; what is missing is asked for again here. */
  readonly api: ServerApi;
  readonly hashing: Hashing;
  readonly clock: Clock;
  readonly random: Random;
}

/** A place on this disk where a chunk should lie; it is verified when it is read. */
export interface LocalSource {
  readonly path: string;
  readonly offset: number;
}

export interface Download {
  readonly workspaceId: WorkspaceId;
  readonly wanted: readonly WantedChunk[];
  readonly localSource?: (id: ChunkId) => LocalSource | undefined;
  /** Indices of chunks that are verified and written to all their targets; in any order, each once. */
  readonly done?: (indices: readonly number[]) => void;
}

/** Brings chunks to where they are wanted on this disk. */
export interface Downloader {
  /**
   * Resolves when every chunk is written. What was reported as done stays so when it fails or is aborted: ask for the
   * rest only. Throws CodedError('chunk_damaged') or 'not_found' for a chunk that the server cannot give, and what
   * `ServerApi` throws once several tries in a row have brought nothing.
   */
  fetchChunks(download: Download, signal: AbortSignal): Promise<void>;
}

/** Of a request; several run at once, and each writes as it receives. */
const REQUEST_BYTES = 16 * 1024 * 1024;
/** The first answer of a short download should not wait for the last. */
const SHARES = 3;
const LEAST_REQUEST_BYTES = 512 * 1024;
const COPY_BYTES = 16 * 1024 * 1024;
const COPY_CHUNKS = 256;
const TRIES_WITHOUT_PROGRESS = 5;
/** Of a request whose answers were complete and wrong. */
const TRIES_AFTER_FAULTS = 3;
const STREAMS = 3;
const COPIES = 2;
/** Requests up to this size have a lane of their own, so that they never wait behind long files. */
const SMALL_REQUEST_BYTES = 1024 * 1024;

interface Lanes {
  readonly small: Lane;
  readonly large: Lane;
  readonly copy: Lane;
}

export function createDownloader(deps: DownloadDeps): Downloader {
  const lanes: Lanes = { small: createLane(2), large: createLane(STREAMS), copy: createLane(COPIES) };
  return {
    async fetchChunks(download, signal) {
      const left = await copyLocal(deps, lanes.copy, download, signal);
      const fetching = new Fetching(deps, download);
      const bytes = left.reduce((sum, { chunk }) => sum + chunk.size, 0);
      const requestBytes = Math.min(Math.max(bytes / SHARES, LEAST_REQUEST_BYTES), REQUEST_BYTES);
      const lane = bytes <= SMALL_REQUEST_BYTES ? lanes.small : lanes.large;
      const requests = runsOf(left, { bytes: requestBytes, items: LIMITS.fetchChunks });
      await allIn(lane, requests, signal, (request, either) => fetching.run(request, either));
    },
  };
}

/** A wanted chunk and its index among all that are. */
interface Wanted {
  readonly index: number;
  readonly chunk: WantedChunk;
}

function* runsOf(items: readonly Wanted[], limit: { bytes: number; items: number }): Generator<readonly Wanted[]> {
  let run: Wanted[] = [];
  let bytes = 0;
  for (const item of items) {
    if (run.length > 0 && (bytes + item.chunk.size > limit.bytes || run.length >= limit.items)) {
      yield run;
      run = [];
      bytes = 0;
    }
    run.push(item);
    bytes += item.chunk.size;
  }
  if (run.length > 0) yield run;
}

/** Takes what lies on this disk; returns what does not, or no longer. */
async function copyLocal(
  deps: DownloadDeps,
  lane: Lane,
  download: Download,
  signal: AbortSignal,
): Promise<readonly Wanted[]> {
  const left: Wanted[] = [];
  const found: (Wanted & { readonly from: LocalSource })[] = [];
  for (const [index, chunk] of download.wanted.entries()) {
    const from = download.localSource?.(chunk.id);
    if (from === undefined) left.push({ index, chunk });
    else found.push({ index, chunk, from });
  }
  const runs = runsOf(found, { bytes: COPY_BYTES, items: COPY_CHUNKS }) as Generator<typeof found>;
  await allIn(lane, runs, signal, async (run, either) => {
    const copies = run.map(({ chunk, from }): LocalCopy => {
      const { id, size, targets } = chunk;
      return { id, size, targets, from };
    });
    const copied = new Set(await deps.hashing.copyLocal(copies, either));
    download.done?.(run.flatMap(({ index }, at) => (copied.has(at) ? [index] : [])));
    for (const [at, wanted] of run.entries()) if (!copied.has(at)) left.push(wanted);
  });
  return left.sort((a, b) => a.index - b.index);
}

/** What a request came to. `error`: of the exchange itself. */
interface Asked {
  readonly missing: readonly Wanted[];
  readonly fault: DecodeFault | undefined;
  readonly error: unknown;
}

class Fetching {
  readonly #deps: DownloadDeps;
  readonly #download: Download;

  constructor(deps: DownloadDeps, download: Download) {
    this.#deps = deps;
    this.#download = download;
  }

  /** One request, and further ones for what it did not bring. */
  async run(request: readonly Wanted[], signal: AbortSignal): Promise<void> {
    let left = request;
    let failures = 0;
    let wrong = 0;
    while (left.length > 0) {
      const { missing, fault, error } = await this.#ask(left, signal);
      signal.throwIfAborted();
      failures = missing.length < left.length ? 1 : failures + 1;
      left = missing;
      if (left.length === 0) return;
      if (error !== undefined) {
        if (!mayPass(error) || failures >= TRIES_WITHOUT_PROGRESS) throw error;
      } else {
        if (++wrong >= TRIES_AFTER_FAULTS) throw faultError(fault);
        if (fault?.code === 'refused') throw faultError(fault);
        // Differences are given up: the base may have changed, or the server has another idea of it.
        left = left.map(({ index, chunk: { id, size, targets } }) => ({ index, chunk: { id, size, targets } }));
      }
      const retryAfterMs = error instanceof CodedError ? (error.retryAfterS ?? 0) * 1000 : 0;
      const waitMs = backoffMs(REQUEST_BACKOFF, failures, this.#deps.random.fraction(), retryAfterMs);
      if (error !== undefined || wrong > 1) await this.#deps.clock.delay(waitMs, signal);
      signal.throwIfAborted();
    }
  }

  async #ask(asked: readonly Wanted[], signal: AbortSignal): Promise<Asked> {
    const { api, hashing } = this.#deps;
    const { workspaceId } = this.#download;
    const arrived = new Set<number>();
    const decoder = hashing.openDecoder(
      {
        wanted: asked.map(({ chunk }) => chunk),
        done: (indices) => {
          for (const at of indices) arrived.add(at);
          this.#download.done?.(indices.map((at) => (asked[at] as Wanted).index));
        },
      },
      signal,
    );
    const chunks = asked.map(({ chunk: { id, base } }) => ({ id, ...(base === undefined ? {} : { base: base.id }) }));
    let error: unknown;
    try {
      await api.fetchFrames({ workspaceId, chunks }, (bytes) => decoder.push(bytes), signal);
    } catch (thrown) {
      error = thrown;
    }
    // What arrived before a cut is kept; that the disk cannot take it is thrown here.
    const { fault } = await decoder.finish();
    return { missing: asked.filter((_, at) => !arrived.has(at)), fault, error };
  }
}

function faultError(fault: DecodeFault | undefined): Error {
  if (fault === undefined) return new AnswerInvalidError('The server sends fewer chunks than it was asked for.');
  if (fault.code === 'frame_invalid')
    return new AnswerInvalidError(`The answer of chunks is malformed: ${fault.detail}.`);
  if (fault.code !== 'refused')
    return new CodedError('chunk_damaged', `What the server sends is damaged: ${fault.detail}.`);
  const code = ErrorCode.safeParse(fault.detail);
  return new CodedError(code.success ? code.data : 'internal', 'The server cannot give a chunk of this file.', {
    details: { reason: fault.detail },
  });
}
