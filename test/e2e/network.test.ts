/** Lost, doubled and late messages, silent push, damage on the wire and on the server's disk (hazards §7, §8). */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { apiClient, freshId, mkdirOperation, pathsOf } from '../support/api.ts';
import { converge } from '../support/converge.ts';
import { conflictCopies, folder, viewOf } from '../support/folder.ts';
import { seededRandom } from '../support/random.ts';
import { exitCode } from '../support/satchel.ts';
import { readTree } from '../support/tree.ts';
import { until } from '../support/until.ts';
import { withWorld, worldForFile } from '../support/world.ts';
import { type Rule } from '../support/proxy.ts';

const password = 'correct horse battery staple 42';
const world = await worldForFile({ devices: ['ann', 'bob'], proxied: true });
const [ann, bob] = [world.device(0), world.device(1)];
const [a, b] = [folder(ann.root), folder(bob.root)];

const isPush = (path: string): boolean => path.includes('/sync/');

const faults: Readonly<Record<string, Rule>> = {
  'H88 every third reply is lost after the work was done': ({ number, path }) =>
    number % 3 === 0 && !isPush(path) ? 'drop-reply' : 'pass',
  'H89 every second request arrives twice': ({ number, path }) =>
    number % 2 === 0 && !isPush(path) ? 'duplicate' : 'pass',
  'H89 requests are delayed and overtake each other': ({ number, path }) =>
    isPush(path) ? 'pass' : { delayMs: (number * 37) % 200 },
  'every fourth request is cut before it arrives': ({ number, path }) =>
    number % 4 === 0 && !isPush(path) ? 'cut' : 'pass',
};

for (const [index, [title, rule]] of Object.entries(faults).entries()) {
  test(`${title}: no loss, no duplicate, no false conflict`, async (t) => {
    for (const device of world.devices) {
      world.net(device).setRule(rule);
      t.after(() => world.net(device).setRule(undefined));
    }
    const place = `fault-${index}`;
    const random = seededRandom(index);
    for (let i = 0; i < 40; i++) a.put(`${place}/d${i % 4}/${i}`, `${place} ${i}`);
    a.put(`${place}/large`, random.bytes(3 << 20));
    assert.equal(await ann.wait(90), 0);
    a.mv(`${place}/d1`, `${place}/renamed`);
    b.put(`${place}/from-bob`, 'bob');
    a.patch(`${place}/large`, 1 << 20, 'edited');
    a.rm(`${place}/d2`);
    for (let i = 0; i < 5; i++) {
      a.put(`${place}/d0/0`, `edit ${i}`);
      assert.equal(await ann.wait(60), 0);
    }
    await converge(world.devices, { timeoutSeconds: 90 });
    const view = viewOf(bob.path(place));
    assert.deepEqual(conflictCopies(view), []);
    assert.equal(Object.values(view).filter((text) => text !== 'folder').length, 30 + 2);
    assert.equal(view['d0/0'], 'edit 4');
  });
}

test('H99 no push message ever arrives: polling finds the change within a minute', async (t) => {
  t.after(() => world.net(bob).setRule(undefined));
  await converge(world.devices);
  world.net(bob).setRule(({ path }) => (isPush(path) ? 'hang' : 'pass'));
  world.net(bob).cutAll();
  a.put('found-by-polling', 'x');
  await until(() => b.has('found-by-polling'), { timeoutMs: 60_000, what: 'bob polls' });
});

test('the server goes away and comes back: work goes on by itself', async () => {
  await world.server.stop('SIGKILL');
  a.put('while-away', 'x');
  await until(async () => (await ann.status()).state === 'offline', {
    timeoutMs: 20_000,
    what: 'status says offline',
    everyMs: 200,
  });
  assert.equal((await ann.cli(['wait', '--timeout', '1'])).code, exitCode.notInSync);
  await world.server.start();
  await until(() => b.has('while-away'), { timeoutMs: 60_000, what: 'both come back by themselves' });
  await converge(world.devices);
});

