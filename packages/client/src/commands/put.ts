import { lstatSync, statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import type { CommandContext } from '../cli/command-spec.ts';
import { usageError } from '../cli/command-error.ts';
import { displayText } from '../cli/display.ts';
import { startHashing } from '../cli/hashing.ts';
import { targetOf } from '../cli/remote-commit.ts';
import { freshId, openPatientDrive } from '../cli/remote-drive.ts';
import { openSession } from '../cli/session.ts';
import { createTransferReport } from '../cli/transfer-report.ts';
import { uploadFolder } from '../cli/upload-folder.ts';
import { uploadFile, type UploadTools } from '../cli/upload-file.ts';
import { createUploader } from '../transfer/upload.ts';
import type { UploadId } from '@satchel/protocol/ids.ts';

/** `satchel put`: a new version where a file of that name stands, whatever the time of either. */
export async function put(context: CommandContext): Promise<number> {
  const { args, cwd, terminal } = context;
  const [source = '', typed = ''] = args;
  const isPipe = source === '-';
  if (isPipe && (typed === '' || typed.endsWith('/')))
    throw usageError('Give the name that stdin is to have: satchel put - PATH.');
  const local = isPipe ? '/dev/stdin' : resolve(cwd, source);
  const isFolder = !isPipe && statSync(local).isDirectory();
  using session = openSession(context);
  const drive = openPatientDrive(session, context);
  const target = await targetOf(drive, typed, isPipe ? '' : basename(local).normalize('NFC'));
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
    await uploadFile(tools, { local, shownLocal: isPipe ? '-' : local, size, target });
  }
  const exit = report.finish();
  terminal.say(`${isPipe ? 'stdin' : displayText(local)} → ${displayText(target.path)}`);
  return exit;
}
