/** The server alone, asked by hand-made clients: order, repetition, and everything that must be refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apiClient, freshId, mkdirOperation, pathsOf, putSmallFile, type ApiClient } from '../support/api.ts';
import { sha256 } from '../support/random.ts';
import { withWorld, worldForFile } from '../support/world.ts';

const world = await worldForFile({ devices: [] });
const account = { email: 'api@example.test', password: 'correct horse battery staple 42' };
await apiClient(world.server.url, { action: 'signup', ...account });

async function signedIn(): Promise<ApiClient> {
  return await apiClient(world.server.url, { action: 'login', ...account });
}

test('H90 fifty committers at once, one follower: it misses nothing', async () => {
  const api = await signedIn();
  const root = await api.rootId();
  const top = mkdirOperation(root, 'h90');
  await api.commit([top]);
  let { cursor } = await api.list();
  const seen = new Set<string>();
  let done = false;
  const follower = (async () => {
    for (let last = false; !last;) {
      last = done;
      const page = await api.list(undefined, cursor);
      cursor = page.cursor;
      for (const object of page.objects) seen.add(object.objectId);
    }
  })();
  const made = await Promise.all(
    Array.from({ length: 50 }, async (_, i) => {
      const operations = Array.from({ length: 10 }, (_unused, n) => mkdirOperation(top.objectId, `${i}-${n}`));
      for (const operation of operations) await api.commit([operation]);
      return operations;
    }),
  );
  done = true;
  await follower;
  const missed = made.flat().filter(({ objectId }) => !seen.has(objectId));
  assert.deepEqual(missed, []);
});

test('S4 a repeated operation gets its first answer again, a stale one 409', async () => {
  const api = await signedIn();
  const operation = mkdirOperation(await api.rootId(), 'made-once');
  const first = await api.commit([operation]);
  const second = await api.commit([operation]);
  assert.deepEqual(second.results, first.results);
  const stale = {
    op: 'delete',
    operationId: freshId(),
    objectId: operation.objectId,
    basePlaceVersion: 99,
    baseVersionId: null,
  };
  const refused = await api.call('POST', '/files/commit', { workspaceId: api.me.workspaceId, operations: [stale] });
  assert.equal(refused.status, 409, refused.text);
});

test('H49 names that would escape are refused with a code', async () => {
  const api = await signedIn();
  const root = await api.rootId();
  const names = [
    '..',
    '.',
    '',
    'a/b',
    '/etc',
    '../escape',
    'nul\0byte',
    '\ud800',
    'x'.repeat(256),
    '.satchel',
    'e\u0301',
    42,
    null,
  ];
  for (const name of names) {
    const answer = await api.call('POST', '/files/commit', {
      workspaceId: api.me.workspaceId,
      operations: [mkdirOperation(root, name as string)],
    });
    assert.ok(answer.status >= 400 && answer.status < 500, `${JSON.stringify(name)}: ${answer.status} ${answer.text}`);
    assert.match(answer.text, /"code":"(name_invalid|request_invalid)"/, JSON.stringify(name));
  }
});

test('S7 another account sees, changes and reads nothing of this one', async () => {
  const mine = await signedIn();
  const foreign = await apiClient(world.server.url, {
    action: 'signup',
    email: 'foreign@example.test',
    password: 'another long password 9',
  });
  const file = await putSmallFile(
    mine,
    { parentId: await mine.rootId(), name: 'mine.txt' },
    Buffer.from('for my eyes only'),
  );
  const workspace = `workspace_id=${mine.me.workspaceId}`;
  const chunk = file.version?.chunks?.[0]?.id ?? sha256('for my eyes only');
  const attempts = [
    ['GET', `/objects?${workspace}`],
    ['GET', `/files/metadata?${workspace}&file_id=${file.objectId}`],
    ['GET', `/files/${file.objectId}/content?${workspace}`],
    ['GET', `/chunks/${chunk}?${workspace}`],
    ['GET', `/chunks/${chunk}?workspace_id=${foreign.me.workspaceId}`],
    ['GET', `/uploads?${workspace}`],
  ] as const;
  for (const [method, path] of attempts) {
    const answer = await foreign.call(method, path);
    assert.ok([403, 404].includes(answer.status), `${method} ${path}: ${answer.status} ${answer.text.slice(0, 200)}`);
  }
  const commit = await foreign.call('POST', '/files/commit', {
    workspaceId: mine.me.workspaceId,
    operations: [mkdirOperation(file.parentId, 'intruder')],
  });
  assert.ok(commit.status === 403 || commit.status === 404, `${commit.status} ${commit.text}`);
});

test('bad requests get a coded answer and never a crash', async () => {
  const api = await signedIn();
  const workspaceId = api.me.workspaceId;
  const bad: readonly (readonly [string, string, unknown])[] = [
    ['POST', '/files/commit', '{"workspaceId":'],
    ['POST', '/files/commit', { workspaceId, operations: [] }],
    ['POST', '/files/upload_request', { workspaceId, files: [{ uploadId: 'x' }] }],
    ['POST', `/chunks/batch?workspace_id=${workspaceId}`, Buffer.alloc(1000, 0xff)],
    ['PUT', `/chunks/${'0'.repeat(64)}?workspace_id=${workspaceId}`, Buffer.from('not what it says')],
    ['GET', '/objects?workspace_id=nonsense', undefined],
    ['GET', `/objects?workspace_id=${workspaceId}&cursor=old.99999`, undefined],
    ['GET', '/no/such/call', undefined],
    ['DELETE', '/account', undefined],
  ];
  for (const [method, path, body] of bad) {
    const headers: Record<string, string> =
      body instanceof Uint8Array
        ? { 'content-type': 'application/octet-stream' }
        : typeof body === 'string'
          ? { 'content-type': 'application/json' }
          : {};
    const answer = await api.call(method, path, body, headers);
    assert.ok(
      answer.status >= 400 && answer.status < 500,
      `${method} ${path}: ${answer.status} ${answer.text.slice(0, 300)}`,
    );
    assert.equal(
      typeof (answer.json as { code?: unknown } | undefined)?.code,
      'string',
      `${method} ${path}: ${answer.text.slice(0, 300)}`,
    );
  }
  assert.ok(pathsOf((await api.list()).objects).length > 0);
});

test('a body far over the limit is refused, by an answer or by a cut, and the server lives on', async () => {
  const api = await signedIn();
  const headers = { 'content-type': 'application/json' };
  const status = await api.call('POST', '/files/commit', 'x'.repeat(40 << 20), headers).then(
    (answer) => answer.status,
    (error: Error) => {
      // The server need not read on: then the client is cut off while it still writes.
      assert.match(String(error.cause), /EPIPE|ECONNRESET|other side closed/);
      return 413;
    },
  );
  assert.equal(status, 413);
  assert.equal((await api.call('GET', '/account')).status, 200);
});

test('H69 the server holds a mass deletion by one device as well', async () => {
  await withWorld({ devices: [] }, async (own) => {
    const api = await apiClient(own.server.url, {
      action: 'signup',
      email: 'mass@example.test',
      password: 'long enough a password 7',
    });
    const root = await api.rootId();
    const made = Array.from({ length: 1500 }, (_, i) => mkdirOperation(root, `folder ${i}`));
    for (let i = 0; i < made.length; i += 500) await api.commit(made.slice(i, i + 500));
    const doomed = made.map(({ objectId }) => ({
      op: 'delete',
      operationId: freshId(),
      objectId,
      basePlaceVersion: 1,
      baseVersionId: null,
    }));
    const codes = new Set<string>();
    for (let i = 0; i < doomed.length; i += 500) {
      for (const result of (await api.commit(doomed.slice(i, i + 500))).results)
        codes.add(result.outcome === 'refused' ? result.code : 'done');
    }
    assert.ok(codes.has('held'), [...codes].join(', '));
    assert.ok((await api.list()).objects.length > 0);
  });
});

test('S8 quota in the middle of a batch of hand-made operations: each answers for itself', async () => {
  await withWorld({ devices: [], server: { env: { SATCHEL_DEFAULT_QUOTA: '1M' } } }, async (own) => {
    const api = await apiClient(own.server.url, {
      action: 'signup',
      email: 'quota@example.test',
      password: 'long enough a password 7',
    });
    const root = await api.rootId();
    const chunk = '0'.repeat(64);
    const foreign = {
      op: 'put',
      operationId: freshId(),
      objectId: freshId(),
      place: { parentId: root, name: 'foreign.bin' },
      baseVersionId: null,
      content: {
        size: 10,
        contentHash: chunk,
        mtimeMs: 0,
        executable: false,
        list: { chunks: [{ id: chunk, size: 10 }] },
      },
    };
    const { results } = await api.commit([mkdirOperation(root, 'one'), foreign, mkdirOperation(root, 'two')]);
    assert.deepEqual(
      results.map(({ outcome }) => outcome),
      ['done', 'refused', 'done'],
      'S7 a chunk the user never had is refused, the rest is done',
    );
  });
});