test('H90 fifty committers at once, one follower: it misses nothing', async () => {
  const api = await apiClient(world.server.url, { action: 'login', email: world.account.email, password });
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
  const api = await apiClient(world.server.url, { action: 'login', email: world.account.email, password });
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

test('H49 names that would escape are refused at the server, and nothing outside a root changes', async () => {
  const api = await apiClient(world.server.url, { action: 'login', email: world.account.email, password });
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
  const link = {
    op: 'symlink',
    operationId: freshId(),
    objectId: freshId(),
    place: { parentId: root, name: 'evil' },
    baseTarget: null,
    target: world.scratch.join('victim'),
  };
  await api.commit([link]);
  await api.commit([mkdirOperation(link.objectId, 'inside-a-link')]);
  const before = readTree(world.scratch.path, { skip: (path) => /^(ann|bob|server)/.test(path) });
  await Promise.all(world.devices.map(async (device) => await device.wait(20)));
  assert.deepEqual(readTree(world.scratch.path, { skip: (path) => /^(ann|bob|server)/.test(path) }), before);
  const state = (await api.list()).objects.find(({ objectId }) => objectId === link.objectId);
  if (state !== undefined)
    await api.commit([
      {
        op: 'delete',
        operationId: freshId(),
        objectId: link.objectId,
        basePlaceVersion: state.placeVersion,
        baseVersionId: null,
      },
    ]);
  await converge(world.devices);
});

test('S7 another account sees, changes and reads nothing of this one', async () => {
  const mine = await apiClient(world.server.url, { action: 'login', email: world.account.email, password });
  const foreign = await apiClient(world.server.url, {
    action: 'signup',
    email: 'foreign@example.test',
    password: 'another long password 9',
  });
  const file = (await mine.list()).objects.find(({ kind, version }) => kind === 'file' && (version?.size ?? 0) > 0);
  assert.ok(file !== undefined);
  const workspace = `workspace_id=${mine.me.workspaceId}`;
  const chunk = file.version?.chunks?.[0]?.id ?? '';
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
  const api = await apiClient(world.server.url, { action: 'login', email: world.account.email, password });
  const workspaceId = api.me.workspaceId;
  const bad: readonly (readonly [string, string, unknown])[] = [
    ['POST', '/files/commit', '{"workspaceId":'],
    ['POST', '/files/commit', { workspaceId, operations: [] }],
    ['POST', '/files/commit', 'x'.repeat(20 << 20)],
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

test('H97 a revoked device stops, keeps its files, sends no storm and loses nothing when it signs in again', async () => {
  const api = await apiClient(world.server.url, { action: 'login', email: world.account.email, password });
  const { devices } = (await api.call('GET', '/devices')).json as {
    devices: readonly { deviceId: string; name: string }[];
  };
  const revoked = devices.find(({ name }) => name === 'bob');
  assert.ok(revoked !== undefined, JSON.stringify(devices));
  const before = readTree(bob.root);
  assert.ok((await api.call('DELETE', `/devices/${revoked.deviceId}`)).status < 300);
  a.put('after-revocation', 'x');
  assert.equal(await ann.wait(), 0);
  await until(async () => (await bob.cli(['wait', '--timeout', '2'])).code !== 0, {
    timeoutMs: 30_000,
    what: 'bob notices',
  });
  world.net(bob).resetTraffic();
  b.put('written-while-revoked', 'kept');
  assert.notEqual((await bob.cli(['wait', '--timeout', '4'])).code, 0);
  assert.ok(world.net(bob).traffic().requests < 40, `${world.net(bob).traffic().requests} requests while revoked`);
  for (const path of before.keys()) assert.ok(readTree(bob.root).has(path), path);
  assert.equal(b.has('after-revocation'), false);
  assert.equal((await bob.cli(['whoami'])).code, exitCode.signIn);
  await bob.logIn(world.account);
  if (!bob.running()) await bob.start();
  await converge(world.devices);
  assert.equal(a.read('written-while-revoked'), 'kept');
});

test('H93 a damaged chunk in the store is never handed out as good; a device that has it heals it', async () => {
  await withWorld({ devices: ['ann'] }, async (small) => {
    const content = seededRandom(93).bytes(2 << 20);
    folder(small.device(0).root).put('precious.bin', content);
    assert.equal(await small.device(0).wait(), 0);
    await small.server.stop();
    const stored = readdirSync(small.server.dataDir, { recursive: true, encoding: 'utf8' })
      .map((path) => join(small.server.dataDir, path))
      .filter(
        (path) =>
          statSync(path).isFile() &&
          statSync(path).size > 100_000 &&
          readFileSync(path).subarray(0, 15).toString() !== 'SQLite format 3',
      );
    assert.ok(stored.length > 0, 'the stored chunks are found');
    for (const path of stored) {
      const bytes = readFileSync(path);
      const middle = bytes.length >> 1;
      bytes[middle] = (bytes[middle] ?? 0) ^ 1;
      writeFileSync(path, bytes);
    }
    await small.server.start();
    const carol = await small.addDevice('carol');
    await until(
      async () => {
        const there = readTree(carol.root).get('precious.bin');
        if (there !== undefined)
          assert.ok(readFileSync(carol.path('precious.bin')).equals(content), 'wrong bytes were handed out');
        return there !== undefined || (await carol.status()).problems.some(({ path }) => path.includes('precious'));
      },
      { timeoutMs: 30_000, what: 'carol has the right bytes or a named problem', everyMs: 200 },
    );
  });
});
