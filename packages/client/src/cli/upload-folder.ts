import { readdirSync, readlinkSync, statSync, type Dirent } from 'node:fs';
import { join } from 'node:path';
import { nameFault } from '@satchel/protocol/names.ts';
import type { ObjectId, OperationId } from '@satchel/protocol/ids.ts';
import { allIn, createLane } from '../transfer/lane.ts';
import type { PathOperation, PathResult, Target } from './remote-commit.ts';
import { commitAll, refusalOf } from './remote-commit.ts';
import { freshId, type FolderPlace, type RemoteObject } from './remote-drive.ts';
import { expectReplaceable, isUnchanged, putOf, unreadable, uploadFile, type UploadTools } from './upload-file.ts';

/** Files up to this size travel together. */
const SMALL_FILE_BYTES = 4 * 1024 * 1024;
const BATCH = { files: 500, bytes: 32 * 1024 * 1024 };
const AT_ONCE = 3;

interface FoundFile {
  readonly local: string;
  readonly size: number;
  readonly target: Target;
}

/** What a folder on this disk asks of the server. */
interface Found {
  readonly files: FoundFile[];
  /** New folders and symlinks, each folder before what is in it. */
  readonly operations: PathOperation[];
}

/** Uploads a folder with all that is in it; what is there already gets new versions, nothing is deleted. */
export async function uploadFolder(tools: UploadTools, local: string, target: Target): Promise<void> {
  const { drive, report } = tools;
  const found: Found = { files: [], operations: [] };
  await collect(tools, { local, target }, found);
  const { workspaceId } = target.folder;
  const made = await commitAll(drive, workspaceId, found.operations);
  for (const result of made) await reportRefusal(tools, result, local);
  for (const { size } of found.files) report.expect(size);
  const small = found.files.filter(({ size }) => size <= SMALL_FILE_BYTES);
  const large = found.files.filter(({ size }) => size > SMALL_FILE_BYTES);
  const works = [
    ...[...batchesOf(small)].map((batch) => () => uploadBatch(tools, batch)),
    ...large.map((file) => () => uploadLarge(tools, file)),
  ];
  await allIn(createLane(AT_ONCE), works, drive.signal, (work) => work());
}

interface FolderUpload {
  readonly local: string;
  readonly target: Target;
}

async function collect(tools: UploadTools, { local, target }: FolderUpload, found: Found): Promise<void> {
  const { drive } = tools;
  drive.signal.throwIfAborted();
  const folder = await folderFor(target, found);
  const present = new Map<string, RemoteObject>();
  if (target.existing !== undefined)
    for await (const child of drive.children(target.existing)) present.set(child.record?.name ?? '', child);
  for (const entry of readdirSync(local, { withFileTypes: true })) {
    const name = entry.name.normalize('NFC');
    const inside = join(local, entry.name);
    const path = `${target.path}/${name}`;
    const place = { folder, name, path, existing: present.get(name) };
    try {
      await collectEntry(tools, { entry, local: inside, target: place }, found);
    } catch (error) {
      await tools.report.failed({ path, local: inside }, error);
    }
  }
}

interface EntryUpload extends FolderUpload {
  readonly entry: Dirent;
}

async function collectEntry(tools: UploadTools, { entry, local, target }: EntryUpload, found: Found): Promise<void> {
  const fault = nameFault(target.name);
  const isKnownKind = entry.isFile() || entry.isDirectory() || entry.isSymbolicLink();
  if (fault !== undefined || !isKnownKind) {
    const message = fault === undefined ? `${local}: no file, folder or symlink` : `${local}: a name that cannot be`;
    const code = fault === undefined ? 'kind_mismatch' : 'name_invalid';
    tools.report.add({ path: target.path, local, outcome: 'skipped', bytes: 0, code, message });
  } else if (entry.isDirectory()) await collect(tools, { local, target }, found);
  else if (entry.isSymbolicLink()) collectSymlink(local, target, found);
  else {
    expectReplaceable(target);
    found.files.push({ local, size: statSync(local).size, target });
  }
}

