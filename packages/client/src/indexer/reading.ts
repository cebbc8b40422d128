import type { ObjectId } from '@satchel/protocol/ids.ts';
import type { Hashing, ScanResult } from '../ports/hashing.ts';
import { SIGNED_FILE_BYTES } from '../ports/hashing.ts';
import type { Disk } from '../ports/disk.ts';
import type { ChunkIndex } from '../state/chunk-index.ts';
import type { TreeStore } from '../state/trees.ts';
import type { LocalTree } from './local-tree.ts';
import { identityOf, isExecutable, millisecondsOf, sameStat } from './observation.ts';
import { faultMessage, type PathProblems } from './problems.ts';

export interface ReadingDeps {
  readonly disk: Disk;
  readonly trees: TreeStore;
  readonly tree: LocalTree;
  readonly chunks: ChunkIndex;
  readonly hashing: Hashing;
  readonly problems: PathProblems;
  /** Before a changed content is recorded: something else may be about to use the old one. */
  readonly transaction: <T>(work: () => T) => T;
}

/** `again`: it changed while it was read, or its folder is not known yet. `gone`: no file lies there any more. */
export type ReadOutcome = 'recorded' | 'again' | 'gone' | 'unreadable';

/** Nothing lies there, or something that is no file. */
const NO_FILE: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'EISDIR', 'ELOOP', 'ENOTSUP']);

export interface FileToRead {
  readonly path: string;
  readonly objectId: ObjectId | undefined;
}

/**
 * Reads files on the hashing threads and records what was stable: fstat before = fstat after = lstat by path (H13).
 * @returns one outcome per file, in order
 */
export async function readFiles(
  deps: ReadingDeps,
  files: readonly FileToRead[],
  signal: AbortSignal,
): Promise<readonly ReadOutcome[]> {
  const requests = files.map(({ path, objectId }) => {
    const content = objectId === undefined ? undefined : deps.trees.local.get(objectId)?.content;
    const known = content?.kind === 'file' && content.size >= SIGNED_FILE_BYTES ? content : undefined;
    const base = known === undefined ? undefined : deps.chunks.manifest(known.hash, known.size);
    return { path: deps.disk.absolute(path), ...(base === undefined ? {} : { base }) };
  });
  const results = await deps.hashing.scan(requests, signal);
  return deps.transaction(() =>
    results.map((result, index) => {
      const file = files[index];
      return file === undefined ? 'gone' : recordOrReport(deps, file.path, result);
    }),
  );
}

/** One file that cannot be looked at must not take the others' results with it (H102). */
function recordOrReport(deps: ReadingDeps, path: string, result: ScanResult): ReadOutcome {
  try {
    return record(deps, path, result);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && 'path' in error)) throw error;
    return refuse(deps, path, { code: String(error.code), message: error.message });
  }
}

function record(deps: ReadingDeps, path: string, result: ScanResult): ReadOutcome {
  if (result.outcome === 'unreadable') return refuse(deps, path, result);
  const stat = deps.disk.stat(path);
  if (stat === undefined) return 'gone';
  const stable = sameStat(result.before, result.after) && sameStat(result.after, identityOf(stat));
  if (stat.type !== 'file') return 'gone';
  if (!stable) return 'again';
  const cut = path.lastIndexOf('/');
  const folder = deps.tree.folderAt(cut < 0 ? '' : path.slice(0, cut));
  if (folder === undefined) return 'again';
  const { hash, size, chunks } = result;
  const content = {
    kind: 'file' as const,
    hash,
    size,
    executable: isExecutable(stat),
    mtimeMs: millisecondsOf(stat.mtimeNs),
  };
  deps.chunks.putManifest(hash, chunks);
  const row = deps.tree.observe(folder, path.slice(cut + 1), stat, content);
  deps.chunks.indexObject(row.objectId, chunks);
  deps.problems.clear(path);
  return 'recorded';
}

function refuse(deps: ReadingDeps, path: string, { code, message }: { code: string; message: string }): ReadOutcome {
  if (NO_FILE.has(code)) return 'gone';
  deps.problems.add(path, 'unreadable', faultMessage(path, Object.assign(new Error(message), { code })));
  return 'unreadable';
}
