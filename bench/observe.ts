/** Seeing from outside when something stands in a folder; looks are kept cheap so that they do not weigh on the measured. */
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hashFile } from '../test/support/tree.ts';
import { until } from '../test/support/until.ts';
import { gridFolder, type Grid } from './material.ts';

const patienceMs = 600_000;

export async function untilFile(path: string, sizeBytes: number, everyMs = 5): Promise<void> {
  await until(() => lstatSync(path, { throwIfNoEntry: false })?.size === sizeBytes, {
    timeoutMs: patienceMs,
    what: `${path} has ${sizeBytes} bytes`,
    everyMs,
  });
}

export async function untilGone(path: string, everyMs = 5): Promise<void> {
  await until(() => lstatSync(path, { throwIfNoEntry: false }) === undefined, {
    timeoutMs: patienceMs,
    what: `${path} is gone`,
    everyMs,
  });
}

/** Until a file has this content; the hash is taken only when inode or time have changed. */
export async function untilContent(path: string, sha256: string, everyMs = 5): Promise<void> {
  let seen = '';
  await until(
    () => {
      const stat = lstatSync(path, { throwIfNoEntry: false, bigint: true });
      const now = stat === undefined ? '' : `${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}`;
      if (now === seen) return false;
      seen = now;
      return stat !== undefined && hashFile(path) === sha256;
    },
    { timeoutMs: patienceMs, what: `${path} has content ${sha256.slice(0, 10)}`, everyMs },
  );
}

/** Until all files of a grid are there under their final names; folders already complete are not looked at again. */
export async function untilGrid(root: string, grid: Grid, everyMs = 20): Promise<void> {
  let complete = 0;
  await until(
    () => {
      while (complete < grid.folders && countOf(join(root, gridFolder(complete))) >= grid.filesPerFolder) complete++;
      return complete === grid.folders;
    },
    {
      timeoutMs: patienceMs,
      what: () => `${root} has all its files (complete folders: ${complete} of ${grid.folders})`,
      everyMs,
    },
  );
}

function countOf(folder: string): number {
  try {
    return readdirSync(folder).filter((name) => name.startsWith('file-')).length;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}

/** Throws unless both grids hold the same bytes. */
export function assertSameGrid(a: string, b: string, grid: Grid): void {
  for (let d = 0; d < grid.folders; d++) {
    for (let f = 0; f < grid.filesPerFolder; f++) {
      const path = join(gridFolder(d), `file-${f}.bin`);
      if (!readFileSync(join(a, path)).equals(readFileSync(join(b, path)))) throw new Error(`${path} differs`);
    }
  }
}

/** Seconds that `work` takes. */
export async function timed(work: () => Promise<void>): Promise<number> {
  const begin = performance.now();
  await work();
  return (performance.now() - begin) / 1000;
}
