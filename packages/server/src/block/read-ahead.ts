import { CodedError } from '@satchel/protocol/errors.ts';
import type { ByteBudget } from './byte-budget.ts';

/** A part of an answer that is made as a whole. */
export interface Window {
  /** Memory that making it takes. */
  readonly bytes: number;
  load(): Promise<readonly Uint8Array[]>;
  /** Instead, when there is no memory to be had: what to answer, or what it throws. */
  refuse(reason: CodedError): readonly Uint8Array[];
}

interface Loading {
  readonly room: Disposable;
  readonly parts: Promise<readonly Uint8Array[]>;
}

function begin(window: Window, room: Disposable): Loading {
  const parts = window.load();
  // Awaited later, or never when the reader goes away.
  parts.catch(() => undefined);
  return { room, parts };
}

/**
 * The windows' parts in order; while one is being read by the receiver the next is made. Reading ahead only takes
 * memory that is free: whoever holds some never waits for more, so that slow receivers cannot block each other.
 */
export async function* readAhead(windows: readonly Window[], budget: ByteBudget): AsyncGenerator<Uint8Array, void> {
  let ahead: Loading | undefined;
  try {
    for (const [index, window] of windows.entries()) {
      let current = ahead;
      ahead = undefined;
      try {
        current ??= begin(window, await budget.take(window.bytes));
      } catch (error) {
        if (!(error instanceof CodedError)) throw error;
        yield* window.refuse(error);
        continue;
      }
      using memory = new DisposableStack();
      memory.use(current.room);
      const loaded = await current.parts;
      const next = windows[index + 1];
      const nextRoom = next === undefined ? undefined : budget.tryTake(next.bytes);
      if (next !== undefined && nextRoom !== undefined) ahead = begin(next, nextRoom);
      yield* loaded;
    }
  } finally {
    ahead?.room[Symbol.dispose]();
  }
}
