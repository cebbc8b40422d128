import { mkdirSync, statSync, symlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { nameFault } from '@satchel/protocol/names.ts';
import { startHashing } from '../cli/hashing.ts';
import { PATIENCE } from '../cli/patience.ts';
import type { CommandContext } from '../cli/command-spec.ts';
import { CommandError, usageError } from '../cli/command-error.ts';
import { displayText } from '../cli/display.ts';
import { downloadFiles, type DownloadTools, type FileDownload } from '../cli/download-file.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { isFile, openPatientDrive, shown, type RemoteObject } from '../cli/remote-drive.ts';
import { openSession } from '../cli/session.ts';
import { createTransferReport } from '../cli/transfer-report.ts';
import { unfinishedTransfer, type Unfinished } from '../cli/unfinished.ts';
import { createDownloader } from '../transfer/download.ts';
import { allIn, createLane } from '../transfer/lane.ts';
import { printFile } from './cat.ts';

const BATCH = { files: 200, bytes: 16 * 1024 * 1024 };
const AT_ONCE = 4;

/** `satchel get`. */
export async function get(context: CommandContext): Promise<number> {
  const { args, isSet, signal, terminal } = context;
  const [typed = '', target] = args;
  using session = openSession(context);
  const drive = openPatientDrive(session, context);
  const source = await drive.expect(typed);
  if (target === '-') {
    if (!isFile(source)) throw usageError(`${shown(source)} is no file; only a file can be printed.`);
    await printFile(drive, source, (bytes) => terminal.bytes(bytes));
    return EXIT.done;
  }
  const { local, note } = localTarget(context, source, { target, userId: session.account.userId });
  await using hashing = startHashing();
  using report = createTransferReport(context);
  const downloader = createDownloader({ api: session.api, hashing, ...PATIENCE });
  const tools: DownloadTools = { drive, hashing, downloader, report, replaces: isSet('force') };
  const below = source.folder === undefined ? [] : await drive.below(source);
  const files = await prepare(tools, [source, ...below], { top: source.path, local });
  for (const { file } of files) report.expect(file.record.version.size);
  await allIn(createLane(AT_ONCE), batchesOf(files), signal, (batch) => downloadFiles(tools, batch));
  const exit = report.finish();
  note?.end();
  terminal.say(`${displayText(shown(source))} → ${displayText(local)}`);
  return exit;
}

interface LocalTarget {
  readonly local: string;
  /** Of a folder. */
  readonly note?: Unfinished;
}

function localTarget(
  { cwd, home }: CommandContext,
  source: RemoteObject,
  { target, userId }: { readonly target: string | undefined; readonly userId: string },
): LocalTarget {
  const name = source.record?.name ?? 'satchel';
  if (nameFault(name) !== undefined) throw usageError(`${shown(source)}: give a target; its name cannot be one here.`);
  if (target === undefined) return { local: join(cwd, name) };
  const local = resolve(cwd, target);
  const present = statSync(local, { throwIfNoEntry: false });
  const isInto = target.endsWith('/') || present?.isDirectory() === true;
  if (source.folder === undefined) return { local: isInto ? join(local, name) : local };
  const note = unfinishedTransfer(home, { command: 'get', userId, local, remote: source.path });
  if (note.wasBegun && !target.endsWith('/')) return { local, note };
  if (present === undefined) note.begin();
  return { local: isInto ? join(local, name) : local, note };
}

/** Makes the folders and symlinks; returns the files, to be downloaded. */
async function prepare(
  { report }: DownloadTools,
  objects: readonly RemoteObject[],
  { top, local }: { readonly top: string; readonly local: string },
): Promise<readonly FileDownload[]> {
  const files: FileDownload[] = [];
  for (const object of objects) {
    const below = object.path.slice(top.length).split('/').filter(Boolean);
    const path = join(local, ...below);
    try {
      const bad = below.find((name) => nameFault(name) !== undefined);
      if (bad !== undefined)
        throw new CommandError('name_invalid', EXIT.error, `${object.path}: its name cannot be one here.`);
      if (object.folder !== undefined) mkdirSync(path, { recursive: true });
      else if (isFile(object)) {
        mkdirSync(dirname(path), { recursive: true });
        files.push({ file: object, local: path });
      } else if (object.record?.target !== undefined) symlinkSync(object.record.target, path);
    } catch (error) {
      await report.failed({ path: object.path, local: path }, error);
    }
  }
  return files;
}

/** Small files together, a long one alone. */
function* batchesOf(files: readonly FileDownload[]): Generator<readonly FileDownload[]> {
  let batch: FileDownload[] = [];
  let bytes = 0;
  for (const one of files) {
    const { size } = one.file.record.version;
    if (batch.length >= BATCH.files || (batch.length > 0 && bytes + size > BATCH.bytes)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(one);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}
