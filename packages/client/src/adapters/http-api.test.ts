import assert from 'node:assert/strict';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import zlib from 'node:zlib';
import { CodedError, problemOf, type ErrorCode } from '@satchel/protocol/errors.ts';
import type { ObjectId, OperationId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { Tokens } from '../ports/secrets.ts';
import { AnswerInvalidError, OfflineError } from '../ports/server-api.ts';
import { createRateLimit } from '../transfer/rate-limit.ts';
import { createMemoryTokens, freshId, GOOD_TOKENS } from '../transfer/testing/device.ts';
import { createHttpApi } from './http-api.ts';
import { systemClock } from './system-clock.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;
const never = new AbortController().signal;

async function serving(handler: Handler, options: { tokens?: Tokens; idleTimeoutMs?: number } = {}) {
  const seen: IncomingMessage[] = [];
  const server = http.createServer((request, response) => {
    seen.push(request);
    request.resume();
    handler(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const tokens = createMemoryTokens(options.tokens ?? GOOD_TOKENS);
  const api = createHttpApi({
    server: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    tokens,
    clock: systemClock,
    up: createRateLimit(systemClock),
    down: createRateLimit(systemClock),
    ...(options.idleTimeoutMs === undefined ? {} : { idleTimeoutMs: options.idleTimeoutMs }),
  });
  return {
    api,
    tokens,
    seen,
    server,
    async [Symbol.asyncDispose]() {
      api[Symbol.dispose]();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function json(response: ServerResponse, value: unknown, status = 200, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(value));
}

function problem(response: ServerResponse, code: ErrorCode, headers: Record<string, string> = {}): void {
  const document = problemOf(new CodedError(code, 'because'));
  response.writeHead(document.status, { 'content-type': 'application/problem+json', ...headers });
  response.end(JSON.stringify(document));
}

const coded = (code: ErrorCode) => (error: unknown) => error instanceof CodedError && error.code === code;

test('S11 a problem document becomes a CodedError with its code, text and Retry-After', async () => {
  await using it = await serving((_, response) => problem(response, 'rate_limited', { 'retry-after': '17' }));
  await assert.rejects(it.api.call('plans', {}, never), (error) => {
    assert.ok(error instanceof CodedError);
    assert.deepEqual([error.code, error.message, error.retryAfterS], ['rate_limited', 'because', 17]);
    return true;
  });
});

test('a proxy that answers in HTML counts as unavailable when it says 5xx, else as no Satchel server', async () => {
  let status = 502;
  await using it = await serving((_, response) => response.writeHead(status).end('<html>'));
  await assert.rejects(it.api.call('plans', {}, never), coded('unavailable'));
  for (status of [200, 302, 404, 418]) await assert.rejects(it.api.call('plans', {}, never), AnswerInvalidError);
});

test('answers that are not as the protocol says are refused', async () => {
  const answers = ['', 'null', '{}', '{"plans":[{"name":1}]}', '{"plans":'];
  let answer = '';
  await using it = await serving((_, response) => response.writeHead(200).end(answer));
  for (answer of answers) await assert.rejects(it.api.call('plans', {}, never), AnswerInvalidError, answer);
});

test('an answer is not read beyond its limit, plain or compressed', async () => {
  let handler: Handler = () => undefined;
  await using it = await serving((request, response) => handler(request, response));
  handler = (_, response) => {
    response.writeHead(200);
    response.on('error', () => undefined);
    const part = Buffer.alloc(1 << 20, 32);
    const more = (): void => {
      while (!response.destroyed && response.write(part));
      if (!response.destroyed) response.once('drain', more);
    };
    more();
  };
  await assert.rejects(it.api.call('plans', {}, never), AnswerInvalidError);
  const bomb = zlib.zstdCompressSync(Buffer.alloc(256 << 20));
  handler = (_, response) => response.writeHead(200, { 'content-encoding': 'zstd' }).end(bomb);
  await assert.rejects(it.api.call('plans', {}, never), AnswerInvalidError);
});

test('compressed answers are understood', async () => {
  const text = JSON.stringify({ plans: [{ name: 'free', quotaBytes: 1, retentionDays: 30, current: true }] });
  await using it = await serving((_, response) =>
    response.writeHead(200, { 'content-encoding': 'zstd' }).end(zlib.zstdCompressSync(text)),
  );
  assert.equal((await it.api.call('plans', {}, never)).plans[0]?.name, 'free');
});

test('a server that is away, or cuts, is an OfflineError', async () => {
  await using it = await serving((request, response) => {
    response.writeHead(200, { 'content-length': '1000' });
    response.write('{"plans"', () => request.socket.destroy());
  });
  await assert.rejects(it.api.call('plans', {}, never), OfflineError);
  it.server.closeAllConnections();
  await new Promise((resolve) => it.server.close(resolve));
  await assert.rejects(it.api.call('plans', {}, never), OfflineError);
});

test('H101 V2 silence ends a call, slowness does not', async () => {
  const text = JSON.stringify({ plans: [] });
  const slow: Handler = (_, response) => {
    response.writeHead(200);
    let at = 0;
    const timer = setInterval(() => {
      response.write(text[at++] ?? '');
      if (at < text.length) return;
      clearInterval(timer);
      response.end();
    }, 40);
  };
  let handler = slow;
  await using it = await serving((request, response) => handler(request, response), { idleTimeoutMs: 300 });
  assert.deepEqual(await it.api.call('plans', {}, never), { plans: [] });
  handler = () => undefined;
  await assert.rejects(it.api.call('plans', {}, never), OfflineError);
});

test('V1 an aborted call rejects with the reason, and its connection is closed', async () => {
  const closed = Promise.withResolvers<void>();
  const stop = new AbortController();
  await using it = await serving((request) => {
    request.socket.on('close', closed.resolve);
    stop.abort(new Error('enough'));
  });
  await assert.rejects(it.api.call('plans', {}, stop.signal), { message: 'enough' });
  await closed.promise;
});

test('a connection that the server has closed meanwhile is replaced without a failure', async () => {
  await using it = await serving((_, response) => json(response, { plans: [] }));
  it.server.keepAliveTimeout = 1;
  for (let round = 0; round < 20; round++) {
    await it.api.call('plans', {}, never);
    it.server.closeIdleConnections();
  }
});

test('a commit of one stale operation gives its result, not a failure', async () => {
  const answer = { results: [{ outcome: 'refused', code: 'stale', detail: 'changed' }], head: 7 };
  await using it = await serving((_, response) => json(response, answer, 409));
  const operation = {
    op: 'mkdir' as const,
    operationId: freshId<OperationId>(),
    objectId: freshId<ObjectId>(),
    place: { parentId: freshId<ObjectId>(), name: 'x' },
  };
  const body = { workspaceId: freshId<WorkspaceId>(), operations: [operation] };
  assert.deepEqual(await it.api.call('commit', { body }, never), answer);
});

const renewed = { access_token: 'access-2', token_type: 'Bearer', expires_in: 900, refresh_token: 'refresh-2' };

test('V4 an expired token is renewed once for all calls, and the new one is durable before it is used', async () => {
  let savedAtUse: string | undefined;
  let renewals = 0;
  await using it = await serving((request, response) => {
    if (request.url === '/api/v1/oauth/token') {
      renewals++;
      json(response, renewed);
    } else if (request.headers.authorization === 'Bearer access-2') {
      savedAtUse = it.tokens.saved.at(-1)?.refreshToken;
      json(response, { plans: [] });
    } else problem(response, 'token_expired');
  });
  await Promise.all(Array.from({ length: 8 }, () => it.api.call('plans', {}, never)));
  assert.equal(renewals, 1);
  assert.equal(savedAtUse, 'refresh-2');
});

test('a token about to expire is renewed before it is sent', async () => {
  await using it = await serving(
    (request, response) => json(response, request.url === '/api/v1/oauth/token' ? renewed : { plans: [] }),
    { tokens: { ...GOOD_TOKENS, accessExpiresAtMs: Date.now() + 5000 } },
  );
  await it.api.call('plans', {}, never);
  assert.deepEqual(
    it.seen.map(({ headers }) => headers.authorization),
    [undefined, 'Bearer access-2'],
  );
});

test('tokens that another process has renewed are used, not renewed again', async () => {
  await using it = await serving((request, response) =>
    request.headers.authorization === 'Bearer theirs'
      ? json(response, { plans: [] })
      : problem(response, 'token_expired'),
  );
  const call = it.api.call('plans', {}, never);
  it.tokens.saved.push({ ...GOOD_TOKENS, accessToken: 'theirs' });
  await call;
  assert.ok(it.seen.every(({ url }) => url !== '/api/v1/oauth/token'));
});

test('H97 a revoked device is told once; after that nothing is sent until it signs in again', async () => {
  let code: ErrorCode | undefined = 'device_revoked';
  await using it = await serving((_, response) => (code ? problem(response, code) : json(response, { plans: [] })));
  const states: string[] = [];
  using _ = it.api.session.watch((state) => states.push(state));
  await assert.rejects(it.api.call('plans', {}, never), coded('device_revoked'));
  for (let again = 0; again < 5; again++)
    await assert.rejects(it.api.call('plans', {}, never), coded('device_revoked'));
  assert.equal(it.seen.length, 1);
  code = undefined;
  await it.api.session.adopt({ ...renewed });
  await it.api.call('plans', {}, never);
  assert.deepEqual(states, ['device_revoked', 'signed_in']);
});

test('H97 a refresh token that the server refuses ends the session without a storm', async () => {
  await using it = await serving((request, response) =>
    problem(response, request.url === '/api/v1/oauth/token' ? 'sign_in_required' : 'token_expired'),
  );
  for (let again = 0; again < 5; again++)
    await assert.rejects(it.api.call('plans', {}, never), coded('sign_in_required'));
  assert.equal(it.seen.length, 2);
  assert.equal(it.api.session.state(), 'sign_in_required');
});

test('H97 a busy server does not end the session', async () => {
  await using it = await serving((request, response) =>
    problem(response, request.url === '/api/v1/oauth/token' ? 'unavailable' : 'token_expired'),
  );
  await assert.rejects(it.api.call('plans', {}, never), coded('unavailable'));
  assert.equal(it.api.session.state(), 'signed_in');
});

test('V5 a signed address of another origin gets no token', async () => {
  await using store = await serving((_, response) => response.writeHead(200).end());
  await using it = await serving((_, response) => json(response, { plans: [] }));
  const { port } = store.server.address() as AddressInfo;
  await it.api.putSigned(
    { url: `http://127.0.0.1:${port}/bucket/x`, headers: { 'x-a': 'b' } },
    Buffer.from('x'),
    never,
  );
  assert.equal(store.seen[0]?.headers.authorization, undefined);
  assert.equal(store.seen[0]?.headers['x-a'], 'b');
});

test('pings are read from the event stream however it is cut', async () => {
  const seq = freshId<WorkspaceId>();
  const text = `: connected\n\ndata: {"workspace":"${seq}","seq":4}\r\n\r\n:\n\nretry: 250\ndata:{"workspaces":true}\n\n`;
  await using it = await serving((_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const character of text) response.write(character);
    response.end();
  });
  const seen: unknown[] = [];
  await it.api.listen(
    {
      open: () => seen.push('open'),
      ping: (ping) => seen.push(ping),
      heard: () => undefined,
      reconnectIn: (ms) => seen.push(ms),
    },
    never,
  );
  assert.deepEqual(seen, ['open', { workspace: seq, seq: 4 }, 250, { workspaces: true }]);
});

test('the head of a request is small', async () => {
  await using it = await serving((_, response) => json(response, { plans: [] }));
  await it.api.call('plans', {}, never);
  const bytes = it.seen[0]?.rawHeaders.reduce((sum, text) => sum + text.length + 2, 0) ?? Infinity;
  assert.ok(bytes < 200, `${bytes} bytes`);
});
