import { CodedError } from '@satchel/protocol/errors.ts';
import type { WorkspaceId } from '@satchel/protocol/ids.ts';
import type { Share, ShareList } from '@satchel/protocol/shares.ts';
import type { Caller } from '../../ports/chunk-ledger.ts';
import type { Reader } from '../../ports/database.ts';
import type { MemberRow } from '../../ports/schema.ts';
import { MEMBERS } from '../member-statements.ts';
import type { MetaParts } from '../parts.ts';
import { DIRECTORY } from '../shards.ts';

/** The shared folders that the caller is a member of. */
export async function shares({ database }: MetaParts, { userId }: Caller): Promise<ShareList> {
  return database.read(DIRECTORY, async (reader) => {
    const found: Share[] = [];
    for (const member of await reader.all(MEMBERS.ofUser, { userId })) {
      const share = await shareOf(reader, member);
      if (share !== undefined) found.push(share);
    }
    return { shares: found };
  });
}

/** One of them. @throws CodedError('not_found') */
export async function readShare({ database }: MetaParts, { userId }: Caller, workspaceId: WorkspaceId): Promise<Share> {
  return database.read(DIRECTORY, async (reader) => {
    const member = await reader.first(MEMBERS.find, { workspaceId, userId });
    const share = member && (await shareOf(reader, member));
    if (share === undefined) throw new CodedError('not_found', `There is no shared folder ${workspaceId} for you.`);
    return share;
  });
}

/** Undefined for the personal workspace, which has no mount. */
async function shareOf(reader: Reader, member: MemberRow): Promise<Share | undefined> {
  const { workspace_id: workspaceId, mount_id: mountId, role } = member;
  if (mountId === null) return undefined;
  const members = await reader.all(MEMBERS.ofWorkspace, { workspaceId });
  return {
    workspaceId,
    mountId,
    role,
    members: members.map((other) => ({ userId: other.user_id, email: other.email, role: other.role })),
  };
}
