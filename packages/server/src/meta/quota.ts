import { CodedError } from '@satchel/protocol/errors.ts';
import type { UserId, WorkspaceId } from '@satchel/protocol/ids.ts';
import { statement, type Reader } from '../ports/database.ts';
import type { WorkspaceRow } from '../ports/schema.ts';
import type { MetaParts } from './parts.ts';
import { directoryFrom, readerOf, type OnShard } from './shards.ts';
import { WORKSPACES } from './workspace-statements.ts';

/**
 * What counts: the newest version of each live file in all workspaces that the account owns, shared ones included.
 * Old versions and deleted files do not, so that deleting frees space at once, as people expect (H61); they are
 * bounded by the retention instead.
 */

const quotaRow = statement<{ userId: UserId }>()((q, arg) =>
  q
    .selectFrom('users')
    .innerJoin('subscriptions', (join) =>
      join.onRef('subscriptions.user_id', '=', 'users.user_id').on('subscriptions.until', 'is', null),
    )
    .innerJoin('plans', 'plans.plan', 'subscriptions.plan')
    .select((e) => [
      'users.email',
      'users.name',
      'plans.plan',
      'plans.retention_days',
      e.fn.coalesce('users.quota_bytes', 'plans.quota_bytes').as('quota_bytes'),
    ])
    .where('users.user_id', '=', arg('userId')),
);

/** The account with its plan. @throws CodedError('not_found') */
export async function readPlan(directory: Reader, userId: UserId) {
  const row = await directory.first(quotaRow, { userId });
  if (row === undefined) throw new CodedError('not_found', `There is no account ${userId}.`);
  return row;
}

/**
 * Bytes that a workspace may hold: its owner's quota less what the owner's other workspaces hold. Where those lie on
 * other shards they are read as of now: two commits at the same moment on two shards may together pass the quota by
 * what they bring, once.
 */
export async function allowanceOf(
  parts: Pick<MetaParts, 'database'>,
  on: OnShard<Reader>,
  workspace: Pick<WorkspaceRow, 'owner_id' | 'workspace_id'>,
): Promise<number> {
  const { quota_bytes: quota } = await readPlan(directoryFrom(parts, on), workspace.owner_id);
  return quota - (await usedBy(parts, on, workspace.owner_id, workspace.workspace_id));
}

/** Bytes that count of all the owner's workspaces but one. */
export async function usedBy(
  { database }: Pick<MetaParts, 'database'>,
  on: OnShard<Reader>,
  ownerId: UserId,
  except: WorkspaceId | undefined,
): Promise<number> {
  let used = 0;
  for (const shard of database.shards) {
    const args = { ownerId, except: except ?? ('' as WorkspaceId) };
    used += Number((await readerOf(database, shard, on).first(WORKSPACES.usedByOthers, args))?.used ?? 0);
  }
  return used;
}
