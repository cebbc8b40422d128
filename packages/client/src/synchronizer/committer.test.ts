/** H88: commits whose answer got lost. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ServerStep } from '@satchel/core/step.ts';
import type { CommitRequest } from '@satchel/protocol/commit.ts';
import { CodedError } from '@satchel/protocol/errors.ts';
import { objectId, openWorld, type World } from '../daemon/assembled.fixture.ts';
import { TREE_ROOT } from '../daemon/assembly.ts';
import { OfflineError } from '../ports/server-api.ts';

const never = new AbortController().signal;

/** A server that takes commits and whose answers get lost for as long as `isCut`. */
function serve(world: World): { readonly asked: CommitRequest[]; isCut: boolean } {
  const server = { asked: [] as CommitRequest[], isCut: true };
  world.meddling.answer = (name, { body }: { body: CommitRequest }) => {
    assert.equal(name, 'commit');
    server.asked.push(body);
    if (server.isCut) throw new OfflineError('the reply is lost');
    const results = body.operations.map((operation) => {
      assert.ok(operation.op === 'mkdir');
      const { objectId: id, place } = operation;
      const object = { objectId: id, ...place, kind: 'folder', seq: 1, placeVersion: 1, changedAt: 0 };
      return { outcome: 'done', object };
    });
    return { results, head: 1 };
  };
  return server;
}

/** A folder that was made here. */
function stepOf(world: World): ServerStep {
  const of = { objectId: objectId('d'), workspaceId: world.workspace.workspaceId };
  const place = { parentId: TREE_ROOT, name: 'd' };
  const stat = { dev: 1, ino: 1, size: 0, mtimeNs: '1', ctimeNs: '1', mode: 0o755 };
  world.parts.trees.putLocal({ ...of, ...place, content: { kind: 'folder' }, presence: 'present', stat, seenMs: 1 });
  return { ...of, kind: 'mkdir', place };
}

test('S4 H88 a commit without an answer is asked for again, by the same operations under the same ids', async () => {
  await using world = openWorld();
  const { committer, trees } = world.parts;
  const { workspaceId } = world.workspace;
  const server = serve(world);
  await assert.rejects(committer.commit(workspaceId, [stepOf(world)], never), OfflineError);
  assert.equal(committer.hasUnanswered(), true, 'nothing may be planned now');
  await assert.rejects(committer.resendPending(never), OfflineError);
  assert.equal(committer.hasUnanswered(), true);
  server.isCut = false;
  await committer.resendPending(never);
  assert.equal(committer.hasUnanswered(), false);
  assert.ok(server.asked.length > 2);
  for (const request of server.asked) assert.deepEqual(request.operations, server.asked[0]!.operations);
  assert.equal(trees.synced.get(objectId('d'))?.name, 'd');
  await committer.resendPending(never);
  assert.deepEqual(world.parts.committer.hasUnanswered(), false);
});

test('H88 a commit that was answered is not sent again', async () => {
  await using world = openWorld();
  const { committer } = world.parts;
  const server = serve(world);
  server.isCut = false;
  assert.deepEqual(await committer.commit(world.workspace.workspaceId, [stepOf(world)], never), [{ outcome: 'done' }]);
  assert.equal(committer.hasUnanswered(), false);
  await committer.resendPending(never);
  assert.equal(server.asked.length, 1);
});

for (const isCut of [false, true])
  test(`S10 H87 what a restored server answers is not taken for newer: all is listed anew; answered ${isCut ? 'late' : 'at once'}`, async () => {
    await using world = openWorld();
    const { committer, trees, workspaces } = world.parts;
    const { workspaceId, rootId } = world.workspace;
    workspaces.put({ ...world.workspace, cursor: 'epoch1.5' });
    const step = stepOf(world);
    const committing = serve(world);
    const commit = world.meddling.answer;
    const listed: (string | undefined)[] = [];
    world.meddling.answer = (name, input: { query?: { cursor?: string } }, signal) => {
      if (name === 'commit') return { ...(commit(name, input as never, signal) as object), epoch: 'epoch2' };
      const cursor = input.query?.cursor;
      listed.push(cursor);
      if (cursor !== undefined) throw new CodedError('cursor_expired', 'The server was restored.');
      return { workspaceId, rootId, cursor: 'epoch2.1', head: 1, objects: [], hasMore: false };
    };
    if (isCut) await assert.rejects(committer.commit(workspaceId, [step], never), OfflineError);
    committing.isCut = false;
    if (isCut) await committer.resendPending(never);
    else assert.deepEqual(await committer.commit(workspaceId, [step], never), [{ outcome: 'dropped' }]);
    assert.deepEqual(listed, ['epoch1.5', undefined]);
    assert.equal(workspaces.get(workspaceId)?.epoch, 'epoch2');
    assert.equal(trees.synced.get(step.objectId), undefined);
    assert.equal(committer.hasUnanswered(), false);
  });

test('S9 a ping that a commit of this device has made, and that comes before its answer, leads to no listing', async () => {
  await using world = openWorld();
  const { committer, following, workspaces } = world.parts;
  const { workspaceId } = world.workspace;
  workspaces.put({ ...world.workspace, cursor: 'epoch1.0' });
  const server = serve(world);
  server.isCut = false;
  const answer = world.meddling.answer!;
  const heard: Promise<void>[] = [];
  world.meddling.answer = async (name, input, signal) => {
    await undefined; // the request is on its way
    heard.push(following.heard(workspaceId, 1, never));
    return answer(name, input, signal);
  };
  await committer.commit(workspaceId, [stepOf(world)], never);
  await Promise.all(heard);
  assert.equal(server.asked.length, 1);
  assert.equal(following.isAtHead(), true);
});
