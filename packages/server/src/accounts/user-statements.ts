import type { UserId } from '@satchel/protocol/ids.ts';
import { statement } from '../ports/database.ts';

/** What administrators see and change of users. The rows are made by the Meta Service. */
export const USERS = {
  list: statement<{ after: string; limit: number }>()((q, arg) =>
    q
      .selectFrom('users')
      .innerJoin('subscriptions', (join) =>
        join.onRef('subscriptions.user_id', '=', 'users.user_id').on('subscriptions.until', 'is', null),
      )
      .innerJoin('plans', 'plans.plan', 'subscriptions.plan')
      .leftJoin('administrators', 'administrators.user_id', 'users.user_id')
      .select((e) => [
        'users.user_id',
        'users.email',
        'users.name',
        'users.created_at',
        'users.disabled_at',
        'plans.plan',
        e.fn.coalesce('users.quota_bytes', 'plans.quota_bytes').as('quota_bytes'),
        'administrators.since as administrator_since',
      ])
      .where('users.email', '>', arg('after'))
      .orderBy('users.email')
      .limit(arg('limit')),
  ),
  byEmail: statement<{ email: string }>()((q, arg) =>
    q.selectFrom('users').select('user_id').where('email', '=', arg('email')),
  ),
  standing: statement<{ userId: UserId }>()((q, arg) =>
    q.selectFrom('users').select('disabled_at').where('user_id', '=', arg('userId')),
  ),
  setQuota: statement<{ userId: UserId; quotaBytes: number | null }>()((q, arg) =>
    q
      .updateTable('users')
      .set({ quota_bytes: arg('quotaBytes') })
      .where('user_id', '=', arg('userId')),
  ),
  setDisabled: statement<{ userId: UserId; at: number | null }>()((q, arg) =>
    q
      .updateTable('users')
      .set({ disabled_at: arg('at') })
      .where('user_id', '=', arg('userId')),
  ),
} as const;

export const PLANS = {
  list: statement<Record<string, never>>()((q) =>
    q.selectFrom('plans').select(['plan', 'quota_bytes', 'retention_days']).orderBy('quota_bytes'),
  ),
  find: statement<{ plan: string }>()((q, arg) => q.selectFrom('plans').select('plan').where('plan', '=', arg('plan'))),
  insert: statement<{ plan: string; quotaBytes: number; retentionDays: number }>()((q, arg) =>
    q
      .insertInto('plans')
      .values({ plan: arg('plan'), quota_bytes: arg('quotaBytes'), retention_days: arg('retentionDays') })
      .onConflict((conflict) =>
        conflict.column('plan').doUpdateSet({ quota_bytes: arg('quotaBytes'), retention_days: arg('retentionDays') }),
      ),
  ),
  last: statement<{ userId: UserId }>()((q, arg) =>
    q
      .selectFrom('subscriptions')
      .select('since')
      .where('user_id', '=', arg('userId'))
      .orderBy('since', 'desc')
      .limit(1),
  ),
  endPresent: statement<{ userId: UserId; now: number }>()((q, arg) =>
    q
      .updateTable('subscriptions')
      .set({ until: arg('now') })
      .where('user_id', '=', arg('userId'))
      .where('until', 'is', null),
  ),
  begin: statement<{ userId: UserId; plan: string; now: number }>()((q, arg) =>
    q.insertInto('subscriptions').values({ user_id: arg('userId'), plan: arg('plan'), since: arg('now'), until: null }),
  ),
} as const;

export const USED = {
  byOwner: statement<{ ownerId: UserId }>()((q, arg) =>
    q
      .selectFrom('workspaces')
      .select((e) => e.fn.coalesce(e.fn.sum<number>('used_bytes'), e.lit(0)).as('used'))
      .where('owner_id', '=', arg('ownerId')),
  ),
} as const;
