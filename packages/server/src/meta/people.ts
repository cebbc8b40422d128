import { digestText, EMPTY_DIGEST } from '@satchel/core/digest.ts';
import type { ObjectId, UserId, WorkspaceId } from '@satchel/protocol/ids.ts';
import { statement, type ShardId, type Transaction } from '../ports/database.ts';
import type { UserRow, WorkspaceRow } from '../ports/schema.ts';
import { freshEpoch } from './epochs.ts';
import { MEMBERS } from './member-statements.ts';
import { freshId, type MetaParts } from './parts.ts';
import { DIRECTORY, type TransactionOf } from './shards.ts';
import { WORKSPACES } from './workspace-statements.ts';

/** Every new account begins with it. */
export const FREE_PLAN = 'free';

export const USERS = {
  find: statement<{ userId: UserId }>()((q, arg) =>
    q.selectFrom('users').selectAll().where('user_id', '=', arg('userId')),
  ),
  byEmail: statement<{ email: string }>()((q, arg) =>
    q.selectFrom('users').selectAll().where('email', '=', arg('email')),
  ),
  any: statement()((q) => q.selectFrom('users').select('user_id').limit(1)),
  insert: statement<UserRow>()((q, arg) =>
    q.insertInto('users').values({
      user_id: arg('user_id'),
      email: arg('email'),
      name: arg('name'),
      quota_bytes: arg('quota_bytes'),
      created_at: arg('created_at'),
      disabled_at: arg('disabled_at'),
    }),
  ),
} as const;

const subscribe = statement<{ userId: UserId; plan: string; now: number }>()((q, arg) =>
  q.insertInto('subscriptions').values({ user_id: arg('userId'), plan: arg('plan'), since: arg('now'), until: null }),
);
const placeWorkspace = statement<{ workspaceId: WorkspaceId; shard: number }>()((q, arg) =>
  q.insertInto('workspace_shards').values({ workspace_id: arg('workspaceId'), shard: arg('shard') }),
);

/** A person as the identity service knows them. */
export interface NewPerson {
  readonly userId: UserId;
  readonly email: string;
  readonly name: string;
}

/** The account of a person, made with its personal workspace when it is not there yet. */
export async function ensurePerson(
  parts: MetaParts,
  person: NewPerson,
): Promise<{ readonly workspaceId: WorkspaceId; readonly disabled: boolean }> {
  return parts.database.transact(DIRECTORY, async (tx) => {
    const { userId } = person;
    const known = await tx.first(USERS.find, { userId });
    if (known === undefined) {
      await tx.run(USERS.insert, {
        user_id: userId,
        email: person.email.toLowerCase(),
        name: person.name,
        quota_bytes: parts.settings.defaultQuotaBytes ?? null,
        created_at: parts.clock.now(),
        disabled_at: null,
      });
      return { workspaceId: await createAccountSpace(parts, tx, userId), disabled: false };
    }
    const personal = await tx.first(MEMBERS.personal, { userId });
    const workspaceId = personal?.workspace_id ?? (await createAccountSpace(parts, tx, userId));
    return { workspaceId, disabled: known.disabled_at !== null };
  });
}

/** A new account's plan and personal workspace, on the directory's shard. */
async function createAccountSpace(parts: MetaParts, tx: Transaction, userId: UserId): Promise<WorkspaceId> {
  const now = parts.clock.now();
  await tx.run(subscribe, { userId, plan: FREE_PLAN, now });
  const workspace = newWorkspace(parts, 'personal', userId);
  await createWorkspace(() => tx, DIRECTORY, workspace, null);
  return workspace.workspace_id;
}

export function newWorkspace(parts: MetaParts, kind: WorkspaceRow['kind'], ownerId: UserId): WorkspaceRow {
  return {
    workspace_id: freshId<WorkspaceId>(parts),
    kind,
    owner_id: ownerId,
    root_id: freshId<ObjectId>(parts),
    epoch: freshEpoch(parts.random),
    head_seq: 0,
    digest: digestText(EMPTY_DIGEST),
    used_bytes: 0,
    floor_seq: 0,
    purged_seq: 0,
    created_at: parts.clock.now(),
  };
}

/** Writes a workspace on its shard, and on the directory's its place in the map and its owner as a member. */
export async function createWorkspace(
  txOf: TransactionOf,
  shard: ShardId,
  row: WorkspaceRow,
  mountId: ObjectId | null,
): Promise<void> {
  const { workspace_id: workspaceId, owner_id: userId, created_at: now } = row;
  const directory = txOf(DIRECTORY);
  await txOf(shard).run(WORKSPACES.insert, row);
  await directory.run(placeWorkspace, { workspaceId, shard });
  await directory.run(MEMBERS.insert, { workspaceId, userId, role: 'owner', mountId, now });
}
