import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WorkspaceList } from '@satchel/protocol/accounts.ts';
import type { CommitAnswer } from '@satchel/protocol/commit.ts';
import type { ObjectId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { Share, ShareList } from '@satchel/protocol/shares.ts';
import { freshId, served, type Answer, type Served } from './served.fixture.ts';

interface Place {
  readonly workspaceId: WorkspaceId;
  readonly parentId: ObjectId;
}

async function mkdir(server: Served, token: string, { workspaceId, parentId }: Place, name: string): Promise<Answer> {
  const operation = { op: 'mkdir', operationId: freshId(), objectId: freshId(), place: { parentId, name } };
  return server.call('POST', 'files/commit', { token, json: { workspaceId, operations: [operation] } });
}

async function workspaces(server: Served, token: string): Promise<WorkspaceList['workspaces']> {
  const answer = await server.call('GET', 'workspaces', { token });
  return (answer.json as unknown as WorkspaceList).workspaces;
}

test('a folder is shared, written by an editor only, handed over and left', async (t) => {
  const server = await served(t);
  const [ann, bob] = [await server.signUp('ann@example.com'), await server.signUp('bob@example.com')];
  const [own] = await workspaces(server, ann.access_token);
  assert.ok(own);
  const made = await mkdir(server, ann.access_token, { workspaceId: own.workspaceId, parentId: own.rootId }, 'plans');
  const [result] = (made.json as unknown as CommitAnswer).results;
  assert.ok(result?.outcome === 'done');

  const request = { objectId: result.object.objectId, email: 'bob@example.com', role: 'viewer' };
  const shared = await server.call('POST', 'shares', { token: ann.access_token, json: request });
  assert.equal(shared.status, 200, shared.bytes.toString());
  const { workspaceId } = shared.json as unknown as Share;
  const seen = (await workspaces(server, bob.access_token)).find((one) => one.workspaceId === workspaceId);
  assert.deepEqual([seen?.kind, seen?.role], ['shared', 'viewer']);
  const inside = { workspaceId, parentId: seen?.rootId ?? freshId<ObjectId>() };

  assert.equal((await mkdir(server, bob.access_token, inside, 'x')).json.code, 'read_only');
  const members = `shares/${workspaceId}/members`;
  const editor = { email: 'bob@example.com', role: 'editor' };
  assert.equal((await server.call('PUT', members, { token: bob.access_token, json: editor })).json.code, 'forbidden');
  assert.equal((await server.call('PUT', members, { token: ann.access_token, json: editor })).status, 200);
  assert.equal((await mkdir(server, bob.access_token, inside, 'x')).status, 200);

  const handed = await server.call('POST', `shares/${workspaceId}/transfer`, {
    token: ann.access_token,
    json: { email: 'bob@example.com' },
  });
  assert.equal(handed.status, 200, handed.bytes.toString());
  const left = await server.call('DELETE', `${members}?email=ann@example.com`, { token: ann.access_token });
  assert.equal(left.status, 204, left.bytes.toString());
  const { shares } = (await server.call('GET', 'shares', { token: bob.access_token })).json as unknown as ShareList;
  assert.deepEqual(
    shares.map((share) => [share.role, share.members.map(({ email }) => email)]),
    [['owner', ['bob@example.com']]],
  );
  assert.equal((await mkdir(server, ann.access_token, inside, 'y')).json.code, 'not_found');
});
