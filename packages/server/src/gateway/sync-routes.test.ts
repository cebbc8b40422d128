import assert from 'node:assert/strict';
import { get, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { test } from 'node:test';
import type { SignedIn } from '@satchel/protocol/accounts.ts';
import type { ListAnswer } from '@satchel/protocol/objects.ts';
import type { Ping, PollAnswer } from '@satchel/protocol/notify.ts';
import { freshId, served, type Served } from './served.fixture.ts';

function openEvents(server: Served, token: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}` };
    get(`${server.url}/api/v1/sync/events`, { headers }, resolve).once('error', reject);
  });
}

/** Pings of a stream of events until one passes the test. */
async function pingWhere(events: IncomingMessage, wanted: (ping: Ping) => boolean): Promise<Ping> {
  events.setEncoding('utf8');
  for await (const part of events)
    for (const [, data] of String(part).matchAll(/^data: (.*)$/gm)) {
      const ping = JSON.parse(data ?? '') as Ping;
      if (wanted(ping)) return ping;
    }
  throw new Error('the events have ended');
}

async function makeFolder(server: Served, me: SignedIn, name: string): Promise<number> {
  const { access_token: token, workspaceId } = me;
  const listed = await server.call('GET', `objects?workspace_id=${workspaceId}`, { token });
  const { rootId } = listed.json as unknown as ListAnswer;
  const operation = { op: 'mkdir', operationId: freshId(), objectId: freshId(), place: { parentId: rootId, name } };
  const answer = await server.call('POST', 'files/commit', { token, json: { workspaceId, operations: [operation] } });
  assert.equal(answer.status, 200);
  return (answer.json as unknown as { head: number }).head;
}

test('S9 a commit is heard of by server-sent events', async (t) => {
  const server = await served(t);
  const me = await server.signUp();
  const events = await openEvents(server, me.access_token);
  assert.equal(events.headers['content-type'], 'text/event-stream; charset=utf-8');
  const heard = pingWhere(events, (ping) => ping.seq !== undefined);
  const head = await makeFolder(server, me, 'a');
  assert.deepEqual(await heard, { workspace: me.workspaceId, seq: head });
});

test('S9 nobody hears of the workspaces of others', async (t) => {
  const server = await served(t);
  const [ann, eve] = [await server.signUp(), await server.signUp()];
  const events = await openEvents(server, eve.access_token);
  const heard = pingWhere(events, (ping) => ping.seq !== undefined);
  await makeFolder(server, ann, 'hers');
  await makeFolder(server, eve, 'own');
  assert.equal((await heard).workspace, eve.workspaceId);
});

test('S9 a long poll ends with the first ping', async (t) => {
  const server = await served(t);
  const me = await server.signUp();
  const poll = async (timeoutMs: number): Promise<PollAnswer> => {
    const answer = await server.call('GET', `sync/poll?timeout_ms=${timeoutMs}`, { token: me.access_token });
    return answer.json as unknown as PollAnswer;
  };
  assert.deepEqual(await poll(0), { pings: [{ workspaces: true }] });
  assert.deepEqual(await poll(0), { pings: [] });
  const waiting = poll(30_000);
  const head = await makeFolder(server, me, 'b');
  assert.deepEqual(await waiting, { pings: [{ workspace: me.workspaceId, seq: head }] });
});

test('S9 a WebSocket carries the same pings, with the token as a sub-protocol', async (t) => {
  const server = await served(t);
  const me = await server.signUp();
  const address = `${server.url.replace('http', 'ws')}/api/v1/sync/notifications`;
  const socket = new WebSocket(address, ['satchel', `bearer.${me.access_token}`]);
  await once(socket, 'open');
  const heard = once(socket, 'message');
  const head = await makeFolder(server, me, 'c');
  const [message] = (await heard) as [{ readonly data: string }];
  assert.deepEqual(JSON.parse(message.data), { workspace: me.workspaceId, seq: head });
  socket.close();

  const refused = new WebSocket(address, ['satchel', 'bearer.x.y.z']);
  const [error] = await Promise.race([once(refused, 'error'), once(refused, 'open').then(() => [undefined])]);
  assert.ok(error, 'a bad token opens no socket');
});

test('H97 a device that is signed out hears nothing more', async (t) => {
  const server = await served(t);
  const me = await server.signUp();
  const events = await openEvents(server, me.access_token);
  const ended = once(events.resume(), 'end');
  assert.equal((await server.call('POST', 'account/logout', { token: me.access_token })).status, 204);
  await ended;
  const after = await server.call('GET', 'sync/events', { token: me.access_token });
  assert.equal(after.json.code, 'device_revoked');
});
