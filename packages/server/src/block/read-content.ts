import { CodedError } from '@satchel/protocol/errors.ts';
import type { WorkspaceId } from '@satchel/protocol/ids.ts';
import type { ChunkRef } from '@satchel/protocol/objects.ts';
import type { ByteRange } from '../ports/block-store.ts';
import type { Caller, StoredChunk } from '../ports/chunk-ledger.ts';
import { relocateFor } from './chunk-reader.ts';
import { lengthOf } from './content.ts';
import type { FetchPorts } from './fetch.ts';
import { readAhead, type Runs, type Window } from './read-ahead.ts';

export interface ChunkBytes {
  readonly encoding: 'raw' | 'zstd';
  /** Of all bytes together: the Content-Length. */
  readonly length: number;
  /** One run. */
  readonly bytes: Runs;
}

export interface GetChunk {
  readonly workspaceId: WorkspaceId;
  readonly id: ChunkRef['id'];
  /** The receiver takes `Content-Encoding: zstd`; otherwise the chunk's own bytes are sent. */
  readonly acceptsZstd?: boolean;
}

/** One chunk. Throws 'not_found', 'chunk_damaged', 'chunk_missing' or 'unavailable'; never gives wrong bytes. */
export async function getChunk(ports: FetchPorts, caller: Caller, get: GetChunk): Promise<ChunkBytes> {
  const { workspaceId, id, acceptsZstd = false } = get;
  const chunk = (await ports.ledger.locate(caller, workspaceId, [id])).get(id);
  if (chunk === undefined) throw new CodedError('not_found', `This workspace has no chunk ${id}`);
  const relocate = relocateFor(ports.ledger, caller, workspaceId);
  using room = new DisposableStack();
  room.use(await ports.budget.of(caller.userId).take(2 * chunk.size));
  const memory = new DisposableStack();
  if (acceptsZstd && chunk.location.encoding === 'zstd') {
    const result = await ports.reader.readOne(chunk, relocate, memory);
    if ('fault' in result) throw new CodedError(result.fault.code, result.fault.detail);
    const { encoding, parts } = result.content;
    return { encoding, length: lengthOf(parts), bytes: oneRun(parts, memory, room.move()) };
  }
  const read = await ports.reader.readRaw(chunk, relocate, memory);
  if ('fault' in read) throw new CodedError(read.fault.code, read.fault.detail);
  return { encoding: 'raw', length: chunk.size, bytes: oneRun(read.raw, memory, room.move()) };
}

/** The room is held until the receiver has the bytes or has gone away. */
async function* oneRun(parts: readonly Uint8Array[], memory: Disposable, room: Disposable): Runs {
  using _ = room;
  yield parts;
  // Not when the receiver has gone away: some of it may still be on its way.
  memory[Symbol.dispose]();
}

export interface ReadContent {
  readonly workspaceId: WorkspaceId;
  /** The chunks of a version, in order. */
  readonly chunks: readonly ChunkRef[];
  /** Of the content's bytes; lies within it. Absent: all. */
  readonly range?: ByteRange;
}

/** The part of a chunk that a range of the content covers; `from` and `to` count in the chunk. */
interface Cut {
  readonly chunk: ChunkRef;
  readonly from: number;
  readonly to: number;
}

function cutsOf(chunks: readonly ChunkRef[], range: ByteRange | undefined): readonly Cut[] {
  const begin = range?.offset ?? 0;
  const end = range === undefined ? Infinity : begin + range.length;
  const cuts: Cut[] = [];
  let at = 0;
  for (const chunk of chunks) {
    const from = Math.max(0, begin - at);
    const to = Math.min(chunk.size, end - at);
    if (from < to) cuts.push({ chunk, from, to });
    at += chunk.size;
  }
  return cuts;
}

/** Chunks located at once. */
const LOCATED_AT_ONCE = 1000;

function* slicedParts(parts: readonly Uint8Array[], from: number, to: number): Iterable<Uint8Array> {
  let at = 0;
  for (const part of parts) {
    const begin = Math.max(0, from - at);
    const end = Math.min(part.length, to - at);
    if (begin < end) yield part.subarray(begin, end);
    at += part.length;
  }
}

/**
 * The bytes of a file's content, or of a range of it. Throws before or between bytes with the code of what failed;
 * a stream that ends early has to be cut by its transport, never completed.
 */
export async function* readContent(ports: FetchPorts, caller: Caller, content: ReadContent): Runs {
  const { workspaceId } = content;
  const relocate = relocateFor(ports.ledger, caller, workspaceId);
  const cuts = cutsOf(content.chunks, content.range);

  function windowFor(cut: Cut, stored: StoredChunk | undefined): Window {
    return {
      bytes: 2 * cut.chunk.size,
      async load(memory) {
        if (stored === undefined)
          throw new CodedError('chunk_missing', `Chunk ${cut.chunk.id} of this file is not stored`);
        const read = await ports.reader.readRaw(stored, relocate, memory);
        if ('fault' in read) throw new CodedError(read.fault.code, read.fault.detail);
        return [...slicedParts(read.raw, cut.from, cut.to)];
      },
      refuse(reason) {
        throw reason;
      },
    };
  }
  for (let at = 0; at < cuts.length; at += LOCATED_AT_ONCE) {
    const some = cuts.slice(at, at + LOCATED_AT_ONCE);
    const located = await ports.ledger.locate(
      caller,
      workspaceId,
      some.map(({ chunk }) => chunk.id),
    );
    yield* readAhead(
      some.map((cut) => windowFor(cut, located.get(cut.chunk.id))),
      ports.budget.of(caller.userId),
    );
  }
}
