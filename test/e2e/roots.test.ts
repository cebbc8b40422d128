/** Roots that vanish and mass deletions (hazards §5): unknown is never a delete. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { test } from 'node:test';
import { apiClient, freshId } from '../support/api.ts';
import { converge } from '../support/converge.ts';
import { folder, viewOf, type View } from '../support/folder.ts';
import { mountBind, skipWithoutMounts } from '../support/mount.ts';
import { sha256 } from '../support/random.ts';
import { exitCode, type Device } from '../support/satchel.ts';
import { until } from '../support/until.ts';
import { withWorld, type World } from '../support/world.ts';
import { contents, readTree } from '../support/tree.ts';

/** Some files on both devices. */
async function seed(world: World, count = 30): Promise<View> {
  const a = folder(world.device(0).root);
  for (let i = 0; i < count; i++) a.put(`d${i % 3}/${i}.txt`, `content ${i}`);
  await converge(world.devices);
  return viewOf(a.root);
}

/** B's folder is not what it was: it must say so, and A must keep everything, also after new work. */
async function assertNothingDeleted(world: World, before: View, mark: string): Promise<void> {
  const [ann, bob] = [world.device(0), world.device(1)];
  if (bob.running()) assert.notEqual(await bob.wait(3), 0, 'a device without its root is not in sync');
  folder(ann.root).put(`new-${mark}.txt`, mark);
  assert.equal(await ann.wait(), 0);
  assert.deepEqual(viewOf(ann.root), { ...viewOf(ann.root), ...before });
}

async function untilStopped(device: Device): Promise<void> {
  await until(
    async () => {
      const { code, stdout } = await device.cli(['status', '--json']);
      return code !== 0 || (JSON.parse(stdout) as { state: string }).state === 'error';
    },
    { timeoutMs: 20_000, what: `${device.name} stops and says so`, everyMs: 200 },
  );
}

test(
  'H63 the root is unmounted, while running and while stopped: no deletes, and it goes on when it is back',
  skipWithoutMounts(),
  async () => {
    await withWorld({ devices: ['ann'] }, async (world) => {
      const root = world.scratch.join('bob');
      using mount = mountBind(world.scratch.join('bob-disk'), root);
      const bob = await world.addDevice('bob', { options: { root } });
      const before = await seed(world);
      mount.unmount();
      await untilStopped(bob);
      await assertNothingDeleted(world, before, 'running');
      assert.deepEqual(readdirSync(root), [], 'nothing is written into the empty mount point');
      mount.mountAgain();
      if (!bob.running()) await bob.start();
      await converge(world.devices);

      await bob.stop();
      mount.unmount();
      const begun = await bob.cli(['start', '--foreground'], { timeoutMs: 8000 }).catch(() => undefined);
      if (begun !== undefined) assert.notEqual(begun.code, 0);
      await assertNothingDeleted(world, before, 'stopped');
      assert.deepEqual(readdirSync(root), []);
      mount.mountAgain();
      await bob.start();
      await converge(world.devices);
      await bob.stop();
    });
  },
);

test(
  'H67 a mount inside the root disappears: what lay on it is unknown, not deleted',
  skipWithoutMounts(),
  async () => {
    await withWorld({ devices: ['ann'] }, async (world) => {
      const bob = await world.addDevice('bob', { start: false });
      using mount = mountBind(world.scratch.join('inner-disk'), bob.path('inner'));
      folder(bob.root).put('inner/on-disk.txt', 'on the inner disk');
      await bob.start();
      await converge(world.devices);
      const before = viewOf(world.device(0).root);
      assert.equal(before['inner/on-disk.txt'], 'on the inner disk');
      mount.unmount();
      await bob.wait(3);
      await bob.stop();
      await bob.start();
      await bob.wait(3);
      assert.equal(await world.device(0).wait(), 0);
      assert.deepEqual(viewOf(world.device(0).root), before);
      mount.mountAgain();
      await converge(world.devices);
      await bob.stop();
    });
  },
);

