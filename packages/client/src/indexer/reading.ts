import type { ObjectId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { IgnoreRules } from '@satchel/core/ignore-rules.ts';
import type { Hashing, ScanResult } from '../ports/hashing.ts';
import { SIGNED_FILE_BYTES } from '../ports/hashing.ts';
import type { Disk } from '../ports/disk.ts';
import type { ChunkIndex } from '../state/chunk-index.ts';
import type { TreeStore } from '../state/trees.ts';
import { diskNameOf } from '../state/paths.ts';
import type { KnownFolder, LocalTree } from './local-tree.ts';
import { identityOf, isExecutable, millisecondsOf, sameStat } from './observation.ts';
import { SHORTAGES } from '../ports/shortage.ts';
import { faultMessage, type PathProblems } from './problems.ts';

/** From this size on a new file is sent while it is read. */
const SENT_WHILE_READ_BYTES = 16 * 1024 * 1024;

export interface ReadAndSend {
  /** Absolute. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly objectId: ObjectId;
  readonly workspaceId: WorkspaceId;
}

export interface ReadingDeps {
  readonly disk: Disk;
  readonly trees: TreeStore;
  readonly tree: LocalTree;
  readonly chunks: ChunkIndex;
  readonly hashing: Hashing;
  readonly problems: PathProblems;
  readonly rules: () => IgnoreRules;
  /** Scans a file and sends its chunks on the way; undefined: nothing is to be sent now. */
  readonly readAndSend: (file: ReadAndSend, signal: AbortSignal) => Promise<ScanResult> | undefined;
  /** Something is different there than Local has it: look at these paths again. */
  readonly lookAt: (paths: readonly string[]) => void;
  /** A path, or an inode at whatever path, that the applier is about to record. */
  readonly isReserved: (path: string, ino: number | undefined) => boolean;
  /** Before a changed content is recorded: something else may be about to use the old one. */
  readonly transaction: <T>(work: () => T) => T;
}

/**
 * `again`: it changed while it was read, is about to be changed by this device, or its folder is not known yet.
 * `gone`: no file that can be synced lies there, or another one than was to be read.
 */
export type ReadOutcome = 'recorded' | 'again' | 'gone' | 'unreadable';

/** Nothing lies there, or something that is no file. */
const NO_FILE: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'EISDIR', 'ELOOP', 'ENOTSUP']);

export interface FileToRead {
  readonly path: string;
  readonly objectId: ObjectId | undefined;
  /** The inode that Local has there, when another one has taken its place and it is known where it went (H32). */
  readonly replaced?: number | undefined;
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
  const sending =
    requests.length === 1 && requests[0]?.base === undefined ? sendFirst(deps, files[0], signal) : undefined;
  const results = sending === undefined ? await deps.hashing.scan(requests, signal) : [await sending];
  return deps.transaction(() =>
    results.map((result, index) => {
      const file = files[index];
      return file === undefined ? 'gone' : recordOrReport(deps, file, result);
    }),
  );
}

/** A long file of which the server has no version is read once for both its chunk list and its upload. */
function sendFirst(
  { disk, tree, readAndSend }: ReadingDeps,
  file: FileToRead | undefined,
  signal: AbortSignal,
): Promise<ScanResult> | undefined {
  const stat = file === undefined ? undefined : disk.stat(file.path);
  if (file === undefined || stat === undefined || stat.size < SENT_WHILE_READ_BYTES) return undefined;
  const { path, objectId = tree.reserveId(stat.ino) } = file;
  const workspaceId = tree.folderAt(folderOf(path))?.workspaceId;
  if (workspaceId === undefined) return undefined;
  return readAndSend({ path: disk.absolute(path), sizeBytes: stat.size, objectId, workspaceId }, signal);
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

/** One file that cannot be looked at must not take the others' results with it (H102). */
function recordOrReport(deps: ReadingDeps, file: FileToRead, result: ScanResult): ReadOutcome {
  try {
    return record(deps, file, result);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && 'path' in error)) throw error;
    return refuse(deps, file.path, { code: String(error.code), message: error.message });
  }
}

function record(deps: ReadingDeps, { path, objectId, replaced }: FileToRead, result: ScanResult): ReadOutcome {
  if (result.outcome === 'unreadable') return refuse(deps, path, result);
  const stat = deps.disk.stat(path);
  if (stat === undefined) return 'gone';
  const stable = sameStat(result.before, result.after) && sameStat(result.after, identityOf(stat));
  // It may have become ignored since, and its folder with it.
  if (stat.type !== 'file' || deps.rules().ignores(path, false)) return 'gone';
  if (!stable) return 'again';
  if (deps.isReserved(path, stat.ino)) return 'again';
  const folder = deps.tree.folderAt(folderOf(path));
  if (folder === undefined) return 'again';
  if (isTakenInOtherForm(deps, folder, path)) return 'gone';
  const diskName = path.slice(path.lastIndexOf('/') + 1);
  const known = deps.tree.rowAt(folder.objectId, diskName)?.stat.ino;
  // RACE: replaced since it was looked at. Where to that went is to be known first, since its identity goes along (H32).
  if (known !== undefined && known !== stat.ino && known !== replaced) return 'gone';
  const { hash, size, chunks } = result;
  const content = {
    kind: 'file' as const,
    hash,
    size,
    executable: isExecutable(stat),
    mtimeMs: millisecondsOf(stat.mtimeNs),
  };
  deps.chunks.putManifest(hash, chunks);
  const row = deps.tree.observe(folder, diskName, stat, content);
  // Of a new short file nothing is known.
  if (objectId !== undefined || size >= SIGNED_FILE_BYTES) deps.chunks.indexObject(row.objectId, chunks);
  deps.problems.clear(path);
  if (stat.links > 1) deps.lookAt(deps.tree.staleLinks(row));
  return 'recorded';
}

/**
 * Whether the same name in its other Unicode form was read just before: when both were found, neither was known (H45).
 * Looked at again, it is a named problem.
 */
function isTakenInOtherForm({ disk, trees }: ReadingDeps, { objectId }: KnownFolder, path: string): boolean {
  const cut = path.lastIndexOf('/') + 1;
  const other = trees.local.childNamed({ parentId: objectId, name: path.slice(cut).normalize('NFC') });
  if (other === undefined || diskNameOf(other) === path.slice(cut)) return false;
  return disk.stat(path.slice(0, cut) + diskNameOf(other)) !== undefined;
}

function refuse(deps: ReadingDeps, path: string, { code, message }: { code: string; message: string }): ReadOutcome {
  if (NO_FILE.has(code)) return 'gone';
  if (SHORTAGES.has(code)) return 'again';
  deps.problems.add(path, 'unreadable', faultMessage(path, Object.assign(new Error(message), { code })));
  return 'unreadable';
}
