import type { CommandContext } from '../cli/command-spec.ts';
import { CommandError } from '../cli/command-error.ts';
import { columns, displayText } from '../cli/display.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { openDrive, shown, type RemoteDrive, type RemoteObject } from '../cli/remote-drive.ts';
import { isAtOrBelow } from '../cli/remote-path.ts';
import { openSession } from '../cli/session.ts';
import type { CallAnswer } from '../ports/server-api.ts';
import type { WorkspaceId } from '@satchel/protocol/ids.ts';

type Share = CallAnswer<'share'>;

/** `satchel share ls`. */
export async function shareList(context: CommandContext): Promise<number> {
  using session = openSession(context);
  const drive = openDrive(session, context);
  const folder = (await drive.expect(context.args[0] ?? '')).path;
  const { shares } = await drive.api.call('shares', {}, context.signal);
  const listed = [];
  for (const share of shares) {
    const path = await pathOf(drive, session.account.workspaceId, share);
    if (isAtOrBelow(path, folder)) listed.push({ path, ...share });
  }
  const rows = listed.flatMap(({ path, role, members }) => [
    [displayText(path), `(you: ${role})`, ''],
    ...members.map((member) => ['', member.role, displayText(member.email)]),
  ]);
  context.terminal.result({ shares: listed }, columns(rows).join('\n'));
  return EXIT.done;
}

/** Where a mount stands in the drive: its folders are looked up from below. */
async function pathOf(drive: RemoteDrive, workspaceId: WorkspaceId, { mountId }: Share): Promise<string> {
  const names: string[] = [];
  const root = (await drive.expect('')).folder?.folderId;
  for (let id = mountId; id !== root;) {
    const query = { workspace_id: workspaceId, file_id: id };
    const { object } = await drive.api.call('metadata', { query }, drive.signal);
    if (object === undefined) break;
    names.unshift(object.name);
    id = object.parentId;
  }
  return names.join('/');
}

/** `satchel share add`. */
export async function shareAdd(context: CommandContext): Promise<number> {
  const { args, signal } = context;
  using session = openSession(context);
  const folder = await openDrive(session, context).expect(args[0] ?? '');
  if (folder.record === undefined || folder.folder === undefined)
    throw new CommandError('kind_mismatch', EXIT.conflict, `${shown(folder)} cannot be shared; only folders can.`);
  const body = { objectId: folder.record.objectId, email: args[1] ?? '', role: roleOf(context) };
  const share = await session.api.call('share', { body }, signal);
  return report(context, folder, share);
}

/** `satchel share set`. */
export async function shareSet(context: CommandContext): Promise<number> {
  using session = openSession(context);
  const folder = await openDrive(session, context).expect(context.args[0] ?? '');
  const params = { workspace_id: sharedWorkspace(folder) };
  const body = { email: context.args[1] ?? '', role: roleOf(context) };
  const share = await session.api.call('setMember', { params, body }, context.signal);
  return report(context, folder, share);
}

/** `satchel share rm`. */
export async function shareRemove(context: CommandContext): Promise<number> {
  using session = openSession(context);
  const folder = await openDrive(session, context).expect(context.args[0] ?? '');
  const email = context.args[1] ?? '';
  const params = { workspace_id: sharedWorkspace(folder) };
  await session.api.call('removeMember', { params, query: { email } }, context.signal);
  context.terminal.result({ path: folder.path, removed: email }, undefined);
  context.terminal.say(`${email} is no member of ${displayText(folder.path)} any more.`);
  return EXIT.done;
}

/** `satchel share leave`. */
export async function shareLeave(context: CommandContext): Promise<number> {
  using session = openSession(context);
  const folder = await openDrive(session, context).expect(context.args[0] ?? '');
  const params = { workspace_id: sharedWorkspace(folder) };
  const query = { email: session.account.email };
  await session.api.call('removeMember', { params, query }, context.signal);
  context.terminal.result({ path: folder.path, left: true }, undefined);
  context.terminal.say(`You left ${displayText(folder.path)}.`);
  return EXIT.done;
}

/** `satchel share transfer`. */
export async function shareTransfer(context: CommandContext): Promise<number> {
  using session = openSession(context);
  const folder = await openDrive(session, context).expect(context.args[0] ?? '');
  const params = { workspace_id: sharedWorkspace(folder) };
  const body = { email: context.args[1] ?? '' };
  const share = await session.api.call('transferShare', { params, body }, context.signal);
  return report(context, folder, share);
}

function report({ terminal }: CommandContext, { path }: RemoteObject, share: Share): number {
  const members = share.members.map(({ email, role }) => `  ${role.padEnd(7)} ${displayText(email)}`);
  terminal.result({ path, ...share }, [`${displayText(path)} is shared with`, ...members].join('\n'));
  return EXIT.done;
}

function roleOf({ flag }: CommandContext): 'viewer' | 'editor' {
  return flag('role') === 'editor' ? 'editor' : 'viewer';
}

function sharedWorkspace(folder: RemoteObject): WorkspaceId {
  const mounts = folder.record?.mounts;
  if (mounts !== undefined) return mounts;
  throw new CommandError('not_found', EXIT.notFound, `${shown(folder)} is not a shared folder.`, {
    next: 'satchel share ls',
  });
}
