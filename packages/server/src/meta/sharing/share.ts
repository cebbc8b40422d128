import type { z } from 'zod';
import { CodedError } from '@satchel/protocol/errors.ts';
import type { WorkspaceId } from '@satchel/protocol/ids.ts';
import type { Share, ShareRequest } from '@satchel/protocol/shares.ts';
import type { Caller } from '../../ports/chunk-ledger.ts';
import type { ObjectRow } from '../../ports/schema.ts';
import { expectRole, readRole } from '../access.ts';
import { auditWithin } from '../audit.ts';
import type { CommitState } from '../commit/state.ts';
import type { MetaParts } from '../parts.ts';
import { DIRECTORY } from '../shards.ts';
import { convertToShared } from './convert.ts';
import { changeMembership, type MembershipChange } from './membership.ts';
import { admitOrSetRole } from './members.ts';
import { personByEmail, personById } from './persons.ts';
import { readShare } from './shares.ts';

/**
 * Shares a folder of the caller's personal workspace, or adds a member to one that is shared.
 * @throws CodedError('not_found' | 'forbidden' | 'kind_mismatch' | 'request_invalid')
 */
export async function share(
  parts: MetaParts,
  caller: Caller,
  { objectId, email, role }: z.output<typeof ShareRequest>,
): Promise<Share> {
  const person = await personByEmail(parts, email);
  if (person.userId === caller.userId)
    throw new CodedError('request_invalid', 'That is your own e-mail: the folder is yours already.');
  const own = await personById(parts, caller.userId);
  const workspaceId = await changeMembership(parts, caller, async (change) => {
    const state = await change.open(own.personalId);
    const row = await ownLive(change, state, await state.load(objectId));
    const sharedId =
      row.kind === 'mount' ? await ownShare(change, row) : await convertToShared(state, change.txOf, row);
    if (row.kind !== 'mount') change.roleChanged(sharedId, caller.userId);
    await admitOrSetRole(change, { workspaceId: sharedId, person, role, name: row.name });
    const details = { workspaceId: sharedId, objectId, with: person.email, role };
    await auditWithin(parts, change.txOf(DIRECTORY), { ...caller, action: 'share', details });
    return sharedId;
  });
  return readShare(parts, caller, workspaceId);
}

/** The row, if it is a live one of the caller's own workspace. @throws CodedError('forbidden' | 'not_found') */
async function ownLive(change: MembershipChange, state: CommitState, row: ObjectRow | undefined): Promise<ObjectRow> {
  if (row?.workspace_id === state.workspaceId && row.deleted_at === null) return row;
  const elsewhere =
    row !== undefined &&
    row.workspace_id !== state.workspaceId &&
    (await readRole(change.txOf(DIRECTORY), row.workspace_id, change.caller.userId)) !== undefined;
  if (elsewhere)
    throw new CodedError(
      'forbidden',
      `“${row.name}” lies inside a shared folder; share that one with more people, or move it out first.`,
    );
  throw new CodedError('not_found', 'There is no such folder in your drive.');
}

/** The workspace behind a mount, which the caller has to own. */
async function ownShare({ parts, caller, txOf }: MembershipChange, row: ObjectRow): Promise<WorkspaceId> {
  if (row.mounts === null) throw new Error(`The mount ${row.object_id} names no workspace: run doctor.`);
  await expectRole(parts, { shard: DIRECTORY, tx: txOf(DIRECTORY) }, { caller, workspaceId: row.mounts }, 'owner');
  return row.mounts;
}
