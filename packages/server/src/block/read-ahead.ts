import { CodedError } from '@satchel/protocol/errors.ts';
import type { ByteBudget } from './byte-budget.ts';

/** A part of an answer that is made as a whole. */
export interface Window {
  /** Memory that making it takes. */
  readonly bytes: number;
  /** @param memory of what was made; disposed when the receiver has taken it */
  load(memory: DisposableStack): Promise<readonly Uint8Array[]>;
  /** Instead, when there is no memory to be had: what to answer, or what it throws. */
  refuse(reason: CodedError): readonly Uint8Array[];
}

interface Loading {
  readonly room: Disposable;
  readonly memory: DisposableStack;
  readonly parts: Promise<readonly Uint8Array[]>;
}

/** Runs of parts of an answer. A run is the taker's until it asks for the next one. */
export type Runs = AsyncGenerator<readonly Uint8Array[], void>;

function begin(window: Window, room: Disposable): Loading {
  const memory = new DisposableStack();
  const parts = window.load(memory);
  // Awaited later, or never when the reader goes away.
  parts.catch(() => undefined);
  return { room, memory, parts };
}

/**
 * The windows' parts in order; while one is being read by the receiver the next is made. Reading ahead only takes
 * memory that is free: whoever holds some never waits for more, so that slow receivers cannot block each other.
 */
export async function* readAhead(windows: readonly Window[], budget: ByteBudget): Runs {
  let ahead: Loading | undefined;
  try {
    for (const [index, window] of windows.entries()) {
      let current = ahead;
      ahead = undefined;
      try {
        current ??= begin(window, await budget.take(window.bytes));
      } catch (error) {
        if (!(error instanceof CodedError)) throw error;
        yield window.refuse(error);
        continue;
      }
      using room = new DisposableStack();
      room.use(current.room);
      const loaded = await current.parts;
      const next = windows[index + 1];
      const nextRoom = next === undefined ? undefined : budget.tryTake(next.bytes);
      if (next !== undefined && nextRoom !== undefined) ahead = begin(next, nextRoom);
      yield loaded;
      // Not when the receiver has gone away: some of it may still be on its way.
      current.memory.dispose();
    }
  } finally {
    ahead?.room[Symbol.dispose]();
  }
}
