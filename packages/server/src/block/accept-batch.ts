import type { ChunkFrame } from '@satchel/core/frame.ts';
import { CodedError } from '@satchel/protocol/errors.ts';
import type { ChunkId, WorkspaceId } from '@satchel/protocol/ids.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import type { ChunkResults } from '@satchel/protocol/transfer.ts';
import type { Caller, ChunkLedger } from '../ports/chunk-ledger.ts';
import { breathe } from './breathe.ts';
import type { SharedByteBudget } from './byte-budget.ts';
import { relocateFor, type ChunkReader } from './chunk-reader.ts';
import { joined, lengthOf } from './content.ts';
import type { ReadBody } from './gather.ts';
import { readBatch } from './frames.ts';
import { giveBack } from './memory.ts';
import { createChunkWriter, recordWritten, type NewChunk, type StoringPorts } from './storing.ts';
import { verifyFrame, type FindBase, type FrameRefusal } from './verify-frame.ts';

export interface BatchPorts extends StoringPorts {
  readonly reader: ChunkReader;
  readonly budget: SharedByteBudget;
}

export interface Batch {
  readonly workspaceId: WorkspaceId;
  /** Frames of `core/frame.ts`. */
  readonly body: ReadBody;
  /** Content-Length, where it is known. */
  readonly bodyBytes?: number | undefined;
}

interface Owner {
  readonly caller: Caller;
  readonly workspaceId: WorkspaceId;
}

type Outcomes = Map<ChunkId, FrameRefusal | 'stored'>;

function resultOf(chunkId: ChunkId, outcome: FrameRefusal | 'stored' | undefined): ChunkResults['results'][number] {
  return outcome === 'stored' ? { chunkId, stored: true } : { chunkId, stored: false, ...outcome };
}

/** So much decoded, another request has its turn. */
const BYTES_PER_TURN = 1024 * 1024;
const REQUEST_OVERHEAD_BYTES = 1024 * 1024;

/** What is read stays whole until `memory` is disposed. */
type ReadBase = (id: ChunkId, memory: DisposableStack) => ReturnType<FindBase>;

/** Bases that the workspace is linked to (S7). */
async function findBases(ports: BatchPorts, owner: Owner, frames: readonly ChunkFrame[]): Promise<ReadBase> {
  const { caller, workspaceId } = owner;
  const ids = new Set(frames.flatMap(({ baseId }) => (baseId === undefined ? [] : [baseId])));
  const located = ids.size === 0 ? new Map<ChunkId, never>() : await ports.ledger.locate(caller, workspaceId, [...ids]);
  const relocate = relocateFor(ports.ledger, caller, workspaceId);
  return async (id, memory) => {
    const chunk = located.get(id);
    if (chunk === undefined)
      return { refusal: { code: 'chunk_missing', detail: 'The base of the delta is not here; send the chunk whole' } };
    const read = await ports.reader.readRaw(chunk, relocate, memory);
    return 'raw' in read ? { raw: joined(read.raw) } : { refusal: read.fault };
  };
}

function quotaRefusal(error: unknown): FrameRefusal {
  if (error instanceof CodedError && error.code === 'quota_exceeded')
    return { code: error.code, detail: error.message };
  throw error;
}

/** Refuses what does not fit; where not all fits, chunks are taken in order while there is room. */
async function withinQuota(
  ledger: ChunkLedger,
  { caller, workspaceId }: Owner,
  frames: readonly ChunkFrame[],
  outcomes: Outcomes,
): Promise<readonly ChunkFrame[]> {
  const total = frames.reduce((sum, { rawSize }) => sum + rawSize, 0);
  if (total === 0) return frames;
  try {
    await ledger.expectRoom(caller, workspaceId, total);
    return frames;
  } catch (error) {
    quotaRefusal(error);
  }
  const fitting: ChunkFrame[] = [];
  let taken = 0;
  for (const frame of frames) {
    try {
      await ledger.expectRoom(caller, workspaceId, taken + frame.rawSize);
      taken += frame.rawSize;
      fitting.push(frame);
    } catch (error) {
      outcomes.set(frame.chunkId, quotaRefusal(error));
    }
  }
  return fitting;
}

interface NewFrames {
  readonly fresh: readonly ChunkFrame[];
  /** Counted already, and damaged (H93). */
  readonly lost: readonly ChunkFrame[];
  readonly duplicates: ReadonlySet<ChunkId>;
}

