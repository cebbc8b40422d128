import { CodedError } from '@satchel/protocol/errors.ts';
import type { Role } from '@satchel/protocol/accounts.ts';
import type { UserId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { Caller } from '../ports/chunk-ledger.ts';
import { statement, type Reader } from '../ports/database.ts';
import type { MetaParts } from './parts.ts';
import { DIRECTORY, directoryFrom, type OnShard } from './shards.ts';

const memberRole = statement<{ workspaceId: WorkspaceId; userId: UserId }>()((q, arg) =>
  q
    .selectFrom('members')
    .select('role')
    .where('workspace_id', '=', arg('workspaceId'))
    .where('user_id', '=', arg('userId')),
);

function roleKey(workspaceId: WorkspaceId, userId: UserId): string {
  return `workspace:${workspaceId}:role:${userId}`;
}

function expect(role: Role | undefined, workspaceId: WorkspaceId, needed: 'member' | 'editor' | 'owner'): Role {
  if (role === undefined) throw new CodedError('not_found', `There is no workspace ${workspaceId} for you.`);
  if (needed !== 'member' && role === 'viewer')
    throw new CodedError(
      'read_only',
      'You may look at this shared folder and not change it. Ask its owner to make you an editor.',
    );
  if (needed === 'owner' && role !== 'owner')
    throw new CodedError('forbidden', 'Only the owner of the shared folder may do this.');
  return role;
}

export async function readRole(directory: Reader, workspaceId: WorkspaceId, userId: UserId): Promise<Role | undefined> {
  return (await directory.first(memberRole, { workspaceId, userId }))?.role;
}

/**
 * The caller's role, checked within the transaction that it allows (S8).
 * @throws CodedError('not_found') for strangers, 'read_only' for viewers, 'forbidden' where only the owner may
 */
export async function expectRole(
  parts: Pick<MetaParts, 'database'>,
  from: OnShard<Reader>,
  member: { readonly caller: Caller; readonly workspaceId: WorkspaceId },
  needed: 'member' | 'editor' | 'owner',
): Promise<Role> {
  const { caller, workspaceId } = member;
  return expect(await readRole(directoryFrom(parts, from), workspaceId, caller.userId), workspaceId, needed);
}

/** The same for reading, through the cache. @throws CodedError('not_found') */
export async function expectReader(
  { database, cache }: Pick<MetaParts, 'database' | 'cache'>,
  caller: Caller,
  workspaceId: WorkspaceId,
): Promise<Role> {
  const key = roleKey(workspaceId, caller.userId);
  const known = await cache.get<Role>(key);
  if (known !== undefined) return known;
  const stamp = cache.stamp();
  const role = await database.read(DIRECTORY, async (reader) => readRole(reader, workspaceId, caller.userId));
  if (role !== undefined) await cache.set(key, role, stamp);
  return expect(role, workspaceId, 'member');
}

/** To be called after each change of membership. */
export async function forgetRole(
  { cache }: Pick<MetaParts, 'cache'>,
  workspaceId: WorkspaceId,
  userId: UserId,
): Promise<void> {
  await cache.delete(roleKey(workspaceId, userId));
}
