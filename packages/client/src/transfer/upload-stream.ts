import type { Manifest } from '@satchel/core/manifest.ts';
import type { ObjectId, UploadId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { ChunkNeed } from '@satchel/protocol/transfer.ts';
import { encodeFrameHeader } from '@satchel/core/frame.ts';
import type { ScanResult, StreamedChunk } from '../ports/hashing.ts';
import { AnswerInvalidError } from '../ports/server-api.ts';
import { createDeltaBases, type DeltaBases } from './delta-base.ts';
import { putChunk, refusedOf } from './upload-sending.ts';
import type { FileJob, Progress, UploadContext } from './upload-job.ts';
import { CodedError } from '@satchel/protocol/errors.ts';

export interface StreamUpload {
  readonly workspaceId: WorkspaceId;
  readonly path: string;
  readonly objectId: ObjectId;
  /** Chunk list of a version that the server has. */
  readonly base?: Manifest;
  /** Follow a symlink: for a path that a person typed, and /dev/stdin. */
  readonly follow?: boolean;
  readonly progress?: Progress;
  /** Given: once it is false, or something could not be sent, the file is only read on. */
  readonly isWanted?: () => boolean;
}

export interface StreamUploaded {
  readonly uploadId: UploadId;
  /** Whether the server has every chunk. */
  readonly isSent: boolean;
  /** As of a scan: compare `before` and `after`, and the file, before it is committed. */
  readonly scan: ScanResult;
}

/** The first windows are short, so that a receiver can begin early; shorter ones are not told to it. */
const FIRST_WINDOW_BYTES = 1024 * 1024;
/** Fits into one batch, should the server want it so. */
const WINDOW_BYTES = 7 * 1024 * 1024;
const WINDOW_CHUNKS = 256;

interface Held {
  readonly chunk: StreamedChunk;
  readonly index: number;
  readonly sent: PromiseWithResolvers<void>;
}

/** Sends each window of chunks while the next one is being read; the reader waits when too much is on its way. */
export async function uploadStream(
  context: UploadContext,
  request: StreamUpload,
  signal: AbortSignal,
): Promise<StreamUploaded> {
  const uploadId = context.newUploadId();
  const failing = new AbortController();
  const either = AbortSignal.any([signal, failing.signal]);
  const file: FileJob = { uploadId, outcome: 'sent', file: { ...request, chunks: [] } };
  const sender = new WindowSender(context, file, either);
  let held: Held[] = [];
  let heldBytes = 0;
  let windowBytes = FIRST_WINDOW_BYTES;
  let index = 0;
  let isSent = true;

  function leave(window: readonly Held[], error: unknown): void {
    isSent = false;
    if (request.isWanted === undefined) {
      failing.abort(error);
      window.forEach(({ sent }) => sent.reject(error));
    } else window.forEach(({ sent }) => sent.resolve());
  }

  function flush(): void {
    const window = held;
    held = [];
    heldBytes = 0;
    windowBytes = Math.min(2 * windowBytes, WINDOW_BYTES);
    if (window.length === 0) return;
    sender.send(window).then(
      () => window.forEach(({ sent }) => sent.resolve()),
      (error: unknown) => leave(window, error),
    );
  }

  const { path, base, follow } = request;
  const options = { path, ...(base === undefined ? {} : { base }), ...(follow === undefined ? {} : { follow }) };
  const scan = await context.hashing.stream(
    options,
    (chunk) => {
      if (chunk === undefined) {
        flush();
        return undefined;
      }
      if (request.isWanted?.() === false) isSent = false;
      if (!isSent) {
        leave(held.splice(0), undefined);
        return undefined;
      }
      if (heldBytes + chunk.size > WINDOW_BYTES) flush();
      const sent = Promise.withResolvers<void>();
      held.push({ chunk, index: index++, sent });
      heldBytes += chunk.size;
      if (heldBytes >= windowBytes || held.length >= WINDOW_CHUNKS) flush();
      return sent.promise;
    },
    either,
  );
  return { uploadId, scan, isSent };
}

class WindowSender {
  readonly #context: UploadContext;
  readonly #file: FileJob;
  readonly #signal: AbortSignal;
  readonly #bases: DeltaBases | undefined;

  constructor(context: UploadContext, file: FileJob, signal: AbortSignal) {
    this.#context = context;
    this.#file = file;
    this.#signal = signal;
    const { base } = file.file;
    this.#bases = base === undefined ? undefined : createDeltaBases(base);
  }

  async send(window: readonly Held[]): Promise<void> {
    const needs = await this.#ask(window);
    await this.#context.lanes.large.run(() => this.#sendNeeded(window, needs));
  }

  async #sendNeeded(window: readonly Held[], needs: readonly ChunkNeed[]): Promise<void> {
    const frames: Uint8Array[] = [];
    const framed: Held[] = [];
    const putting: Promise<void>[] = [];
    for (const [at, held] of window.entries()) {
      const need = needs[at];
      const { payload, size, id } = held.chunk;
      if (need === undefined || need.need === 'nothing') {
        this.#context.progress(size);
      } else if (need.need === 'put' && payload.form === 'raw' && !this.#hasSignedBase(held)) {
        putting.push(this.#put(held, need, payload.bytes));
      } else {
        framed.push(held);
        if (payload.form === 'frame') frames.push(payload.bytes);
        else frames.push(rawHeader(id, size), payload.bytes);
      }
    }
    putting.push(this.#sendFrames(framed, frames));
    await Promise.all(putting);
  }

  async #ask(window: readonly Held[]): Promise<readonly ChunkNeed[]> {
    const first = window[0];
    if (first === undefined) return [];
    const { uploadId, file } = this.#file;
    // Chunks of the base lie between, so that each run of neighbours is a window of its own.
    const files: {
      uploadId: UploadId;
      objectId: ObjectId;
      firstChunk: number;
      offset: number;
      chunks: { id: StreamedChunk['id']; size: number }[];
    }[] = [];
    let end = -1;
    for (const { chunk, index } of window) {
      const { id, size, offset } = chunk;
      if (offset === end) files.at(-1)?.chunks.push({ id, size });
      else files.push({ uploadId, objectId: file.objectId, firstChunk: index, offset, chunks: [{ id, size }] });
      end = offset + size;
    }
    const body = { workspaceId: this.#context.workspaceId, files };
    const answer = await this.#context.api.call('uploadRequest', { body }, this.#signal);
    const needs = answer.files.flatMap((entry) => entry.needs);
    if (needs.length !== window.length)
      throw new AnswerInvalidError('The answer to an upload request is not complete.');
    return needs;
  }

  #hasSignedBase({ chunk }: Held): boolean {
    const base = this.#bases?.baseOf(chunk);
    return base !== undefined && this.#context.signature(base.id) !== undefined;
  }

  async #put(held: Held, need: Extract<ChunkNeed, { need: 'put' }>, bytes: Uint8Array): Promise<void> {
    const source = { path: this.#file.file.path, ...held.chunk };
    await putChunk(this.#context, { need, source, file: this.#file, index: held.index }, bytes, this.#signal);
    this.#context.progress(held.chunk.size);
  }

  async #sendFrames(framed: readonly Held[], frames: readonly Uint8Array[]): Promise<void> {
    if (framed.length === 0) return;
    const { workspaceId } = this.#context;
    const target = { workspaceId, uploadId: this.#file.uploadId };
    const answer = await this.#context.api.sendFrames(target, frames, this.#signal);
    for (const id of refusedOf(answer))
      throw new CodedError('hash_mismatch', `Chunk ${id} of ${this.#file.file.path} did not arrive as it was sent.`);
    for (const { chunk } of framed) this.#context.progress(chunk.size);
  }
}

function rawHeader(chunkId: StreamedChunk['id'], rawSize: number): Uint8Array {
  return encodeFrameHeader({ kind: 'chunk', chunkId, encoding: 'raw', rawSize, baseId: undefined }, rawSize);
}
