import type { ChunkAt } from '../ports/hashing.ts';
import type { StatIdentity } from '../ports/disk.ts';
import type { Task } from './hash-messages.ts';
import { isUnreadable, openToRead, readInto, statOf, turn } from './hash-worker-files.ts';
import { withWindow, type Reading } from './hash-worker-scan.ts';

/** Where chunks of an earlier version stand in a file now. */
export interface Standing {
  /** fstat before the first and after the last read. */
  readonly before: StatIdentity;
  readonly after: StatIdentity;
  readonly chunks: readonly ChunkAt[];
}

/**
 * Looks for chunks where they were, and where they would be if all that has changed in length lies before them; the
 * place that held for the last one is tried first. Undefined when the file cannot be read.
 */
export async function standingChunks(
  { path, chunks, baseBytes }: Extract<Task, { kind: 'stand' }>,
  { context, aborted }: Reading,
): Promise<Standing | undefined> {
  try {
    using file = openToRead(path);
    const before = statOf(file.fd);
    const shift = before.size - baseBytes;
    let last = 0;
    const found: ChunkAt[] = [];
    await withWindow(context, async (memory) => {
      for (const { id, size, offset: was } of chunks) {
        if (aborted()) return;
        const bytes = memory.subarray(0, size);
        // The last cut of a file is made by its end, not by its bytes.
        const isPlace = (offset: number) => offset >= 0 && (was + size < baseBytes || offset + size === before.size);
        const places = [was + last, was + shift - last].filter(isPlace);
        const offset = [...new Set(places)].find((place) => readInto(file.fd, { id, offset: place }, bytes));
        if (offset !== undefined) {
          found.push({ id, size, offset });
          last = offset - was;
        }
        await turn();
      }
    });
    return { before, after: statOf(file.fd), chunks: found };
  } catch (error) {
    if (isUnreadable(error)) return undefined;
    throw error;
  }
}
