import { CodedError } from '@satchel/protocol/errors.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import type { ChunkNeed, ChunkResults } from '@satchel/protocol/transfer.ts';
import type { UploadId } from '@satchel/protocol/ids.ts';
import type { ChunkSource } from '../ports/hashing.ts';
import { allIn, createLane } from './lane.ts';
import type { ChunkJob, UploadContext } from './upload-job.ts';

type PutNeed = Extract<ChunkNeed, { need: 'put' }>;
export type PutJob = ChunkJob & { readonly need: PutNeed };
export type ProveJob = ChunkJob & { readonly nonce: string };

/** Chunks read and sent together, so that those that compress share a request. */
const GROUP_BYTES = 6 * 1024 * 1024;
const GROUP_CHUNKS = 8;
const PROOFS_PER_REQUEST = 64;

/** Cuts a list into runs of at most so many bytes and items; an item that is larger stands alone. */
export function* runsOf<Item extends { readonly source: ChunkSource }>(
  items: readonly Item[],
  limit: { readonly bytes: number; readonly items: number },
): Generator<readonly Item[]> {
  let run: Item[] = [];
  let bytes = 0;
  for (const item of items) {
    if (run.length > 0 && (bytes + item.source.size > limit.bytes || run.length >= limit.items)) {
      yield run;
      run = [];
      bytes = 0;
    }
    run.push(item);
    bytes += item.source.size;
  }
  if (run.length > 0) yield run;
}

/** Frames that the server took no exception to; the others by chunk id. Throws for what sending again does not mend. */
export function refusedOf(answer: ChunkResults): ReadonlySet<string> {
  const refused = new Set<string>();
  for (const { chunkId, stored, code = 'internal', detail } of answer.results) {
    if (stored) continue;
    if (code !== 'hash_mismatch' && code !== 'chunk_missing' && code !== 'frame_invalid')
      throw new CodedError(code, detail ?? `The server does not take chunk ${chunkId}.`);
    refused.add(chunkId);
  }
  return refused;
}

/** Sends chunks many to a request. A difference that cannot be applied there is followed by the whole chunk. */
export async function sendBatches(
  context: UploadContext,
  jobs: readonly ChunkJob[],
  signal: AbortSignal,
): Promise<void> {
  const limit = { bytes: LIMITS.batchBytes - 64 * 1024, items: LIMITS.batchFrames };
  await allIn(context.lanes.small, runsOf(jobs, limit), signal, (run, either) => sendBatch(context, run, either));
}

async function sendBatch(context: UploadContext, jobs: readonly ChunkJob[], signal: AbortSignal): Promise<void> {
  const { body, lengths } = await context.hashing.encodeBatch(
    jobs.map(({ source }) => source),
    signal,
  );
  const sent = jobs.filter((job, index) => {
    if (lengths[index] === 0) job.file.outcome = 'changed';
    return lengths[index] !== 0;
  });
  if (sent.length === 0) return;
  const answer = await context.api.sendFrames(targetOf(context, sent), [body], signal);
  const refused = refusedOf(answer);
  const again: ChunkJob[] = [];
  for (const job of sent) {
    if (!refused.has(job.source.id)) context.progress(job.source.size);
    else again.push(job);
  }
  if (again.length > 0) await sendBatch(context, wholeOnly(again), signal);
}

/** Without differences; a whole chunk that is refused although its hash was right was damaged on its way. */
function wholeOnly(jobs: readonly ChunkJob[]): readonly ChunkJob[] {
  return jobs.map((job) => {
    const { against, ...whole } = job.source;
    if (against === undefined)
      throw new CodedError('hash_mismatch', `Chunk ${whole.id} of ${whole.path} did not arrive as it was sent.`);
    return { ...job, source: whole };
  });
}

function targetOf(
  { workspaceId }: UploadContext,
  jobs: readonly ChunkJob[],
): {
  readonly workspaceId: UploadContext['workspaceId'];
  readonly uploadId?: UploadId;
} {
  const uploadId = jobs[0]?.file.uploadId;
  const isOne = jobs.every((job) => job.file.uploadId === uploadId);
  return isOne && uploadId !== undefined ? { workspaceId, uploadId } : { workspaceId };
}

