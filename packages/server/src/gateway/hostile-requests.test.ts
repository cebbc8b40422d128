import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { ERRORS, Problem, type ErrorCode } from '@satchel/protocol/errors.ts';
import type { UploadAnswer } from '@satchel/protocol/transfer.ts';
import { chunkOf, freshId, served, type Answer } from './served.fixture.ts';

function assertProblem(answer: Answer, code: ErrorCode, what: string = code): void {
  assert.match(String(answer.headers['content-type']), /^application\/problem\+json/, what);
  const problem = Problem.parse(answer.json);
  assert.equal(problem.code, code, `${what}: ${problem.detail}`);
  assert.equal(answer.status, ERRORS[code].status, what);
  assert.ok(problem.requestId, what);
  assert.equal(answer.headers['cache-control'], 'no-store', what);
}

/** Sends bytes as they are and gives back all that the server says until it closes. */
function raw(port: number, text: string, end = false): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => (end ? socket.end(text) : socket.write(text)));
    let heard = '';
    socket.setEncoding('latin1');
    socket.on('data', (part: string) => (heard += part));
    socket.once('close', () => resolve(heard));
    socket.once('error', reject);
  });
}

test('S11 what no call understands is a problem with a code', async (t) => {
  const server = await served(t);
  const { access_token: token, workspaceId } = await server.signUp();
  const commit = 'files/commit';
  const cases: readonly (readonly [string, Promise<Answer>, ErrorCode])[] = [
    ['unknown path', server.call('GET', '/nowhere'), 'not_found'],
    ['unknown call', server.call('GET', 'nowhere', { token }), 'not_found'],
    ['wrong method', server.call('GET', commit, { token }), 'method_not_allowed'],
    ['broken escape', server.call('GET', '/api/v1/%zz', { token }), 'request_invalid'],
    ['no token', server.call('GET', 'account'), 'sign_in_required'],
    ['odd token', server.call('GET', 'account', { token: 'a.b.c' }), 'sign_in_required'],
    ['basic sign-in', server.call('GET', 'account', { headers: { authorization: 'Basic eDp5' } }), 'sign_in_required'],
    ['no body', server.call('POST', commit, { token }), 'request_invalid'],
    [
      'broken JSON',
      server.call('POST', commit, { token, body: '{"a', headers: { 'content-type': 'application/json' } }),
      'request_invalid',
    ],
    ['bytes for JSON', server.call('POST', commit, { token, body: '{}' }), 'request_invalid'],
    [
      'JSON for bytes',
      server.call('PUT', `chunks/${'0'.repeat(64)}?workspace_id=${workspaceId}`, { token, json: {} }),
      'request_invalid',
    ],
    ['wrong shape', server.call('POST', commit, { token, json: { workspaceId, operations: 7 } }), 'request_invalid'],
    ['no operations', server.call('POST', commit, { token, json: { workspaceId, operations: [] } }), 'request_invalid'],
    ['bad id', server.call('GET', 'objects?workspace_id=../../etc', { token }), 'request_invalid'],
    [
      'twice the same parameter',
      server.call('GET', `objects?workspace_id=${workspaceId}&workspace_id=${workspaceId}`, { token }),
      'request_invalid',
    ],
    [
      'a version from the future',
      server.call('GET', 'account', { token, headers: { 'satchel-protocol': '9' } }),
      'version_unsupported',
    ],
    [
      'no version',
      server.call('GET', 'account', { token, headers: { 'satchel-protocol': 'x' } }),
      'version_unsupported',
    ],
  ];
  for (const [what, answer, code] of cases) assertProblem(await answer, code, what);
});

