import { readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';

const MOUNT_TABLE = '/proc/self/mountinfo';

/** Tells where below a folder something else is mounted; nowhere on a system without a table of mounts. */
export function createMountPoints(root: string): { has(path: string): boolean } {
  let known: ReadonlySet<string> | undefined;
  return {
    has(path) {
      if (known === undefined) {
        known = mountPoints();
        // For one synchronous run: a walk over many folders reads the table once, and none uses an old one.
        queueMicrotask(() => (known = undefined));
      }
      return known.size > 0 && known.has(join(realpathSync(root), path));
    },
  };
}

function mountPoints(): ReadonlySet<string> {
  try {
    return parseMountTable(readFileSync(MOUNT_TABLE, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Set();
    throw error;
  }
}

/** proc(5): the fifth field of each line, with blanks and backslashes as octal escapes. */
export function parseMountTable(text: string): ReadonlySet<string> {
  const points = text.split('\n').flatMap((line) => line.split(' ')[4] ?? []);
  return new Set(points.map((point) => point.replace(/\\([0-7]{3})/g, (_, code: string) => octal(code))));
}

function octal(code: string): string {
  return String.fromCharCode(Number.parseInt(code, 8));
}
