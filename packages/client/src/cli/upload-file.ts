import { statSync } from 'node:fs';
import type { PutOperation } from '@satchel/protocol/commit.ts';
import type { ObjectId, OperationId } from '@satchel/protocol/ids.ts';
import type { Hashing, ScanResult } from '../ports/hashing.ts';
import type { Uploader } from '../transfer/upload.ts';
import { CommandError } from './command-error.ts';
import { EXIT } from './exit-codes.ts';
import { commitOne, type PathOperation, type Target } from './remote-commit.ts';
import { chunksOf } from './remote-copy.ts';
import { freshId, isFile, shown, type RemoteDrive } from './remote-drive.ts';
import type { TransferReport } from './transfer-report.ts';

export interface UploadTools {
  readonly drive: RemoteDrive;
  readonly hashing: Hashing;
  readonly uploader: Uploader;
  readonly report: TransferReport;
}

export interface FileUpload {
  /** Absolute; /dev/stdin for a pipe. */
  readonly local: string;
  readonly shownLocal: string;
  /** Undefined: it is known at the end. */
  readonly size: number | undefined;
  readonly target: Target;
}

export type Scanned = Extract<ScanResult, { outcome: 'scanned' }>;

const TRIES = 3;

/** Reads, sends and commits one file of any length in one pass. */
export async function uploadFile(tools: UploadTools, upload: FileUpload): Promise<void> {
  const { drive, report } = tools;
  const { local, shownLocal, size, target } = upload;
  expectReplaceable(target);
  report.begin(target.path, size);
  const objectId = target.existing?.record?.objectId ?? freshId<ObjectId>();
  const scan = await sendFile(tools, upload, objectId);
  await commitPut(drive, scan, { local, target, objectId });
  report.add({ path: target.path, local: shownLocal, outcome: 'done', bytes: scan.size });
}

/** Somebody else made or changed the file meanwhile: this one becomes the next version, as if it had come later. */
const OVERTAKEN: ReadonlySet<string> = new Set(['name_taken', 'stale', 'not_found']);

async function commitPut(drive: RemoteDrive, scan: Scanned, place: PutPlace, tries = TRIES): Promise<void> {
  const { target } = place;
  try {
    await commitOne(drive, target.folder.workspaceId, putOf(scan, place));
  } catch (error) {
    const isOvertaken = error instanceof CommandError && OVERTAKEN.has(error.code);
    if (!isOvertaken || tries <= 1) throw error;
    const now = { ...target, existing: await drive.find(target.path) };
    expectReplaceable(now);
    const objectId = now.existing?.record?.objectId ?? freshId<ObjectId>();
    await commitPut(drive, scan, { ...place, target: now, objectId }, tries - 1);
  }
}

async function sendFile(tools: UploadTools, upload: FileUpload, objectId: ObjectId): Promise<Scanned> {
  const { drive, uploader, report } = tools;
  const { local, size, target } = upload;
  const base = await baseOf(drive, target);
  for (let tries = 1; ; tries++) {
    const { scan } = await uploader.uploadStream(
      {
        workspaceId: target.folder.workspaceId,
        path: local,
        objectId,
        follow: true,
        progress: (bytes) => report.moved(target.path, bytes),
        ...(base === undefined ? {} : { base }),
      },
      drive.signal,
    );
    if (scan.outcome === 'unreadable') throw unreadable(upload.shownLocal, scan);
    const isPipe = size === undefined;
    if (isPipe || isUnchanged(scan, local)) return scan;
    if (tries >= TRIES)
      throw new CommandError('changing', EXIT.tryAgain, `${local} keeps changing while it is read.`, {
        next: 'put it again when it is complete',
      });
  }
}

/** H13: what was read is one state of the file, not a mix of two. */
export function isUnchanged({ before, after }: Scanned, local: string): boolean {
  const now = statSync(local, { bigint: true, throwIfNoEntry: false });
  const same = before.size === after.size && before.mtimeNs === after.mtimeNs && before.ctimeNs === after.ctimeNs;
  return same && now !== undefined && Number(now.ino) === after.ino && now.mtimeNs.toString() === after.mtimeNs;
}

export function unreadable(local: string, { code, message }: Extract<ScanResult, { outcome: 'unreadable' }>): Error {
  return Object.assign(new Error(message), { code, path: local, syscall: 'read' });
}

/** Throws CommandError when something other than a file stands there. */
export function expectReplaceable({ existing }: Target): void {
  if (existing === undefined || existing.record?.kind === 'file') return;
  throw new CommandError('kind_mismatch', EXIT.conflict, `${shown(existing)} exists and is no file.`);
}

/** What the server has already of it, so that only the rest is sent. */
async function baseOf(drive: RemoteDrive, { existing, folder }: Target) {
  if (existing === undefined || !isFile(existing) || existing.workspaceId !== folder.workspaceId) return undefined;
  return chunksOf(drive, existing);
}

export interface PutPlace {
  readonly local: string;
  readonly target: Target;
  readonly objectId: ObjectId;
}

export function putOf(
  scan: Scanned,
  { target, objectId }: PutPlace,
): PathOperation & { readonly operation: PutOperation } {
  const { existing, folder, name, path } = target;
  const { after, size, hash, chunks } = scan;
  const isPipe = (after.mode & 0o170000) !== 0o100000;
  const mtimeMs = isPipe ? Date.now() : Math.round(Number(after.mtimeNs) / 1_000_000);
  const content = {
    size,
    contentHash: hash,
    mtimeMs,
    executable: !isPipe && (after.mode & 0o100) !== 0,
    list: { chunks: [...chunks] },
  };
  const operationId = freshId<OperationId>();
  const versionId = existing?.record?.version?.versionId ?? null;
  const place = existing === undefined ? { place: { parentId: folder.folderId, name } } : {};
  return { path, operation: { op: 'put', operationId, objectId, ...place, baseVersionId: versionId, content } };
}
