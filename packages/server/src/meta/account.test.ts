import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UserId } from '@satchel/protocol/ids.ts';
import { id, mkdirOf, doneBy, openMeta } from './meta-under-test.ts';

test('an account is made once, with a free plan and a personal workspace', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const person = { userId: id<UserId>(), email: 'Ann@Example.org', name: 'Ann' };
  const [first, second] = await Promise.all([meta.ensure(person), meta.ensure(person)]);
  assert.deepEqual(first, second);
  const caller = { userId: person.userId, deviceId: id<typeof person.userId>() as never };
  const account = await meta.account(caller);
  assert.deepEqual(
    [account.email, account.plan, account.quotaBytes, account.usedBytes, account.workspaceId],
    ['ann@example.org', 'free', 1024 ** 3, 0, first.workspaceId],
  );
  assert.deepEqual(await meta.workspacesOf(person.userId), new Set([first.workspaceId]));
  assert.deepEqual((await meta.plans(caller)).plans, [
    { name: 'free', quotaBytes: 1024 ** 3, retentionDays: 30, current: true },
  ]);
  assert.deepEqual((await meta.doctor()).findings, []);
});

test('new accounts get the quota of the settings, and workspaces show their heads', async () => {
  await using world = await openMeta({ quotaBytes: 5 });
  const ann = await world.person('ann');
  assert.equal((await world.meta.account(ann)).quotaBytes, 5);
  await doneBy(world.meta, ann, mkdirOf(ann.rootId, 'd'));
  const { workspaces } = await world.meta.workspaces(ann);
  assert.deepEqual(
    workspaces.map(({ head, kind, role }) => [head, kind, role]),
    [[1, 'personal', 'owner']],
  );
});