/** Sends large chunks: raw ones to their signed addresses, those that get much shorter as frames. */
export async function sendLarge(context: UploadContext, jobs: readonly PutJob[], signal: AbortSignal): Promise<void> {
  const groups = runsOf(jobs, { bytes: GROUP_BYTES, items: GROUP_CHUNKS });
  await allIn(context.lanes.large, groups, signal, (group, either) => sendGroup(context, group, either));
}

async function sendGroup(context: UploadContext, group: readonly PutJob[], signal: AbortSignal): Promise<void> {
  const frames: Uint8Array[] = [];
  const framed: PutJob[] = [];
  await allIn(createLane(group.length), group, signal, async (job, either) => {
    if (job.file.outcome === 'changed') return;
    using payload = await context.hashing.encodeChunk(job.source, either);
    if (payload === undefined) {
      job.file.outcome = 'changed';
    } else if (payload.form === 'raw') {
      await putChunk(context, job, payload.bytes, either);
      context.progress(job.source.size);
    } else {
      // A copy, since memory that is held while others wait for some would stop everything.
      frames.push(new Uint8Array(payload.bytes));
      framed.push(job);
    }
  });
  if (framed.length === 0) return;
  const refused = refusedOf(await context.api.sendFrames(targetOf(context, framed), frames, signal));
  const again = framed.filter(({ source }) => refused.has(source.id));
  for (const { source } of framed) if (!refused.has(source.id)) context.progress(source.size);
  if (again.length > 0) await sendBatches(context, wholeOnly(again), signal);
}

/** PUTs to the signed address; asks once for a new one when it has expired meanwhile. */
export async function putChunk(
  context: UploadContext,
  job: PutJob,
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  try {
    await context.api.putSigned(job.need, bytes, signal);
  } catch (error) {
    if (!(error instanceof CodedError) || error.code !== 'signature_expired') throw error;
    const { id, size, offset } = job.source;
    const file = {
      uploadId: job.file.uploadId,
      objectId: job.file.file.objectId,
      firstChunk: job.index,
      offset,
      chunks: [{ id, size }],
    };
    const body = { workspaceId: context.workspaceId, files: [file] };
    const answer = await context.api.call('uploadRequest', { body }, signal);
    const need = answer.files[0]?.needs[0];
    if (need?.need === 'put') await context.api.putSigned(need, bytes, signal);
    else if (need?.need !== 'nothing') throw error;
  }
}

/** Shows that this device has the bytes of chunks that are stored for others; what is not believed is sent. */
export async function sendProofs(
  context: UploadContext,
  jobs: readonly ProveJob[],
  signal: AbortSignal,
): Promise<void> {
  const limit = { bytes: Infinity, items: PROOFS_PER_REQUEST };
  await allIn(context.lanes.small, runsOf(jobs, limit), signal, async (run, either) => {
    const proofs: { chunkId: ChunkJob['source']['id']; nonce: string; proof: string }[] = [];
    for (const job of run) {
      const proof = await context.hashing.prove(job.source, job.nonce, either);
      if (proof === undefined) job.file.outcome = 'changed';
      else proofs.push({ chunkId: job.source.id, nonce: job.nonce, proof });
    }
    if (proofs.length === 0) return;
    const body = { workspaceId: context.workspaceId, proofs };
    const answer = await context.api.call('prove', { body }, either);
    const proved = new Set(answer.results.flatMap(({ chunkId, stored }) => (stored ? [chunkId] : [])));
    const rest = run.filter((job) => job.file.outcome === 'sent' && !proved.has(job.source.id));
    for (const { source } of run) if (proved.has(source.id)) context.progress(source.size);
    for (const batch of runsOf(rest, { bytes: LIMITS.batchBytes - 64 * 1024, items: LIMITS.batchFrames }))
      await sendBatch(context, batch, either);
  });
}