test('H49 a body that is not UTF-8 is refused, not read as something else', async (t) => {
  const server = await served(t);
  const { access_token: token, workspaceId } = await server.signUp();
  const operation = { op: 'mkdir', operationId: freshId(), objectId: freshId() };
  const place = { parentId: workspaceId, name: 'caf\xe9' };
  const text = JSON.stringify({ workspaceId, operations: [{ ...operation, place }] });
  const headers = { 'content-type': 'application/json' };
  const send = (body: Buffer) => server.call('POST', 'files/commit', { token, body, headers });
  assertProblem(await send(Buffer.from(text, 'latin1')), 'request_invalid');
  assert.equal((await send(Buffer.from(text))).status, ERRORS.parent_missing.status, 'it is well formed otherwise');
});

test('S11 too much is refused: bodies, bombs, headers', async (t) => {
  const server = await served(t);
  const { access_token: token, workspaceId } = await server.signUp();
  const spaces = Buffer.alloc(17 * 1024 * 1024, ' ');
  const json = { 'content-type': 'application/json' };
  assertProblem(await server.call('POST', 'files/commit', { token, body: spaces, headers: json }), 'too_large');
  const bomb = zstdCompressSync(spaces);
  assert.ok(bomb.length < 10_000);
  const packed = { ...json, 'content-encoding': 'zstd' };
  assertProblem(await server.call('POST', 'files/commit', { token, body: bomb, headers: packed }), 'too_large', 'bomb');
  assertProblem(await server.call('POST', 'files/commit', { token, body: 'x', headers: packed }), 'request_invalid');
  const odd = { ...json, 'content-encoding': 'br' };
  assertProblem(await server.call('POST', 'files/commit', { token, body: 'x', headers: odd }), 'request_invalid');
  const chunk = chunkOf(randomBytes(4 * 1024 * 1024 + 1));
  const path = `chunks/${chunk.id}?workspace_id=${workspaceId}`;
  assertProblem(await server.call('PUT', path, { token, body: chunk.bytes }), 'too_large', 'chunk');
  const long = await raw(server.port, `GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(70_000)}\r\n\r\n`);
  assert.match(long, /^HTTP\/1\.1 413 .*\r\n[^]*"code":"too_large"/);
});

test('S11 a body is as long as the call takes once it is decompressed, too: a stranger needs no account for a bomb', async (t) => {
  const server = await served(t);
  const { access_token: token } = await server.signUp();
  const long = Buffer.from(`{"email":[${'{},'.repeat(500_000)}1]}`);
  for (const [encoding, body] of [
    ['zstd', zstdCompressSync(long)],
    ['gzip', gzipSync(long)],
  ] as const) {
    const headers = { 'content-type': 'application/json', 'content-encoding': encoding };
    for (const path of ['account/login', 'account/signup', 'oauth/token', 'shares'])
      assertProblem(await server.call('POST', path, { token, body, headers }), 'too_large', `${encoding} ${path}`);
  }
});

test('S11 what takes long to parse or to complain about is refused at its beginning', async (t) => {
  const server = await served(t);
  const { access_token: token, workspaceId } = await server.signUp();
  const headers = { 'content-type': 'application/json' };
  const send = (path: string, body: string) => server.call('POST', path, { token, body, headers });
  assertProblem(await send('files/commit', '['.repeat(2 ** 20 + 1)), 'too_large', 'opened and never closed');
  const wrong = '{"id":"x","size":-1}'.concat(',').repeat(150_000);
  const content = `{"size":1,"contentHash":"${'0'.repeat(64)}","mtimeMs":0,"executable":false,"list":{"chunks":[${wrong}1]}}`;
  const put = `{"op":"put","operationId":"${freshId()}","objectId":"${freshId()}","baseVersionId":null,"content":${content}}`;
  for (const [path, body] of [
    ['files/commit', `{"workspaceId":"${workspaceId}","operations":[${put}]}`],
    ['files/commit', `{"workspaceId":"${workspaceId}","operations":[${'0,'.repeat(500_000)}0]}`],
    ['files/upload_request', `{"workspaceId":"${workspaceId}","files":[${'0,'.repeat(500_000)}0]}`],
    ['chunks/fetch', `{"workspaceId":"${workspaceId}","chunks":[${'0,'.repeat(500_000)}0]}`],
    ['chunks/prove', `{"workspaceId":"${workspaceId}","proofs":[${'0,'.repeat(500_000)}0]}`],
  ] as const) {
    const answer = await send(path, body);
    assertProblem(answer, 'request_invalid', path);
    const { issues } = answer.json.details as unknown as { readonly issues: readonly unknown[] };
    assert.ok(issues.length <= 3, `${path} complains of its first fault only, not of ${issues.length}`);
  }
});