/** The frames to store: each chunk once, and none that the workspace has already. */
async function newFrames(
  ledger: ChunkLedger,
  { caller, workspaceId }: Owner,
  frames: readonly ChunkFrame[],
  outcomes: Outcomes,
): Promise<NewFrames> {
  const distinct = [...new Map(frames.map((frame) => [frame.chunkId, frame])).values()];
  const standings = await ledger.stand(
    caller,
    workspaceId,
    distinct.map(({ chunkId, rawSize }) => ({ id: chunkId, size: rawSize })),
  );
  const duplicates = new Set<ChunkId>();
  const fresh: ChunkFrame[] = [];
  const lost: ChunkFrame[] = [];
  for (const [index, frame] of distinct.entries()) {
    if (standings[index] === 'elsewhere') duplicates.add(frame.chunkId);
    if (standings[index] === 'linked') outcomes.set(frame.chunkId, 'stored');
    else if (standings[index] === 'damaged') lost.push(frame);
    else fresh.push(frame);
  }
  return { fresh, lost, duplicates };
}

async function storeVerified(
  ports: BatchPorts,
  frames: readonly ChunkFrame[],
  readBase: ReadBase,
  outcomes: Outcomes,
): Promise<{ readonly kept: readonly NewChunk[]; readonly stored: Awaited<ReturnType<Writer['finish']>> }> {
  const writer = createChunkWriter(ports);
  const kept: NewChunk[] = [];
  let sinceBreath = 0;
  for (const frame of frames) {
    // A base is ten thousand times as long as a difference may be: one at a time is held.
    using memory = new DisposableStack();
    const verified = await verifyFrame(frame, async (id) => {
      const base = await readBase(id, memory);
      if ('raw' in base) sinceBreath += base.raw.length;
      return base;
    });
    if ('refusal' in verified) outcomes.set(frame.chunkId, verified.refusal);
    else {
      const chunk = { chunk: { id: frame.chunkId, size: frame.rawSize }, content: verified.content };
      await writer.add(chunk);
      if (lengthOf(chunk.content.parts) < LIMITS.smallChunkBytes || frames.length === 1) kept.push(chunk);
      else giveBack(chunk.content.parts);
    }
    sinceBreath += frame.rawSize;
    if (sinceBreath > BYTES_PER_TURN) {
      sinceBreath = 0;
      await breathe();
    }
  }
  return { kept, stored: await writer.finish() };
}
type Writer = ReturnType<typeof createChunkWriter>;

/** Gives back all memory of a batch but what the recent chunks have taken over. */
function giveBackBatch(frames: readonly ChunkFrame[], pieces: readonly Uint8Array[], kept: readonly NewChunk[]): void {
  const takenOver = new Set(kept.flatMap(({ content }) => content.parts.map(({ buffer }) => buffer)));
  const all = [...pieces, ...frames.map(({ payload }) => payload)];
  giveBack(all.filter(({ buffer }) => !takenOver.has(buffer)));
}

/**
 * Stores the chunks of one batch. A refused one changes nothing and the others go on; results stand in the order of
 * the frames.
 */
export async function acceptBatch(ports: BatchPorts, caller: Caller, batch: Batch): Promise<ChunkResults> {
  const owner: Owner = { caller, workspaceId: batch.workspaceId };
  const longest = LIMITS.batchBytes + REQUEST_OVERHEAD_BYTES;
  using memory = new DisposableStack();
  memory.use(await ports.budget.of(caller.userId).take(2 * Math.min(batch.bodyBytes ?? longest, longest)));
  const { frames, pieces } = await readBatch(batch.body);
  const outcomes: Outcomes = new Map();
  const { fresh, lost, duplicates } = await newFrames(ports.ledger, owner, frames, outcomes);
  const fitting = [...lost, ...(await withinQuota(ports.ledger, owner, fresh, outcomes))];
  const readBase = await findBases(ports, owner, fitting);
  const { kept, stored } = await storeVerified(ports, fitting, readBase, outcomes);
  await recordWritten(ports, owner, stored, duplicates);
  for (const { id } of stored) outcomes.set(id, 'stored');
  for (const { chunk, content } of kept) ports.recent.set(chunk.id, content, memory);
  giveBackBatch(frames, pieces, kept);
  return { results: frames.map(({ chunkId }) => resultOf(chunkId, outcomes.get(chunkId))) };
}
