import { open } from 'node:fs/promises';

/** Makes the names in a directory durable. Calls that come while a sync of the directory runs share the next one. */
export interface DirectorySync {
  sync(directory: string): Promise<void>;
}

interface Syncs {
  running: Promise<void>;
  next: Promise<void> | undefined;
}

async function syncNow(directory: string): Promise<void> {
  await using handle = await open(directory, 'r');
  await handle.sync();
}

/** RACE: a rename done after a running sync began may be missed by it, so that a caller always waits for one that begins later. */
export function createDirectorySync(): DirectorySync {
  const syncs = new Map<string, Syncs>();

  async function begin(directory: string, state: Syncs): Promise<void> {
    await state.running.catch(() => undefined /* its own callers hear of it */);
    state.next = undefined;
    const run = syncNow(directory);
    state.running = run;
    try {
      await run;
    } finally {
      if (state.running === run && state.next === undefined) syncs.delete(directory);
    }
  }

  return {
    sync(directory) {
      let state = syncs.get(directory);
      if (state === undefined) {
        state = { running: Promise.resolve(), next: undefined };
        syncs.set(directory, state);
      }
      state.next ??= begin(directory, state);
      return state.next;
    },
  };
}
