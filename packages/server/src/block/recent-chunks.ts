import type { ChunkId } from '@satchel/protocol/ids.ts';
import { lengthOf, type Content } from './content.ts';
import { giveBack, giveBackWith } from './memory.ts';

/**
 * Contents of chunks that were stored or read a moment ago: receivers fetch what a sender has just sent, and deltas
 * name the same base again and again. Says nothing of who may read them.
 */
export interface RecentChunks {
  /** The content stays whole at least until `memory` is disposed. */
  get(id: ChunkId, memory: DisposableStack): Content | undefined;
  /** Takes the content over, to give its memory back in time. As with `get` it stays whole until `memory` is disposed. */
  set(id: ChunkId, content: Content, memory: DisposableStack): void;
}

interface Entry {
  readonly content: Content;
  readonly bytes: number;
  /** Those it is lent to, and this store itself while it keeps it. */
  holders: number;
}

/** A view of longer memory is copied, or it would keep all of that alive. */
function owned(part: Uint8Array): Uint8Array {
  return part.byteLength === part.buffer.byteLength ? part : new Uint8Array(part);
}

export function createRecentChunks(limitBytes: number): RecentChunks {
  const entries = new Map<ChunkId, Entry>();
  let held = 0;

  function leave(entry: Entry): void {
    entry.holders--;
    if (entry.holders === 0) giveBack(entry.content.parts);
  }
  function take(id: ChunkId): Entry | undefined {
    const entry = entries.get(id);
    if (entry === undefined) return undefined;
    entries.delete(id);
    held -= entry.bytes;
    return entry;
  }
  function drop(id: ChunkId): void {
    const entry = take(id);
    if (entry !== undefined) leave(entry);
  }
  function keep(id: ChunkId, entry: Entry): void {
    entries.set(id, entry);
    held += entry.bytes;
    for (const oldest of entries.keys()) {
      if (held <= limitBytes) break;
      drop(oldest);
    }
  }
  function lend(entry: Entry, memory: DisposableStack): void {
    entry.holders++;
    memory.defer(() => leave(entry));
  }
  return {
    get(id, memory) {
      const entry = take(id);
      if (entry === undefined) return undefined;
      lend(entry, memory);
      keep(id, entry);
      return entry.content;
    },
    set(id, content, memory) {
      drop(id);
      const bytes = lengthOf(content.parts);
      if (bytes > limitBytes / 4) {
        giveBackWith(memory, content.parts);
        return;
      }
      const entry: Entry = { content: { ...content, parts: content.parts.map(owned) }, bytes, holders: 1 };
      lend(entry, memory);
      keep(id, entry);
    },
  };
}
