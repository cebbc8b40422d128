import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, link, lstat, open, rename, statfs, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { chunkRanges, type ChunkRange } from '@satchel/core/manifest.ts';
import type { Hashing, LocalCopy, WantedChunk } from '../ports/hashing.ts';
import type { Downloader } from '../transfer/download.ts';
import { CommandError } from './command-error.ts';
import { EXIT } from './exit-codes.ts';
import { chunksOf } from './remote-copy.ts';
import type { RemoteDrive, RemoteFile } from './remote-drive.ts';
import type { TransferReport } from './transfer-report.ts';
import { formatBytes } from './units.ts';

export interface DownloadTools {
  readonly drive: RemoteDrive;
  readonly hashing: Hashing;
  readonly downloader: Downloader;
  readonly report: TransferReport;
  /** What stands at the target gives way. */
  readonly replaces: boolean;
}

export interface FileDownload {
  readonly file: RemoteFile;
  /** Absolute. */
  readonly local: string;
}

interface Part extends FileDownload {
  /** Where it is built; what an interrupted download left there is used. */
  readonly part: string;
  readonly ranges: readonly ChunkRange[];
}

/** A chunk to be fetched, and the file on the server that it is of. */
interface Missing {
  readonly path: string;
  readonly chunk: WantedChunk;
}

/** Seconds as a double fall a little short of many milliseconds, and the system cuts off what is behind the point. */
const HALF_MICROSECOND_MS = 0.0005;
const CHECKED_AT_ONCE = 256;

/** Files of any workspaces, built beside their targets and put into place when they are complete. */
export async function downloadFiles(tools: DownloadTools, downloads: readonly FileDownload[]): Promise<void> {
  const { report } = tools;
  const byWorkspace = Map.groupBy(downloads, ({ file }) => file.workspaceId);
  for (const some of byWorkspace.values()) {
    try {
      await downloadTogether(tools, some);
    } catch (error) {
      if (some.length === 1 || tools.drive.signal.aborted) {
        for (const { file, local } of some) await report.failed({ path: file.path, local }, error);
      } else for (const one of some) await downloadFiles(tools, [one]); // each on its own: one must not stop the others
    }
  }
}

async function downloadTogether(tools: DownloadTools, downloads: readonly FileDownload[]): Promise<void> {
  const { drive, report, downloader } = tools;
  const parts: Part[] = [];
  for (const download of downloads) {
    if (await isHereAlready(tools, download)) continue;
    const ranges = chunkRanges(await chunksOf(drive, download.file));
    parts.push({ ...download, part: partOf(download.local), ranges });
    report.begin(download.file.path, download.file.record.version.size);
  }
  const [first] = parts;
  if (first === undefined) return;
  await expectRoom(parts);
  const wanted: Missing[] = [];
  for (const part of parts) wanted.push(...(await missingOf(tools, part)));
  const owners = wanted.map(({ path }) => path);
  await downloader.fetchChunks(
    {
      workspaceId: first.file.workspaceId,
      wanted: wanted.map(({ chunk }) => chunk),
      done: (indices) => {
        for (const at of indices) report.moved(owners[at] ?? '', bytesOf(wanted[at]?.chunk));
      },
    },
    drive.signal,
  );
  for (const part of parts) await putIntoPlace(tools, part);
}

/** Other programs call what they have begun `NAME.part`, beside which this one may be asked for NAME. */
const PART = '.satchel.part';
/** The longest name that a disk holds, in bytes. */
const LONGEST_NAME = 255;

/** Beside the file and always the same, so that the next download finds it. */
function partOf(local: string): string {
  const name = basename(local);
  if (Buffer.byteLength(name) + PART.length <= LONGEST_NAME) return local + PART;
  return join(dirname(local), createHash('sha256').update(name).digest('hex') + PART);
}

function bytesOf(chunk: WantedChunk | undefined): number {
  return chunk === undefined ? 0 : chunk.size * chunk.targets.length;
}

