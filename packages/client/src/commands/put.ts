import { lstatSync, statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import type { CommandContext } from '../cli/command-spec.ts';
import { usageError } from '../cli/command-error.ts';
import { displayText } from '../cli/display.ts';
import { startHashing } from '../cli/hashing.ts';
import { naming, placeOf, targetOf, type Target } from '../cli/remote-commit.ts';
import { freshId, openPatientDrive, type RemoteDrive } from '../cli/remote-drive.ts';
import { parseRemotePath } from '../cli/remote-path.ts';
import { openSession } from '../cli/session.ts';
import { createTransferReport } from '../cli/transfer-report.ts';
import { unfinishedTransfer, type FolderTransfer, type Unfinished } from '../cli/unfinished.ts';
import { uploadFolder } from '../cli/upload-folder.ts';
import { uploadFile, type UploadTools } from '../cli/upload-file.ts';
import { createUploader } from '../transfer/upload.ts';
import type { UploadId } from '@satchel/protocol/ids.ts';

/** `satchel put`: a new version where a file of that name stands, whatever the time of either. */
export async function put(context: CommandContext): Promise<number> {
  const { args, cwd, home, terminal } = context;
  const [source = '', typed = ''] = args;
  const isPipe = source === '-';
  if (isPipe && (typed === '' || typed.endsWith('/')))
    throw usageError('Give the name that stdin is to have: satchel put - PATH.');
  const local = isPipe ? '/dev/stdin' : resolve(cwd, source);
  const isFolder = !isPipe && statSync(local).isDirectory();
  using session = openSession(context);
  const drive = openPatientDrive(session, context);
  const name = isPipe ? '' : basename(local).normalize('NFC');
  const { target, note } = isFolder
    ? await folderTarget(drive, { typed, name }, { home, command: 'put', userId: session.account.userId, local })
    : { target: await targetOf(drive, typed, name) };
  await using hashing = startHashing();
  using report = createTransferReport(context);
  const uploader = createUploader({
    api: session.patientApi,
    hashing,
    newUploadId: () => freshId<UploadId>(),
    signature: () => undefined,
  });
  const tools: UploadTools = { drive, hashing, uploader, report };
  if (isFolder) await uploadFolder(tools, local, target);
  else {
    const size = isPipe ? undefined : lstatSync(local).isFile() ? statSync(local).size : undefined;
    if (size !== undefined) report.expect(size);
    const upload = { local, shownLocal: isPipe ? '-' : local, size, target };
    await uploadFile(tools, upload).catch((error: unknown) => Promise.reject(naming(target.path, error)));
  }
  const exit = report.finish();
  note?.end();
  terminal.say(`${isPipe ? 'stdin' : displayText(local)} → ${displayText(target.path)}`);
  return exit;
}

/** Where a folder goes, and the note that it is on its way there. */
async function folderTarget(
  drive: RemoteDrive,
  { typed, name }: { readonly typed: string; readonly name: string },
  { home, ...transfer }: Omit<FolderTransfer, 'remote'> & { readonly home: string },
): Promise<{ readonly target: Target; readonly note: Unfinished }> {
  const note = unfinishedTransfer(home, { ...transfer, remote: parseRemotePath(typed).names.join('/') });
  const begun = note.wasBegun && !typed.endsWith('/') ? await drive.find(typed) : undefined;
  if (begun?.folder !== undefined && begun.record !== undefined)
    return { target: await placeOf(drive, typed, begun), note };
  const target = await targetOf(drive, typed, name);
  if (target.existing === undefined) note.begin();
  return { target, note };
}