test('S11 long JSON bodies take room before they are read: some of one user at a time, and others have theirs', async (t) => {
  const server = await served(t);
  const [ann, bob] = [await server.signUp(), await server.signUp()];
  const long = 15 * 1024 * 1024;
  const head =
    `POST /api/v1/files/commit HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${ann.access_token}\r\n` +
    `content-type: application/json\r\ncontent-length: ${long}\r\n\r\n`;
  const stalled = Array.from({ length: 3 }, () => connect(server.port, '127.0.0.1'));
  t.after(() => stalled.forEach((socket) => socket.destroy()));
  const answered = stalled.map(async (socket) => {
    socket.write(head);
    return String((await once(socket, 'data'))[0]);
  });
  const first = await Promise.race(answered);
  assert.match(first, /^HTTP\/1\.1 503 [^]*"code":"unavailable"/, 'the third waits for the two before it, in vain');
  const headers = { 'content-type': 'application/json' };
  const body = `{"workspaceId":"${bob.workspaceId}","operations":[]${' '.repeat(2 * 1024 * 1024)}}`;
  assertProblem(
    await server.call('POST', 'files/commit', { token: bob.access_token, body, headers }),
    'request_invalid',
  );
  stalled.forEach((socket) => socket.destroy());
  const again = { token: ann.access_token, body: ' '.repeat(long), headers };
  assertProblem(await server.call('POST', 'files/commit', again), 'request_invalid', 'room again');
});

test('what is not HTTP gets a problem and an end', async (t) => {
  const server = await served(t);
  assert.match(await raw(server.port, 'nonsense\r\n\r\n'), /^HTTP\/1\.1 400 [^]*"code":"request_invalid"/);
  const smuggled = 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\nabc';
  assert.match(await raw(server.port, smuggled), /^HTTP\/1\.1 400 /);
  assert.equal((await server.call('GET', '/healthz')).status, 200);
});

test('S6 a chunk is taken only when it is what its name and length say', async (t) => {
  const server = await served(t);
  const { access_token: token, workspaceId } = await server.signUp();
  const chunk = chunkOf(randomBytes(200_000));
  const path = `chunks/${chunk.id}?workspace_id=${workspaceId}`;
  assertProblem(await server.call('PUT', path, { token, body: randomBytes(200_000) }), 'hash_mismatch');
  assertProblem(await server.call('PUT', path, { token, body: chunk.bytes.subarray(1) }), 'hash_mismatch');
  assertProblem(await server.call('PUT', path, { token }), 'length_mismatch', 'no length');
  assertProblem(await server.call('GET', path, { token }), 'not_found');
  assert.equal((await server.call('PUT', path, { token, body: chunk.bytes })).status, 204);
  const got = await server.call('GET', path, { token });
  assert.deepEqual(got.bytes, chunk.bytes);
  assert.match(String(got.headers['content-disposition']), /^attachment/);
  assert.equal(got.headers['x-content-type-options'], 'nosniff');
});

test('S6 a body that is cut off leaves nothing', async (t) => {
  const server = await served(t);
  const { access_token: token, workspaceId } = await server.signUp();
  const chunk = chunkOf(randomBytes(1000));
  const head =
    `PUT /api/v1/chunks/${chunk.id}?workspace_id=${workspaceId} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\n` +
    `content-type: application/octet-stream\r\ncontent-length: 1000\r\n\r\n`;
  await raw(server.port, head + Buffer.from(chunk.bytes.subarray(0, 500)).toString('latin1'), true);
  const path = `chunks/${chunk.id}?workspace_id=${workspaceId}`;
  assertProblem(await server.call('GET', path, { token }), 'not_found');
  assert.equal((await server.call('POST', path, { token, body: chunk.bytes })).status, 204);
});