/** Reported when it is; throws CommandError when something else stands there and must not give way. */
async function isHereAlready(tools: DownloadTools, { file, local }: FileDownload): Promise<boolean> {
  const present = await lstat(local).catch(absent);
  if (present === undefined) return false;
  const { version } = file.record;
  if (present.isFile() && present.size === version.size) {
    const [scan] = await tools.hashing.scan([{ path: local }], tools.drive.signal);
    if (scan?.outcome === 'scanned' && scan.hash === version.contentHash) {
      tools.report.moved(file.path, version.size);
      tools.report.add({ path: file.path, local, outcome: 'unchanged', bytes: version.size });
      return true;
    }
  }
  if (tools.replaces && present.isFile()) return false;
  throw new CommandError('exists', EXIT.conflict, `${local} exists already and is another.`, {
    next: `satchel get --force ${file.path}`,
  });
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT') return undefined;
  throw error;
}

async function expectRoom(parts: readonly Part[]): Promise<void> {
  const [first] = parts;
  if (first === undefined) return;
  const { bavail, bsize } = await statfs(dirname(first.local));
  let needed = 0;
  for (const { file, part } of parts) {
    const begun = await lstat(part).catch(absent);
    needed += Math.max(0, file.record.version.size - (begun?.blocks ?? 0) * 512);
  }
  if (needed <= bavail * bsize) return;
  const message = `${dirname(first.local)} has ${formatBytes(bavail * bsize)} free, and ${formatBytes(needed)} are needed.`;
  throw new CommandError('disk_full', EXIT.tryAgain, message);
}

/** Chunks of the file that its part does not hold yet, each once. */
async function missingOf(
  { hashing, drive, report }: DownloadTools,
  { file, part, ranges }: Part,
): Promise<readonly Missing[]> {
  const begun = await lstat(part).catch(absent);
  if (begun !== undefined && !begun.isFile())
    throw new CommandError('exists', EXIT.conflict, `${part} is in the way: it is no file.`);
  const held = new Set<number>();
  if (begun !== undefined) {
    for (let from = 0; from < ranges.length; from += CHECKED_AT_ONCE) {
      const some = ranges
        .slice(from, from + CHECKED_AT_ONCE)
        .map(({ id, size, offset }): LocalCopy => ({ id, size, from: { path: part, offset }, targets: [] }));
      for (const at of await hashing.copyLocal(some, drive.signal)) {
        held.add(from + at);
        report.moved(file.path, some[at]?.size ?? 0);
      }
    }
  }
  const missing = ranges.filter((_, at) => !held.has(at));
  return [...Map.groupBy(missing, ({ id }) => id).values()].flatMap((places) => {
    const [first] = places;
    if (first === undefined) return [];
    const targets = places.map(({ offset }) => ({ path: part, offset }));
    return [{ path: file.path, chunk: { id: first.id, size: first.size, targets } }];
  });
}

/** Complete, durable, and only then under its name. */
async function putIntoPlace({ report, replaces }: DownloadTools, { file, local, part }: Part): Promise<void> {
  const { size, mtimeMs, executable } = file.record.version;
  const handle = await open(part, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o666);
  try {
    await handle.truncate(size);
    const mtimeSeconds = (mtimeMs + HALF_MICROSECOND_MS) / 1000;
    await handle.utimes(mtimeSeconds, mtimeSeconds);
    await handle.sync();
  } finally {
    await handle.close();
  }
  const umask = process.umask();
  await chmod(part, (executable ? 0o777 : 0o666) & ~umask);
  if (replaces) await rename(part, local);
  else await renameWithoutReplacing(part, local);
  report.add({ path: file.path, local, outcome: 'done', bytes: size });
}

/** What has appeared at the target meanwhile stays. */
async function renameWithoutReplacing(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const cannotLink = code === 'EPERM' || code === 'ENOTSUP' || code === 'ENOSYS' || code === 'EMLINK';
    if (!cannotLink) throw error;
    if ((await lstat(to).catch(absent)) !== undefined)
      throw new CommandError('exists', EXIT.conflict, `${to} exists already.`, { cause: error });
    await rename(from, to);
    return;
  }
  await unlink(from);
}
