import type { Account, PlanList, WorkspaceList } from '@satchel/protocol/accounts.ts';
import { CodedError } from '@satchel/protocol/errors.ts';
import type { UserId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { Caller } from '../ports/chunk-ledger.ts';
import { statement } from '../ports/database.ts';
import { MEMBERS } from './member-statements.ts';
import type { MetaParts } from './parts.ts';
import { readPlan, usedBy } from './quota.ts';
import { DIRECTORY, readerOf, shardOfWorkspace } from './shards.ts';
import { WORKSPACES } from './workspace-statements.ts';

const allPlans = statement<Record<never, never>>()((q) =>
  q.selectFrom('plans').selectAll().orderBy('quota_bytes').orderBy('plan'),
);
/** The caller's account with its plan and what it uses. */
export async function account(parts: MetaParts, { userId, deviceId }: Caller): Promise<Account> {
  return parts.database.read(DIRECTORY, async (reader) => {
    const plan = await readPlan(reader, userId);
    const personal = await reader.first(MEMBERS.personal, { userId });
    if (personal === undefined)
      throw new CodedError('not_found', `The account ${userId} has no workspace: run doctor.`);
    return {
      userId,
      email: plan.email,
      name: plan.name,
      plan: plan.plan,
      quotaBytes: plan.quota_bytes,
      usedBytes: await usedBy(parts, { shard: DIRECTORY, tx: reader }, userId, undefined),
      deviceId,
      workspaceId: personal.workspace_id,
    };
  });
}

/** All plans. The quota shown for the present one is the account's own where it has one. */
export async function plans({ database }: MetaParts, { userId }: Caller): Promise<PlanList> {
  return database.read(DIRECTORY, async (reader) => {
    const present = await readPlan(reader, userId);
    const rows = await reader.all(allPlans, {});
    return {
      plans: rows.map((row) => ({
        name: row.plan,
        quotaBytes: row.plan === present.plan ? present.quota_bytes : row.quota_bytes,
        retentionDays: row.retention_days,
        current: row.plan === present.plan,
      })),
    };
  });
}

/** Each workspace of the caller with its head. */
export async function workspaces(parts: MetaParts, { userId }: Caller): Promise<WorkspaceList> {
  return parts.database.read(DIRECTORY, async (reader) => {
    const found: WorkspaceList['workspaces'] = [];
    for (const { workspace_id: workspaceId, role } of await reader.all(MEMBERS.ofUser, { userId })) {
      const shard = await shardOfWorkspace(parts, workspaceId);
      const row = await readerOf(parts.database, shard, { shard: DIRECTORY, tx: reader }).first(WORKSPACES.find, {
        workspaceId,
      });
      if (row === undefined) continue;
      found.push({ workspaceId, kind: row.kind, rootId: row.root_id, role, epoch: row.epoch, head: row.head_seq });
    }
    return { workspaces: found };
  });
}

/** The ids of a user's workspaces. */
export async function workspacesOf({ database }: MetaParts, userId: UserId): Promise<ReadonlySet<WorkspaceId>> {
  const members = await database.read(DIRECTORY, async (reader) => reader.all(MEMBERS.ofUser, { userId }));
  return new Set(members.map((member) => member.workspace_id));
}