test('S6 a signed address is good for its one request only', async (t) => {
  const server = await served(t);
  const { access_token: token, workspaceId } = await server.signUp();
  const chunk = chunkOf(randomBytes(300_000));
  const { id, size } = chunk;
  const file = { uploadId: freshId(), objectId: freshId(), firstChunk: 0, offset: 0, chunks: [{ id, size }] };
  const asked = await server.call('POST', 'files/upload_request', { token, json: { workspaceId, files: [file] } });
  const need = (asked.json as unknown as UploadAnswer).files[0]?.needs[0];
  assert.ok(need?.need === 'put');
  const { url, headers } = need;
  const put = (address: string, body: Uint8Array) => server.call('PUT', address, { body, headers });
  assertProblem(await put(url.replace(/x=\d+/, 'x=99999999999999'), chunk.bytes), 'signature_invalid', 'later expiry');
  assertProblem(await put(url.replace(id, '0'.repeat(64)), chunk.bytes), 'signature_invalid', 'other chunk');
  assertProblem(await put(url.split('?')[0] ?? '', chunk.bytes), 'signature_invalid', 'no signature');
  assertProblem(await server.call('GET', url), 'signature_invalid', 'other method');
  assertProblem(await put(url, chunk.bytes.subarray(1)), 'length_mismatch');
  assertProblem(await put(url, randomBytes(size)), 'hash_mismatch');
  assert.equal((await put(url, chunk.bytes)).status, 204);
  assert.equal((await put(url, chunk.bytes)).status, 204, 'a repeated one is harmless');
});

test('S7 the workspace of somebody else does not exist', async (t) => {
  const server = await served(t);
  const [ann, eve] = [await server.signUp(), await server.signUp()];
  const chunk = chunkOf(randomBytes(5000));
  const path = `chunks/${chunk.id}?workspace_id=${ann.workspaceId}`;
  assert.equal((await server.call('PUT', path, { token: ann.access_token, body: chunk.bytes })).status, 204);
  const token = eve.access_token;
  const { workspaceId } = ann;
  const mkdir = { op: 'mkdir', operationId: freshId(), objectId: freshId(), place: { parentId: freshId(), name: 'x' } };
  const asked = { workspaceId, chunks: [{ id: chunk.id }] };
  assertProblem(await server.call('GET', path, { token }), 'not_found', 'chunk');
  assertProblem(await server.call('GET', `objects?workspace_id=${workspaceId}`, { token }), 'not_found', 'listing');
  assertProblem(await server.call('GET', `files/metadata?workspace_id=${workspaceId}&path=/`, { token }), 'not_found');
  assertProblem(await server.call('POST', 'chunks/fetch', { token, json: asked }), 'not_found', 'fetch');
  assertProblem(
    await server.call('POST', 'files/commit', { token, json: { workspaceId, operations: [mkdir] } }),
    'not_found',
    'commit',
  );
  // Knowing the hash is not owning the bytes, in one's own workspace either.
  const own = `chunks/${chunk.id}?workspace_id=${eve.workspaceId}`;
  assertProblem(await server.call('GET', own, { token }), 'not_found', 'own workspace');
});

test('S11 an account that is guessed at and calls beyond the rate are told when to come back', async (t) => {
  const server = await served(t, ['--requests-per-minute', '20']);
  const { access_token: token } = await server.signUp();
  const answers = await Promise.all(Array.from({ length: 40 }, () => server.call('GET', 'account', { token })));
  const refused = answers.filter((answer) => answer.status === 429);
  assert.equal(refused.length, 20);
  for (const answer of refused) {
    assertProblem(answer, 'rate_limited');
    assert.ok(Number(answer.headers['retry-after']) > 0);
  }
});
