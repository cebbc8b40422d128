import { LIMITS } from '@satchel/protocol/limits.ts';
import type { WorkspaceId } from '@satchel/protocol/ids.ts';
import type { UploadRequest } from '@satchel/protocol/transfer.ts';
import { AnswerInvalidError } from '../ports/server-api.ts';
import { allIn, createLane } from './lane.ts';
import { runsOf, sendBatches, sendLarge, sendProofs, type ProveJob, type PutJob } from './upload-sending.ts';
import { uploadStream, type StreamUpload, type StreamUploaded } from './upload-stream.ts';
import {
  chunkJobsOf,
  type ChunkJob,
  type FileJob,
  type FileToUpload,
  type Progress,
  type UploadContext,
  type UploadDeps,
  type UploadLanes,
  type UploadOutcome,
} from './upload-job.ts';

/** Up to this much is sent without asking first: it costs less than the question. */
const UNASKED_BYTES = 64 * 1024;

/** Asked for at once: little enough that the first bytes leave soon, and that the signed addresses do not grow old. */
const ASKED = { bytes: 256 * 1024 * 1024, items: LIMITS.filesPerUploadRequest };
/** The next question is asked while the answer to this one is being worked off. */
const ASKED_AT_ONCE = 2;

const SMALL_WIDTH = 3;
const LARGE_WIDTH = 3;

/** Brings the chunks of files to the server. It commits nothing. */
export interface Uploader {
  /**
   * Resolves when the server has every chunk of the files, one outcome per file, in order. What had arrived before an
   * interruption is not sent again.
   */
  uploadMany(request: UploadMany, signal: AbortSignal): Promise<readonly UploadOutcome[]>;
  /** Reads, cuts and sends a file in one pass; its chunk list is in the result, for the commit. */
  uploadStream(request: StreamUpload, signal: AbortSignal): Promise<StreamUploaded>;
  /** Sends what the server has lost, without asking, and without an upload that others would be told of. */
  sendAgain(request: UploadMany, signal: AbortSignal): Promise<readonly UploadOutcome[]>;
}

export interface UploadMany {
  readonly workspaceId: WorkspaceId;
  readonly files: readonly FileToUpload[];
  readonly progress?: Progress;
}

export function createUploader(deps: UploadDeps): Uploader {
  const lanes: UploadLanes = { small: createLane(SMALL_WIDTH), large: createLane(LARGE_WIDTH) };
  const begin = ({ workspaceId, files, progress = () => undefined }: UploadMany) => {
    const context: UploadContext = { ...deps, lanes, workspaceId, progress };
    const jobs = files.map((file): FileJob => ({ file, uploadId: deps.newUploadId(), outcome: 'sent' }));
    return { context, jobs, chunks: chunkJobsOf(context, jobs) };
  };
  return {
    async uploadMany(request, signal) {
      const { context, jobs, chunks } = begin(request);
      const asked = await sendUnasked(context, chunks, signal);
      await allIn(createLane(ASKED_AT_ONCE), runsOf(asked, ASKED), signal, (run, either) =>
        askAndSend(context, run, either),
      );
      return jobs.map(({ outcome }) => outcome);
    },
    async sendAgain(request, signal) {
      const { context, jobs, chunks } = begin(request);
      await sendBatches(context, chunks, signal);
      return jobs.map(({ outcome }) => outcome);
    },
    uploadStream: (request, signal) =>
      uploadStream(
        { ...deps, lanes, workspaceId: request.workspaceId, progress: request.progress ?? (() => undefined) },
        request,
        signal,
      ),
  };
}

/** Sends at once what is little; returns what is left to be asked about. */
async function sendUnasked(
  context: UploadContext,
  chunks: readonly ChunkJob[],
  signal: AbortSignal,
): Promise<readonly ChunkJob[]> {
  const bytes = chunks.reduce((sum, { source }) => sum + source.size, 0);
  if (bytes <= UNASKED_BYTES && chunks.length <= LIMITS.batchFrames) {
    await sendBatches(context, chunks, signal);
    return [];
  }
  const changed = chunks.filter(({ source }) => source.against !== undefined);
  if (changed.length === 0 || changed.length > 16) return chunks;
  const left = new Set(chunks);
  const frames: Uint8Array[] = [];
  const sent: ChunkJob[] = [];
  for (const job of changed) {
    using payload = await context.hashing.encodeChunk(job.source, signal);
    if (payload?.form !== 'frame' || payload.bytes.length > UNASKED_BYTES / changed.length) continue;
    frames.push(new Uint8Array(payload.bytes));
    sent.push(job);
  }
  if (sent.length === 0) return chunks;
  const answer = await context.api.sendFrames({ workspaceId: context.workspaceId }, frames, signal);
  const stored = new Set(answer.results.flatMap((result) => (result.stored ? [result.chunkId] : [])));
  for (const job of sent) {
    if (!stored.has(job.source.id)) continue;
    left.delete(job);
    context.progress(job.source.size);
  }
  return [...left].map((job) => (sent.includes(job) ? withoutBase(job) : job));
}

function withoutBase(job: ChunkJob): ChunkJob {
  const { against: _, ...source } = job.source;
  return { ...job, source };
}

async function askAndSend(context: UploadContext, jobs: readonly ChunkJob[], signal: AbortSignal): Promise<void> {
  const { files, order } = requestOf(jobs);
  const body = { workspaceId: context.workspaceId, files };
  const answer = await context.api.call('uploadRequest', { body }, signal);
  const needs = answer.files.flatMap((file) => file.needs);
  if (needs.length !== order.length) throw new AnswerInvalidError('The answer to an upload request is not complete.');
  const batch: ChunkJob[] = [];
  const put: PutJob[] = [];
  const prove: ProveJob[] = [];
  for (const [index, job] of order.entries()) {
    const need = needs[index];
    if (need === undefined || need.need === 'nothing') context.progress(job.source.size);
    else if (need.need === 'put') put.push({ ...job, need });
    else if (need.need === 'prove') prove.push({ ...job, nonce: need.nonce });
    else batch.push(job);
  }
  await Promise.all([
    sendBatches(context, batch, signal),
    sendLarge(context, put, signal),
    sendProofs(context, prove, signal),
  ]);
}

/** Neighbouring chunks of a file are announced as one window of it. `order`: the jobs in the order asked. */
function requestOf(jobs: readonly ChunkJob[]): { files: UploadRequest['files']; order: readonly ChunkJob[] } {
  const files: UploadRequest['files'] = [];
  let last: ChunkJob | undefined;
  for (const job of jobs) {
    const { id, size, offset } = job.source;
    const file = files.at(-1);
    if (file !== undefined && last?.file === job.file && last.index + 1 === job.index) file.chunks.push({ id, size });
    else {
      const {
        uploadId,
        file: { objectId },
      } = job.file;
      files.push({ uploadId, objectId, firstChunk: job.index, offset, chunks: [{ id, size }] });
    }
    last = job;
  }
  return { files, order: jobs };
}