test('H64 the root is emptied or replaced by an empty folder: the device stops, nothing is deleted', async () => {
  await withWorld({ devices: ['ann', 'bob'] }, async (world) => {
    const bob = world.device(1);
    const before = await seed(world);
    renameSync(bob.root, world.scratch.join('bob-away'));
    mkdirSync(bob.root);
    await untilStopped(bob);
    await assertNothingDeleted(world, before, 'replaced');
    rmSync(bob.root, { recursive: true });
    renameSync(world.scratch.join('bob-away'), bob.root);
    await bob.stop();
    await bob.start();
    await converge(world.devices);

    await bob.stop();
    renameSync(bob.root, world.scratch.join('bob-away'));
    mkdirSync(bob.root);
    const begun = await bob.cli(['start', '--foreground'], { timeoutMs: 8000 }).catch(() => undefined);
    if (begun !== undefined) assert.notEqual(begun.code, 0);
    await assertNothingDeleted(world, before, 'stopped');
    assert.deepEqual(readdirSync(bob.root), []);
    rmSync(bob.root, { recursive: true });
    renameSync(world.scratch.join('bob-away'), bob.root);
    await bob.start();
    await converge(world.devices);
  });
});

test('H65 H66 the root is moved away, or its marker removed: the device stops, nothing is deleted', async () => {
  await withWorld({ devices: ['ann', 'bob'] }, async (world) => {
    const bob = world.device(1);
    const before = await seed(world);
    renameSync(bob.root, world.scratch.join('bob-moved'));
    await untilStopped(bob);
    await assertNothingDeleted(world, before, 'moved');
    renameSync(world.scratch.join('bob-moved'), bob.root);
    await bob.stop();
    await bob.start();
    await converge(world.devices);
    renameSync(bob.path('.satchel'), world.scratch.join('marker-away'));
    folder(bob.root).rm('d0');
    await untilStopped(bob);
    await assertNothingDeleted(world, before, 'unmarked');
    renameSync(world.scratch.join('marker-away'), bob.path('.satchel'));
  });
});

test('H68 a folder that cannot be listed is unknown: nothing below it is deleted', async () => {
  await withWorld({ devices: ['ann', 'bob'] }, async (world) => {
    const [ann, bob] = [world.device(0), world.device(1)];
    const before = await seed(world);
    for (const when of ['running', 'restarted'] as const) {
      folder(ann.root).chmod('d1', 0o000);
      if (when === 'restarted') {
        await ann.stop();
        await ann.start();
      }
      folder(ann.root).put(`beside-${when}.txt`, when);
      await until(() => folder(bob.root).has(`beside-${when}.txt`), { timeoutMs: 20_000, what: 'the rest goes on' });
      assert.equal(await bob.wait(), 0);
      folder(ann.root).chmod('d1', 0o755);
      await converge(world.devices);
      assert.deepEqual(viewOf(bob.root), { ...viewOf(bob.root), ...before });
    }
  });
});

test('H69 a mass deletion is held and shown; undo brings all back, accept lets it through; the rest goes on', async () => {
  await withWorld({ devices: ['ann', 'bob'] }, async (world) => {
    const [ann, bob] = [world.device(0), world.device(1)];
    const [a, b] = [folder(ann.root), folder(bob.root)];
    for (let i = 0; i < 1500; i++) a.put(`${i < 1200 ? 'many' : 'few'}/${i}.txt`, `content ${i}`);
    await converge(world.devices);
    const full = viewOf(ann.root);
    a.rm('many');
    await until(async () => (await ann.status()).state === 'held', {
      timeoutMs: 20_000,
      what: 'the deletion is held',
      everyMs: 200,
    });
    assert.notEqual((await ann.status()).held, null);
    assert.equal((await ann.cli(['wait', '--timeout', '20'])).code, exitCode.held);
    a.put('few/1400.txt', 'edited while held');
    await until(() => b.read('few/1400.txt') === 'edited while held', { timeoutMs: 20_000, what: 'edits go on' });
    assert.equal(Object.keys(viewOf(bob.path('many'))).length, 1200);

    await ann.ok('held', 'undo');
    await converge(world.devices);
    assert.deepEqual(viewOf(ann.root), { ...full, 'few/1400.txt': 'edited while held' });

    a.rm('many');
    await until(async () => (await ann.status()).state === 'held', {
      timeoutMs: 20_000,
      what: 'the deletion is held again',
      everyMs: 200,
    });
    await ann.ok('held', 'accept');
    await converge(world.devices);
    assert.equal(b.has('many'), false);
    assert.equal(Object.keys(viewOf(bob.path('few'))).length, 300);
    assert.equal((await ann.status()).held, null);
  });
});

