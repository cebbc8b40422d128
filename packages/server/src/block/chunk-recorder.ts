import type { WorkspaceId } from '@satchel/protocol/ids.ts';
import type { Caller, ChunkLedger, StoredChunk } from '../ports/chunk-ledger.ts';

/** Tells the ledger of stored chunks; calls that come while one is on its way share the next (S5). */
export interface ChunkRecorder {
  /** Resolves when the chunks are recorded and linked. */
  record(caller: Caller, workspaceId: WorkspaceId, chunks: readonly StoredChunk[]): Promise<void>;
}

interface Line {
  readonly pending: StoredChunk[];
  next: Promise<void> | undefined;
  running: Promise<void>;
}

export function createChunkRecorder(ledger: Pick<ChunkLedger, 'recordStored'>): ChunkRecorder {
  const lines = new Map<string, Line>();
  return {
    record(caller, workspaceId, chunks) {
      const name = `${caller.userId} ${caller.deviceId} ${workspaceId}`;
      let line = lines.get(name);
      if (line === undefined) {
        line = { pending: [], next: undefined, running: Promise.resolve() };
        lines.set(name, line);
      }
      const open = line;
      open.pending.push(...chunks);
      const previous = open.running;
      open.next ??= (async () => {
        await previous.catch(() => undefined /* its own callers hear of it */);
        open.next = undefined;
        const taken = open.pending.splice(0);
        const run = ledger.recordStored(caller, workspaceId, taken);
        open.running = run;
        try {
          await run;
        } finally {
          if (open.running === run && open.next === undefined) lines.delete(name);
        }
      })();
      return open.next;
    },
  };
}
