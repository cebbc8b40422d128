import { hash } from 'node:crypto';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { DirtyPath } from '../ports/watcher.ts';

/**
 * Finds changed folders by looking. Remembers one short digest per folder, over the names and stats of its entries, so
 * that an edit in place is seen, which a folder's own mtime does not tell, and no list of files is kept in memory.
 */
export interface TreePoller {
  /**
   * Looks at everything at and below `starts` (paths relative to the root). Returns the folders that are new, changed
   * or absent since the last sweep; ends early, with what it has, when the signal aborts.
   */
  sweep(starts: readonly string[], signal: AbortSignal): Promise<readonly string[]>;
}

export interface PollSettings {
  /** Name of the entry of the root that is not looked at. */
  readonly privateFolder: string;
  /** Between two sweeps, at the least. */
  readonly intervalMs: number;
  readonly clock: PollClock;
}

export interface PollClock {
  monotonic(): number;
  /** Resolves after `ms`, or at once when the signal aborts. */
  delay(ms: number, signal?: AbortSignal): Promise<void>;
}

/** A sweep is followed by at least so many times its own length of rest. */
const REST_FACTOR = 20;

/** Waits for the next sweep: the interval, longer after a sweep that took long. */
export function restAfter(sweepMs: number, settings: PollSettings, signal: AbortSignal): Promise<void> {
  return settings.clock.delay(Math.max(settings.intervalMs, sweepMs * REST_FACTOR), signal);
}

export function dirtyFolder(path: string): DirtyPath {
  return { kind: 'dirty', path, closed: false, deep: false };
}

/** lstat calls in flight. */
const BATCH = 64;
/** 72 bits: a change goes unseen once in 10^21. */
const DIGEST_CHARACTERS = 12;

export function createTreePoller(root: string, privateFolder: string): TreePoller {
  const known = new Map<string, string>();
  return {
    async sweep(starts, signal) {
      const visited = new Set<string>();
      const dirty: string[] = [];
      const waiting = [...starts];
      for (let path = waiting.pop(); path !== undefined && !signal.aborted; path = waiting.pop()) {
        const seen = await look(join(root, path), path === '' ? privateFolder : undefined);
        if (seen === undefined) continue;
        visited.add(path);
        if (known.get(path) !== seen.digest) dirty.push(path);
        known.set(path, seen.digest);
        for (const name of seen.folders) waiting.push(path === '' ? name : `${path}/${name}`);
      }
      if (!signal.aborted) {
        for (const path of known.keys()) {
          if (visited.has(path)) continue;
          known.delete(path);
          dirty.push(path);
        }
      }
      return dirty;
    },
  };
}

/** Undefined when no folder is there. One that cannot be read has a digest that says so: its change is news as well. */
async function look(
  folder: string,
  skipped: string | undefined,
): Promise<{ readonly digest: string; readonly folders: readonly string[] } | undefined> {
  let names: readonly string[];
  try {
    if (!(await lstat(folder)).isDirectory()) return undefined;
    names = (await readdir(folder)).filter((name) => name !== skipped).sort();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    return code === 'ENOENT' || code === 'ENOTDIR' ? undefined : { digest: code, folders: [] };
  }
  const folders: string[] = [];
  const lines: string[] = [];
  for (let at = 0; at < names.length; at += BATCH) {
    const batch = names.slice(at, at + BATCH);
    const entries = await Promise.all(batch.map(async (name) => ({ name, line: await describe(join(folder, name)) })));
    for (const { name, line } of entries) {
      lines.push(`${name}\0${line}`);
      if (line.startsWith('folder')) folders.push(name);
    }
  }
  return { digest: hash('sha256', lines.join('\n'), 'base64').slice(0, DIGEST_CHARACTERS), folders };
}

/** A folder's times and size follow from its entries, and those are digested where it is visited itself. */
async function describe(path: string): Promise<string> {
  try {
    const stat = await lstat(path);
    if (stat.isDirectory()) return `folder ${stat.ino} ${stat.mode}`;
    return `${stat.ino} ${stat.mode} ${stat.size} ${stat.mtimeMs} ${stat.ctimeMs}`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown';
  }
}
