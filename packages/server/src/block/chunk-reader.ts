import { CodedError, type ErrorCode } from '@satchel/protocol/errors.ts';
import type { ChunkId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { BlockStore } from '../ports/block-store.ts';
import type { Caller, ChunkLedger, ChunkLocation, StoredChunk } from '../ports/chunk-ledger.ts';
import { rawParts, type Content } from './content.ts';
import type { DataKeys } from './data-keys.ts';
import { giveBack, giveBackWith } from './memory.ts';
import { runsOf, type Run } from './read-runs.ts';
import type { RecentChunks } from './recent-chunks.ts';
import { unseal } from './seal.ts';

export interface ReadFault {
  readonly code: ErrorCode & ('chunk_missing' | 'chunk_damaged' | 'unavailable');
  readonly detail: string;
}
export type ReadResult = { readonly content: Content } | { readonly fault: ReadFault };

/** Where a chunk lies now, asked anew: it may have been moved or forgotten since it was located. */
export type Relocate = (id: ChunkId) => Promise<StoredChunk | undefined>;

/** What is read stays whole until the caller disposes `memory`. */
export interface ChunkReader {
  /** The contents of located chunks; never wrong bytes, and never a rejection. */
  read(
    chunks: readonly StoredChunk[],
    relocate: Relocate,
    memory: DisposableStack,
  ): Promise<ReadonlyMap<ChunkId, ReadResult>>;
  /** One chunk. */
  readOne(chunk: StoredChunk, relocate: Relocate, memory: DisposableStack): Promise<ReadResult>;
  /** Its own bytes in one result, for hashing or as a base. */
  readRaw(
    chunk: StoredChunk,
    relocate: Relocate,
    memory: DisposableStack,
  ): Promise<{ readonly raw: readonly Uint8Array[] } | { readonly fault: ReadFault }>;
}

export interface ReaderPorts {
  readonly store: BlockStore;
  readonly ledger: Pick<ChunkLedger, 'recordDamaged'>;
  readonly dataKeys: DataKeys;
  readonly recent: RecentChunks;
}

type Look = { readonly content: Content } | { readonly damage: string } | { readonly fault: ReadFault };

function unavailable(error: unknown): { readonly fault: ReadFault } {
  if (!(error instanceof CodedError)) throw error;
  return { fault: { code: 'unavailable', detail: error.message } };
}

async function openSealed(ports: ReaderPorts, chunk: StoredChunk, sealed: Uint8Array): Promise<Look> {
  const content = await unseal(ports.dataKeys, chunk, chunk.location.encoding, sealed);
  giveBack([sealed]);
  return content === undefined ? { damage: 'the stored bytes fail their check' } : { content };
}

/** One look at one place. */
async function look(ports: ReaderPorts, chunk: StoredChunk): Promise<Look> {
  const { key, offset, length } = chunk.location;
  try {
    const sealed = await ports.store.get(key, { offset, length });
    return sealed === undefined ? { damage: 'the stored object is gone' } : await openSealed(ports, chunk, sealed);
  } catch (error) {
    if (error instanceof CodedError && error.code === 'range_invalid')
      return { damage: 'the stored object is cut off' };
    if (error instanceof CodedError && error.code === 'chunk_damaged') return { damage: 'the disk cannot read it' };
    return unavailable(error);
  }
}

function samePlace(a: ChunkLocation, b: ChunkLocation): boolean {
  return a.key === b.key && a.offset === b.offset && a.length === b.length && a.encoding === b.encoding;
}

/** RACE: repacking moves a chunk and deletes the old place; only what fails where the ledger still has it is damaged. */
async function lookAgain(ports: ReaderPorts, chunk: StoredChunk, relocate: Relocate): Promise<ReadResult> {
  let first = await look(ports, chunk);
  let place = chunk;
  while ('damage' in first) {
    const now = await relocate(chunk.id);
    if (now === undefined)
      return { fault: { code: 'chunk_missing', detail: 'The chunk is not stored any more; upload it again' } };
    if (samePlace(now.location, place.location)) {
      await ports.ledger.recordDamaged(chunk.id, first.damage);
      return {
        fault: { code: 'chunk_damaged', detail: `${first.damage}; a device that has the file can upload it again` },
      };
    }
    place = now;
    first = await look(ports, place);
  }
  return first;
}

/** Chunks of one run with one read of the store; undefined where a second look is needed. */
async function readRun(ports: ReaderPorts, run: Run): Promise<ReadonlyMap<ChunkId, Content>> {
  const found = new Map<ChunkId, Content>();
  let bytes: Uint8Array | undefined;
  try {
    bytes = await ports.store.get(run.key, { offset: run.offset, length: run.length });
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
  }
  if (bytes === undefined) return found;
  for (const chunk of run.chunks) {
    const from = chunk.location.offset - run.offset;
    const opened = await openSealed(ports, chunk, bytes.subarray(from, from + chunk.location.length));
    if ('content' in opened) found.set(chunk.id, opened.content);
  }
  giveBack([bytes]);
  return found;
}

export function createChunkReader(ports: ReaderPorts): ChunkReader {
  async function read(
    chunks: readonly StoredChunk[],
    relocate: Relocate,
    memory: DisposableStack,
  ): Promise<ReadonlyMap<ChunkId, ReadResult>> {
    const results = new Map<ChunkId, ReadResult>();
    const absent: StoredChunk[] = [];
    for (const chunk of chunks) {
      const content = ports.recent.get(chunk.id, memory);
      if (content === undefined) absent.push(chunk);
      else results.set(chunk.id, { content });
    }
    await Promise.all(
      runsOf(absent).map(async (run) => {
        const found = await readRun(ports, run);
        for (const chunk of run.chunks) {
          const content = found.get(chunk.id);
          results.set(chunk.id, content === undefined ? await lookAgain(ports, chunk, relocate) : { content });
          if (content === undefined) continue;
          if (run.chunks.length === 1) ports.recent.set(chunk.id, content, memory);
          else giveBackWith(memory, content.parts);
        }
      }),
    );
    return results;
  }
  async function readOne(chunk: StoredChunk, relocate: Relocate, memory: DisposableStack): Promise<ReadResult> {
    const result = (await read([chunk], relocate, memory)).get(chunk.id);
    if (result === undefined) throw new Error('A read answered without its chunk');
    return result;
  }
  return {
    read,
    readOne,
    async readRaw(chunk, relocate, memory) {
      const result = await readOne(chunk, relocate, memory);
      if ('fault' in result) return result;
      const raw = rawParts(result.content, chunk.size);
      if (raw !== undefined && result.content.encoding === 'zstd') giveBackWith(memory, raw);
      if (raw !== undefined) return { raw };
      await ports.ledger.recordDamaged(chunk.id, 'the stored encoding does not decode');
      return { fault: { code: 'chunk_damaged', detail: 'the stored encoding does not decode' } };
    },
  };
}

/** `Relocate` for chunks that the caller's workspace is linked to. */
export function relocateFor(ledger: ChunkLedger, caller: Caller, workspaceId: WorkspaceId): Relocate {
  return async (id) => (await ledger.locate(caller, workspaceId, [id])).get(id);
}
