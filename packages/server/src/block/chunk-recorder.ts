import type { WorkspaceId } from '@satchel/protocol/ids.ts';
import type { Caller, ChunkLedger, StoredChunk } from '../ports/chunk-ledger.ts';
import type { Clock } from '../ports/clock.ts';

/**
 * Tells the ledger of stored chunks (S5). Calls share a transaction, and one word to those who prefetch: those that come
 * while one is on its way, and those that are just being written.
 */
export interface ChunkRecorder {
  /** Announces a call of `record` that is near; to be disposed right before it, or when there will be none. */
  expect(): Disposable;
  /** Resolves when the chunks are recorded and linked. */
  record(caller: Caller, workspaceId: WorkspaceId, chunks: readonly StoredChunk[]): Promise<void>;
}

/** So long, at most, one waits for others that are expected. */
const LINGER_MS = 10;

interface Line {
  readonly pending: StoredChunk[];
  next: Promise<void> | undefined;
  running: Promise<void>;
}

export function createChunkRecorder(ledger: Pick<ChunkLedger, 'recordStored'>, clock: Clock): ChunkRecorder {
  const lines = new Map<string, Line>();
  let expected = 0;
  let none = Promise.withResolvers<void>();

  function expect(): Disposable {
    let isOpen = true;
    if (expected++ === 0) none = Promise.withResolvers();
    return {
      [Symbol.dispose]() {
        if (!isOpen) return;
        isOpen = false;
        if (--expected === 0) none.resolve();
      },
    };
  }
  async function linger(): Promise<void> {
    if (expected === 0) return;
    const over = new AbortController();
    await Promise.race([none.promise, clock.delay(LINGER_MS, over.signal)]);
    over.abort();
  }
  return {
    expect,
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
        await linger();
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
