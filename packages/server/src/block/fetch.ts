import type { ChunkId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { FetchRequest } from '@satchel/protocol/transfer.ts';
import type { Caller, ChunkLedger, StoredChunk } from '../ports/chunk-ledger.ts';
import type { SharedByteBudget } from './byte-budget.ts';
import { relocateFor, type ChunkReader, type ReadResult, type Relocate } from './chunk-reader.ts';
import { joined, lengthOf, rawParts, type Content } from './content.ts';
import { contentFrame, differenceFrame, failureFrame } from './frames.ts';
import { createGatherer } from './gather.ts';
import { readAhead, type Runs, type Window } from './read-ahead.ts';
import { compressAgainst } from './zstd.ts';

export interface FetchPorts {
  readonly ledger: ChunkLedger;
  readonly reader: ChunkReader;
  readonly budget: SharedByteBudget;
}

type Asked = FetchRequest['chunks'][number];

const WINDOW_BYTES = 2 * 1024 * 1024;
/** Shorter chunks are sent as they are: a difference saves too little. */
const DELTA_FROM_BYTES = 4096;
const DELTA_SHARE = 0.5;

interface Source {
  readonly reader: ChunkReader;
  readonly located: ReadonlyMap<ChunkId, StoredChunk>;
  readonly relocate: Relocate;
}

interface Loading extends Source {
  readonly memory: DisposableStack;
}

/** The frame as a difference against a base that the receiver has, when that is clearly smaller. */
async function deltaFrame(
  source: Loading,
  chunk: StoredChunk,
  content: Content,
  baseId: ChunkId,
): Promise<readonly Uint8Array[] | undefined> {
  const base = source.located.get(baseId);
  const stored = lengthOf(content.parts);
  if (base === undefined || stored < DELTA_FROM_BYTES) return undefined;
  const baseRaw = await source.reader.readRaw(base, source.relocate, source.memory);
  const raw = rawParts(content, chunk.size);
  if ('fault' in baseRaw || raw === undefined) return undefined;
  const delta = await compressAgainst(joined(raw), joined(baseRaw.raw));
  return delta.length < stored * DELTA_SHARE ? differenceFrame(chunk, baseId, delta) : undefined;
}

async function frameOf(source: Loading, asked: Asked, result: ReadResult | undefined): Promise<readonly Uint8Array[]> {
  const chunk = source.located.get(asked.id);
  if (chunk === undefined || result === undefined) return failureFrame(asked.id, 'chunk_missing');
  if ('fault' in result) return failureFrame(asked.id, result.fault.code);
  const { content } = result;
  const delta = asked.base === undefined ? undefined : await deltaFrame(source, chunk, content, asked.base);
  return delta ?? contentFrame(chunk, content);
}

function windowOf(source: Source, chunks: readonly Asked[], bytes: number): Window {
  return {
    bytes: 2 * bytes,
    async load(memory) {
      const stored = chunks.flatMap(({ id }) => source.located.get(id) ?? []);
      const results = await source.reader.read(stored, source.relocate, memory);
      const gatherer = createGatherer(memory);
      for (const asked of chunks)
        for (const part of await frameOf({ ...source, memory }, asked, results.get(asked.id))) gatherer.push(part);
      return gatherer.take();
    },
    refuse: () => chunks.flatMap(({ id }) => failureFrame(id, 'unavailable')),
  };
}

function windowsOf(source: Source, chunks: readonly Asked[]): readonly Window[] {
  const windows: Window[] = [];
  let from = 0;
  let bytes = 0;
  for (const [index, asked] of chunks.entries()) {
    const length = (source.located.get(asked.id)?.location.length ?? 0) + 64;
    const base = asked.base === undefined ? 0 : (source.located.get(asked.base)?.size ?? 0);
    if (bytes > 0 && bytes + length + base > WINDOW_BYTES) {
      windows.push(windowOf(source, chunks.slice(from, index), bytes));
      from = index;
      bytes = 0;
    }
    bytes += length + base;
  }
  windows.push(windowOf(source, chunks.slice(from), bytes));
  return windows;
}

async function locateAll(
  ledger: ChunkLedger,
  owner: { readonly caller: Caller; readonly workspaceId: WorkspaceId },
  chunks: readonly Asked[],
): Promise<ReadonlyMap<ChunkId, StoredChunk>> {
  const ids = new Set<ChunkId>();
  for (const { id, base } of chunks) {
    ids.add(id);
    if (base !== undefined) ids.add(base);
  }
  return ledger.locate(owner.caller, owner.workspaceId, [...ids]);
}

/**
 * The chunks asked for as frames, in that order; what cannot be had is a refused frame and the rest goes on. The
 * caller's right is checked before this resolves; the bytes come as they are taken.
 */
export async function fetchChunks(ports: FetchPorts, caller: Caller, request: FetchRequest): Promise<Runs> {
  const { ledger, reader, budget } = ports;
  const { workspaceId, chunks } = request;
  const located = await locateAll(ledger, { caller, workspaceId }, chunks);
  const source: Source = { reader, located, relocate: relocateFor(ledger, caller, workspaceId) };
  return readAhead(windowsOf(source, chunks), budget.of(caller.userId));
}