function collectSymlink(local: string, { folder, name, path, existing }: Target, found: Found): void {
  const target = readlinkSync(local);
  const { record } = existing ?? {};
  if (record?.target === target) return;
  const objectId = record?.objectId ?? freshId<ObjectId>();
  const place = record === undefined ? { place: { parentId: folder.folderId, name } } : {};
  const baseTarget = record?.target ?? null;
  const operationId = freshId<OperationId>();
  found.operations.push({ path, operation: { op: 'symlink', operationId, objectId, ...place, baseTarget, target } });
}

/** The folder on the server: the one that is there, or a new one. */
async function folderFor({ folder, name, path, existing }: Target, found: Found): Promise<FolderPlace> {
  if (existing?.folder !== undefined) return existing.folder;
  if (existing !== undefined) expectReplaceable({ folder, name, path, existing });
  const objectId = freshId<ObjectId>();
  const place = { parentId: folder.folderId, name };
  found.operations.push({ path, operation: { op: 'mkdir', operationId: freshId<OperationId>(), objectId, place } });
  return { workspaceId: folder.workspaceId, folderId: objectId };
}

function* batchesOf(files: readonly FoundFile[]): Generator<readonly FoundFile[]> {
  let batch: FoundFile[] = [];
  let bytes = 0;
  for (const file of files) {
    if (batch.length >= BATCH.files || (batch.length > 0 && bytes + file.size > BATCH.bytes)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(file);
    bytes += file.size;
  }
  if (batch.length > 0) yield batch;
}

async function uploadLarge(tools: UploadTools, file: FoundFile): Promise<void> {
  try {
    await uploadFile(tools, { ...file, shownLocal: file.local });
  } catch (error) {
    await tools.report.failed({ path: file.target.path, local: file.local }, error);
  }
}

async function uploadBatch(tools: UploadTools, batch: readonly FoundFile[]): Promise<void> {
  const { drive, hashing, report, uploader } = tools;
  const workspaces = new Map(batch.map(({ target }) => [target.folder.workspaceId, target.folder.workspaceId]));
  const scans = await hashing.scan(
    batch.map(({ local }) => ({ path: local })),
    drive.signal,
  );
  for (const workspaceId of workspaces.keys()) {
    const ready = [];
    for (const [at, file] of batch.entries()) {
      const scan = scans[at];
      if (file.target.folder.workspaceId !== workspaceId || scan === undefined) continue;
      const objectId = file.target.existing?.record?.objectId ?? freshId<ObjectId>();
      if (scan.outcome === 'unreadable')
        await report.failed({ path: file.target.path, local: file.local }, unreadable(file.local, scan));
      else ready.push({ ...file, scan, objectId });
    }
    const files = ready.map(({ local, objectId, scan }) => ({ path: local, objectId, chunks: scan.chunks }));
    const outcomes = await uploader.uploadMany({ workspaceId, files }, drive.signal);
    const sent = ready.filter(({ scan, local }, at) => outcomes[at] === 'sent' && isUnchanged(scan, local));
    for (const file of ready) if (!sent.includes(file)) await uploadLarge(tools, file); // read anew: it has changed
    const results = await commitAll(
      drive,
      workspaceId,
      sent.map((file) => putOf(file.scan, file)),
    );
    for (const [at, { local, size, target }] of sent.entries()) {
      const result = results[at];
      if (result?.result.outcome !== 'done') continue;
      report.moved(target.path, size);
      report.add({ path: target.path, local, outcome: 'done', bytes: size });
    }
    for (const [at, result] of results.entries()) await reportRefusal(tools, result, sent[at]?.local ?? '');
  }
}

async function reportRefusal({ report }: UploadTools, { path, result }: PathResult, local: string): Promise<void> {
  if (result.outcome === 'refused') await report.failed({ path, local }, refusalOf(path, result));
}
