/** Lost, doubled and late messages, silent push, damage on the wire and on the server's disk (hazards §7, §8). */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { apiClient, freshId, mkdirOperation } from '../support/api.ts';
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

test('H49 a hostile peer puts things below a link: nothing outside a root changes', async () => {
  const api = await apiClient(world.server.url, { action: 'login', email: world.account.email, password });
  const root = await api.rootId();
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

/** Flips a bit in each stored object of chunks. */
function flipStored(dataDir: string): void {
  const objects = join(dataDir, 'blocks', 'objects');
  const stored = readdirSync(objects, { recursive: true, encoding: 'utf8' }).filter(
    (path) => /^(chunks|packs)/.test(path) && statSync(join(objects, path)).isFile(),
  );
  assert.ok(stored.length > 2, `the stored chunks are found: ${stored.join(' ')}`);
  for (const path of stored) {
    const bytes = readFileSync(join(objects, path));
    const middle = bytes.length >> 1;
    bytes[middle] = (bytes[middle] ?? 0) ^ 1;
    writeFileSync(join(objects, path), bytes);
  }
}

test('H93 what scrub finds damaged is whole again as soon as a device that has it hears of it', async () => {
  await withWorld({ devices: ['ann'] }, async ({ server, device, addDevice }) => {
    const first = device(0);
    const contents = { 'precious.bin': seededRandom(193).bytes(4 << 20), 'small.txt': seededRandom(194).bytes(9000) };
    for (const [name, bytes] of Object.entries(contents)) folder(first.root).put(name, bytes);
    assert.equal(await first.wait(), 0);
    await server.stop();
    flipStored(server.dataDir);
    await server.start();
    assert.equal((await server.admin('scrub')).code, 1, 'scrub reports it');
    const carol = await addDevice('carol');
    for (const [name, bytes] of Object.entries(contents)) {
      const has = () => folder(carol.root).has(name);
      await until(has, { timeoutMs: 120_000, what: `carol has ${name}`, everyMs: 200 });
      assert.ok(readFileSync(carol.path(name)).equals(bytes), name);
    }
    const isSound = async () => (await server.admin('doctor', '--deep')).code === 0;
    assert.ok(await isSound());
    await converge([first, carol]);
    flipStored(server.dataDir);
    assert.equal((await server.admin('scrub')).code, 1, 'scrub reports it once more');
    await until(isSound, { timeoutMs: 30_000, what: 'a device that was told has healed it', everyMs: 500 });
  });
});
