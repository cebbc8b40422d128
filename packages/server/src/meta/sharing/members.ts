import type { z } from 'zod';
import type { Role } from '@satchel/protocol/accounts.ts';
import { CodedError } from '@satchel/protocol/errors.ts';
import type { WorkspaceId } from '@satchel/protocol/ids.ts';
import type { MemberRequest, Share } from '@satchel/protocol/shares.ts';
import type { Caller } from '../../ports/chunk-ledger.ts';
import type { MemberRow } from '../../ports/schema.ts';
import { expectRole } from '../access.ts';
import { auditWithin } from '../audit.ts';
import { MEMBERS } from '../member-statements.ts';
import { OBJECTS } from '../object-statements.ts';
import type { MetaParts } from '../parts.ts';
import { allowanceOf } from '../quota.ts';
import { DIRECTORY } from '../shards.ts';
import { WORKSPACES } from '../workspace-statements.ts';
import { changeMembership, type MembershipChange } from './membership.ts';
import { personByEmail, personById, type Person } from './persons.ts';
import { readShare } from './shares.ts';

export interface Admission {
  readonly workspaceId: WorkspaceId;
  readonly person: Person;
  readonly role: Role;
  /** Of the mount, if it is free. */
  readonly name: string;
}

/** Adds a member, or changes the role of one. @throws CodedError('forbidden') for the owner */
export async function admitOrSetRole(
  change: MembershipChange,
  { workspaceId, person, role, name }: Admission,
): Promise<void> {
  const { userId } = person;
  const member = await change.txOf(DIRECTORY).first(MEMBERS.find, { workspaceId, userId });
  if (member === undefined) await change.admit(workspaceId, person, role, name);
  else if (member.role === 'owner')
    throw new CodedError('forbidden', `${person.email} owns this folder; transfer it to somebody else first.`);
  else if (member.role !== role) await change.setRole(workspaceId, userId, role);
}

/** Adds a member or changes a role; the owner may. */
export async function setMember(
  parts: MetaParts,
  caller: Caller,
  workspaceId: WorkspaceId,
  { email, role }: z.output<typeof MemberRequest>,
): Promise<Share> {
  const person = await personByEmail(parts, email);
  await changeMembership(parts, caller, async (change) => {
    const own = await expectShare(change, workspaceId, 'owner');
    await admitOrSetRole(change, { workspaceId, person, role, name: await mountName(change, own) });
    await note(change, 'set_member', { workspaceId, member: person.email, role });
  });
  return readShare(parts, caller, workspaceId);
}

/** Removes a member, which the owner may, or leaves, which everybody else may. Their mount goes with it. */
export async function removeMember(
  parts: MetaParts,
  caller: Caller,
  workspaceId: WorkspaceId,
  email: string,
): Promise<void> {
  const person = await personByEmail(parts, email);
  const leaves = person.userId === caller.userId;
  await changeMembership(parts, caller, async (change) => {
    await expectShare(change, workspaceId, leaves ? 'member' : 'owner');
    const member = await change.txOf(DIRECTORY).first(MEMBERS.find, { workspaceId, userId: person.userId });
    if (member === undefined) throw new CodedError('not_found', `${email} is no member of this shared folder.`);
    if (member.role === 'owner')
      throw new CodedError('forbidden', 'The owner cannot leave a shared folder; transfer it to another member first.');
    await change.expel(workspaceId, person, member.mount_id);
    await note(change, leaves ? 'leave_share' : 'remove_member', { workspaceId, member: person.email });
  });
}

/**
 * Makes another member the owner, who has to have room for it in their quota; the old one becomes an editor.
 * @throws CodedError('quota_exceeded')
 */
export async function transferShare(
  parts: MetaParts,
  caller: Caller,
  workspaceId: WorkspaceId,
  email: string,
): Promise<Share> {
  const person = await personByEmail(parts, email);
  await changeMembership(parts, caller, async (change) => {
    await expectShare(change, workspaceId, 'owner');
    const { userId } = person;
    const member = await change.txOf(DIRECTORY).first(MEMBERS.find, { workspaceId, userId });
    if (member === undefined) throw new CodedError('not_found', `${email} is no member of this shared folder.`);
    if (member.role === 'owner') return;
    const { workspace, on } = await change.open(workspaceId);
    const room = await allowanceOf(parts, on, { owner_id: userId, workspace_id: workspaceId });
    if (workspace.used_bytes > room)
      throw new CodedError(
        'quota_exceeded',
        `${email} has no room for the ${workspace.used_bytes} bytes of this folder.`,
      );
    await on.tx.run(WORKSPACES.setOwner, { workspaceId, ownerId: userId });
    await change.setRole(workspaceId, userId, 'owner');
    await change.setRole(workspaceId, caller.userId, 'editor');
    await note(change, 'transfer_share', { workspaceId, to: person.email });
  });
  return readShare(parts, caller, workspaceId);
}

/** The caller's own membership of a workspace that is shared. */
async function expectShare(
  { parts, caller, txOf }: MembershipChange,
  workspaceId: WorkspaceId,
  needed: 'member' | 'owner',
): Promise<MemberRow> {
  const tx = txOf(DIRECTORY);
  await expectRole(parts, { shard: DIRECTORY, tx }, { caller, workspaceId }, 'member');
  const own = await tx.first(MEMBERS.find, { workspaceId, userId: caller.userId });
  if (own === undefined || own.mount_id === null)
    throw new CodedError('forbidden', 'This is your personal drive; share a folder of it.');
  if (needed === 'owner' && own.role !== 'owner')
    throw new CodedError('forbidden', 'Only the owner of the shared folder may do this.');
  return own;
}

/** What the owner calls the folder. */
async function mountName(change: MembershipChange, own: MemberRow): Promise<string> {
  const { personalId } = await personById(change.parts, own.user_id);
  const state = await change.open(personalId);
  const row = own.mount_id === null ? undefined : await state.tx.first(OBJECTS.byId, { objectId: own.mount_id });
  return row?.name ?? 'Shared folder';
}

async function note(
  change: MembershipChange,
  action: string,
  details: Readonly<Record<string, string>>,
): Promise<void> {
  await auditWithin(change.parts, change.txOf(DIRECTORY), { ...change.caller, action, details });
}
