import type { ObjectId, OperationId } from '@satchel/protocol/ids.ts';
import type { CommandContext } from '../cli/command-spec.ts';
import { CommandError } from '../cli/command-error.ts';
import { displayText } from '../cli/display.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { eachOf } from '../cli/each-of.ts';
import { commitOne, placeOf } from '../cli/remote-commit.ts';
import { freshId, openDrive, shown, type RemoteDrive } from '../cli/remote-drive.ts';
import { parseRemotePath } from '../cli/remote-path.ts';
import { openSession } from '../cli/session.ts';

/** `satchel mkdir`. */
export async function mkdir(context: CommandContext): Promise<number> {
  using session = openSession(context);
  const drive = openDrive(session, context);
  const created: string[] = [];
  const several = await eachOf(context, async (typed) => {
    if (context.isSet('parents')) created.push(...(await makeParents(drive, typed)));
    else created.push(await makeOne(drive, typed));
  });
  if (created.length > 0 || !several.hasFailed) context.terminal.result({ created }, undefined);
  for (const path of created) context.terminal.say(`made ${displayText(path)}/`);
  several.end();
  return EXIT.done;
}

async function makeOne(drive: RemoteDrive, typed: string): Promise<string> {
  const existing = await drive.find(typed);
  if (existing !== undefined) throw new CommandError('name_taken', EXIT.conflict, `${shown(existing)} exists already.`);
  const { folder, name, path } = await placeOf(drive, typed, existing);
  const place = { parentId: folder.folderId, name };
  const operation = { op: 'mkdir', operationId: freshId<OperationId>(), objectId: freshId<ObjectId>(), place } as const;
  await commitOne(drive, folder.workspaceId, { path, operation });
  return path;
}

async function makeParents(drive: RemoteDrive, typed: string): Promise<readonly string[]> {
  const { names } = parseRemotePath(typed);
  const created: string[] = [];
  for (let length = 1; length <= names.length; length++) {
    const path = names.slice(0, length).join('/');
    let existing = await drive.find(path);
    if (existing === undefined) {
      try {
        created.push(await makeOne(drive, path));
        continue;
      } catch (error) {
        if (!(error instanceof CommandError) || error.code !== 'name_taken') throw error;
        existing = await drive.find(path); // made by somebody else in this moment
      }
    }
    if (existing?.folder === undefined) throw new CommandError('kind_mismatch', EXIT.conflict, `${path} is no folder.`);
  }
  return created;
}
