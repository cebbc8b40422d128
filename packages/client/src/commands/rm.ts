import type { WorkspaceId } from '@satchel/protocol/ids.ts';
import type { CommandContext } from '../cli/command-spec.ts';
import { CommandError } from '../cli/command-error.ts';
import { displayText } from '../cli/display.ts';
import { eachOf } from '../cli/each-of.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { commitAll, deleteOf, throwRefusals, type PathResult } from '../cli/remote-commit.ts';
import { kindOf, openPatientDrive, shown, type RemoteDrive, type RemoteObject } from '../cli/remote-drive.ts';
import { openSession } from '../cli/session.ts';

/** `satchel rm`: what is deleted rests in the trash of the server for the days of the plan. */
export async function rm(context: CommandContext): Promise<number> {
  const { isSet, terminal } = context;
  using session = openSession(context);
  const drive = openPatientDrive(session, context);
  const deleted: string[] = [];
  const several = await eachOf(context, async (typed) => {
    const object = await drive.expect(typed);
    if (isSet('accept-held')) await acceptDeletes(drive, object.workspaceId);
    const results = await remove(drive, object, isSet('recursive'));
    deleted.push(...results.filter(({ result }) => result.outcome === 'done').map(({ path }) => path));
    throwRefusals(results, terminal.warn);
  });
  if (deleted.length > 0 || !several.hasFailed) terminal.result({ deleted }, undefined);
  for (const path of deleted) terminal.detail(`deleted ${displayText(path)}`);
  several.end();
  return EXIT.done;
}

async function acceptDeletes({ api, signal }: RemoteDrive, workspaceId: WorkspaceId): Promise<void> {
  await api.call('decideHeld', { params: { workspace_id: workspaceId }, body: { decision: 'accept' } }, signal);
}

/** Contents first: the server deletes empty folders only. */
export async function remove(
  drive: RemoteDrive,
  object: RemoteObject,
  recursive: boolean,
): Promise<readonly PathResult[]> {
  if (object.record === undefined)
    throw new CommandError('forbidden', EXIT.permission, 'The top of the drive cannot be deleted.');
  if (kindOf(object) === 'folder' && !recursive)
    throw new CommandError('folder_not_empty', EXIT.conflict, `${shown(object)} is a folder.`, {
      next: `satchel rm -r ${shown(object)}`,
    });
  const below = kindOf(object) === 'folder' ? await drive.below(object) : [];
  const mount = below.find((one) => kindOf(one) === 'mount');
  if (mount !== undefined)
    throw new CommandError(
      'forbidden',
      EXIT.permission,
      `${shown(object)} contains the shared folder ${shown(mount)}.`,
      {
        next: `satchel share leave ${shown(mount)}`,
      },
    );
  const deletes = [...[...below].reverse(), object].map(deleteOf);
  return commitAll(drive, object.workspaceId, deletes);
}
