import type { Role } from '@satchel/protocol/accounts.ts';
import type { ObjectId, UserId, WorkspaceId } from '@satchel/protocol/ids.ts';
import { statement } from '../ports/database.ts';

interface MemberKey {
  readonly workspaceId: WorkspaceId;
  readonly userId: UserId;
}
interface NewMember extends MemberKey {
  readonly role: Role;
  readonly mountId: ObjectId | null;
  readonly now: number;
}

/** The access control list. */
export const MEMBERS = {
  find: statement<MemberKey>()((q, arg) =>
    q
      .selectFrom('members')
      .selectAll()
      .where('workspace_id', '=', arg('workspaceId'))
      .where('user_id', '=', arg('userId')),
  ),
  ofUser: statement<{ userId: UserId }>()((q, arg) =>
    q.selectFrom('members').selectAll().where('user_id', '=', arg('userId')).orderBy('workspace_id'),
  ),
  /** The owner of a shared workspace has a mount too; only the personal one has none. */
  personal: statement<{ userId: UserId }>()((q, arg) =>
    q
      .selectFrom('members')
      .selectAll()
      .where('user_id', '=', arg('userId'))
      .where('role', '=', 'owner')
      .where('mount_id', 'is', null),
  ),
  ofWorkspace: statement<{ workspaceId: WorkspaceId }>()((q, arg) =>
    q
      .selectFrom('members')
      .innerJoin('users', 'users.user_id', 'members.user_id')
      .select(['members.user_id', 'members.role', 'members.mount_id', 'users.email'])
      .where('members.workspace_id', '=', arg('workspaceId'))
      .orderBy('members.created_at')
      .orderBy('members.user_id'),
  ),
  insert: statement<NewMember>()((q, arg) =>
    q.insertInto('members').values({
      workspace_id: arg('workspaceId'),
      user_id: arg('userId'),
      role: arg('role'),
      mount_id: arg('mountId'),
      created_at: arg('now'),
    }),
  ),
  setRole: statement<MemberKey & { readonly role: Role }>()((q, arg) =>
    q
      .updateTable('members')
      .set({ role: arg('role') })
      .where('workspace_id', '=', arg('workspaceId'))
      .where('user_id', '=', arg('userId')),
  ),
  remove: statement<MemberKey>()((q, arg) =>
    q.deleteFrom('members').where('workspace_id', '=', arg('workspaceId')).where('user_id', '=', arg('userId')),
  ),
} as const;