test('H69 a mass deletion by a client without a guard is held by the server; undo and accept are asked for here', async () => {
  await withWorld({ devices: ['ann', 'bob'], deviceEnv: { SATCHEL_GUARD_DELETES: 'off' } }, async (world) => {
    const [ann, bob] = [world.device(0), world.device(1)];
    const a = folder(ann.root);
    for (let i = 0; i < 400; i++) a.put(`${i < 300 ? 'many/below' : 'few'}/${i}.txt`, `content ${i}`);
    await converge(world.devices);
    const full = viewOf(ann.root);
    const held = async (): Promise<void> => {
      a.rm('many');
      await until(async () => (await ann.status()).state === 'held', {
        timeoutMs: 20_000,
        what: 'the deletion is held by the server',
        everyMs: 200,
      });
    };
    await held();
    assert.equal((await ann.cli(['wait', '--timeout', '20'])).code, exitCode.held);
    a.put('few/399.txt', 'edited while held');
    await until(() => folder(bob.root).read('few/399.txt') === 'edited while held', {
      timeoutMs: 20_000,
      what: 'edits go on',
    });
    assert.equal(Object.keys(viewOf(bob.path('many/below'))).length, 300);
    assert.deepEqual((await ann.status()).problems, []);

    await ann.ok('held', 'undo');
    await converge(world.devices);
    assert.deepEqual(viewOf(ann.root), { ...full, 'few/399.txt': 'edited while held' });

    await held();
    await ann.ok('held', 'accept');
    await converge(world.devices);
    assert.equal(folder(bob.root).has('many'), false);
    assert.equal(Object.keys(viewOf(bob.path('few'))).length, 100);
  });
});

test('H69 rm of very much at once on the server is held as well; --accept-held is the confirmation', async () => {
  await withWorld({ devices: ['ann'] }, async (world) => {
    const ann = world.device(0);
    for (let i = 0; i < 120; i++) folder(ann.root).put(`many/${i}.txt`, `content ${i}`);
    await converge(world.devices);
    const refused = await ann.cli(['rm', '-r', 'many']);
    assert.equal(refused.code, exitCode.held, refused.stderr);
    assert.match(refused.stderr, /--accept-held/);
    assert.equal(Object.keys(viewOf(ann.path('many'))).length, 120);
    await ann.ok('rm', '-r', '--accept-held', 'many');
    await converge(world.devices);
    assert.equal(folder(ann.root).has('many'), false);
  });
});

test('H69 few deletions are never held; guard.deletes off holds nothing', async () => {
  await withWorld(
    {
      devices: ['ann', 'bob'],
      deviceEnv: { SATCHEL_GUARD_DELETES: 'off' },
      server: { env: { SATCHEL_GUARD_DELETES: 'off' } },
    },
    async (world) => {
      const a = folder(world.device(0).root);
      for (let i = 0; i < 1300; i++) a.put(`many/${i}.txt`, `content ${i}`);
      await converge(world.devices);
      a.rm('many');
      assert.deepEqual([...(await converge(world.devices)).keys()], []);
    },
  );
});

test('H71 deletions made by another program arrive: what was removed rests in the local trash, changed files live', async () => {
  await withWorld({ devices: ['ann', 'bob'] }, async (world) => {
    const [ann, bob] = [world.device(0), world.device(1)];
    for (let i = 0; i < 40; i++) folder(ann.root).put(`${i}.txt`, `content ${i}`);
    await converge(world.devices);
    await bob.stop();
    folder(bob.root).put('7.txt', 'changed by bob');
    const api = await apiClient(world.server.url, {
      action: 'login',
      email: world.account.email,
      password: 'correct horse battery staple 42',
    });
    const { objects } = await api.list();
    const doomed = objects
      .filter(({ kind }) => kind === 'file')
      .map((object) => ({
        op: 'delete',
        operationId: freshId(),
        objectId: object.objectId,
        basePlaceVersion: object.placeVersion,
        baseVersionId: object.version?.versionId ?? null,
      }));
    const { results } = await api.commit(doomed);
    assert.deepEqual(
      results.map(({ outcome }) => outcome),
      doomed.map(() => 'done'),
    );
    await bob.start();
    await converge(world.devices);
    assert.deepEqual(viewOf(ann.root), { '7.txt': 'changed by bob' });
    for (const device of world.devices) {
      const kept = new Set(contents(readTree(device.root, { withOwnFolder: true })));
      const missing = Array.from({ length: 40 }, (_, i) => i).filter(
        (i) => i !== 7 && !kept.has(sha256(`content ${i}`)),
      );
      assert.deepEqual(missing, [], `${device.name} keeps what was removed in its trash`);
    }
  });
});
