import type { OperationId } from '@satchel/protocol/ids.ts';
import type { CommandContext } from '../cli/command-spec.ts';
import { CommandError, usageError } from '../cli/command-error.ts';
import { displayText } from '../cli/display.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { commitOne, targetOf, throwRefusals, type Target } from '../cli/remote-commit.ts';
import { copyTo } from '../cli/remote-copy.ts';
import { freshId, kindOf, openDrive, shown, type RemoteDrive, type RemoteObject } from '../cli/remote-drive.ts';
import { openSession } from '../cli/session.ts';
import { remove } from './rm.ts';

/** `satchel mv`: never replaces anything. */
export async function mv(context: CommandContext): Promise<number> {
  const { args, terminal } = context;
  const [from = '', to = ''] = args;
  using session = openSession(context);
  const drive = openDrive(session, context);
  const source = await drive.expect(from);
  if (source.record === undefined) throw usageError('The top of the drive cannot be moved.');
  const target = await targetOf(drive, to, source.record.name);
  if (target.existing !== undefined && target.existing.record?.objectId !== source.record.objectId)
    throw new CommandError('name_taken', EXIT.conflict, `${target.path} exists already.`);
  await move(drive, source, target);
  terminal.result({ from: source.path, to: target.path }, undefined);
  terminal.say(`${displayText(source.path)} → ${displayText(target.path)}`);
  return EXIT.done;
}

async function move(drive: RemoteDrive, source: RemoteObject, target: Target): Promise<void> {
  const { record } = source;
  if (record === undefined) return;
  if (source.workspaceId === target.folder.workspaceId) {
    const { objectId, placeVersion } = record;
    const place = { parentId: target.folder.folderId, name: target.name };
    const operationId = freshId<OperationId>();
    const operation = { op: 'move', operationId, objectId, place, basePlaceVersion: placeVersion } as const;
    await commitOne(drive, source.workspaceId, { path: source.path, operation });
    return;
  }
  if (kindOf(source) === 'mount')
    throw new CommandError(
      'forbidden',
      EXIT.permission,
      `${shown(source)} is shared and cannot lie in a shared folder.`,
    );
  // Across the border of a shared folder: copied by reference first, deleted only when all of it is there.
  throwRefusals(await copyTo(drive, source, target), () => undefined);
  throwRefusals(await remove(drive, source, true), () => undefined);
}
