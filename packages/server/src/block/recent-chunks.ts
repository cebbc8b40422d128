import type { ChunkId } from '@satchel/protocol/ids.ts';
import { lengthOf, type Content } from './content.ts';

/**
 * Contents of chunks that were stored or read a moment ago: receivers fetch what a sender has just sent, and deltas
 * name the same base again and again. Says nothing of who may read them.
 */
export interface RecentChunks {
  get(id: ChunkId): Content | undefined;
  set(id: ChunkId, content: Content): void;
}

/** A view of much larger memory is copied, or it would keep all of that alive. */
function owned(part: Uint8Array): Uint8Array {
  return part.buffer.byteLength > 2 * part.length + 4096 ? Uint8Array.from(part) : part;
}

export function createRecentChunks(limitBytes: number): RecentChunks {
  const contents = new Map<ChunkId, Content>();
  let held = 0;
  function drop(id: ChunkId): Content | undefined {
    const content = contents.get(id);
    if (content === undefined) return undefined;
    contents.delete(id);
    held -= lengthOf(content.parts);
    return content;
  }
  function keep(id: ChunkId, content: Content): void {
    contents.set(id, content);
    held += lengthOf(content.parts);
    for (const oldest of contents.keys()) {
      if (held <= limitBytes) break;
      drop(oldest);
    }
  }
  return {
    get(id) {
      const content = drop(id);
      if (content !== undefined) keep(id, content);
      return content;
    },
    set(id, content) {
      drop(id);
      if (lengthOf(content.parts) <= limitBytes / 4) keep(id, { ...content, parts: content.parts.map(owned) });
    },
  };
}
