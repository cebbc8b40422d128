/** Full disks and quotas (hazards §4): the item waits, the rest goes on, and all is well once there is room. */
import assert from 'node:assert/strict';
import { rmSync, statfsSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { converge } from '../support/converge.ts';
import { folder } from '../support/folder.ts';
import { mountTmpfs, skipWithoutMounts } from '../support/mount.ts';
import { seededRandom } from '../support/random.ts';
import { scratch } from '../support/scratch.ts';
import { type Device } from '../support/satchel.ts';
import { until } from '../support/until.ts';
import { withWorld } from '../support/world.ts';
import { paths, readTree } from '../support/tree.ts';

const mib = 1 << 20;

async function untilProblem(device: Device, name: string): Promise<void> {
  await until(async () => (await device.status()).problems.some(({ path }) => path.includes(name)), {
    timeoutMs: 30_000,
    what: `${device.name} names a problem with ${name}`,
    everyMs: 200,
  });
}

test(
  'H59 H62 a full data disk on its own mount: nothing partial is seen, the rest goes on, later it arrives',
  skipWithoutMounts(),
  async () => {
    using disk = scratch('disk');
    using mount = mountTmpfs(disk.join('root'), 100 * mib);
    await withWorld({ devices: ['ann'] }, async (world) => {
      const ann = world.device(0);
      const bob = await world.addDevice('bob', { options: { root: disk.join('root') } });
      folder(ann.root).put('large.bin', seededRandom(59).bytes(160 * mib));
      folder(ann.root).put('small.txt', 'small');
      await until(() => folder(bob.root).has('small.txt'), { timeoutMs: 30_000, what: 'the small file arrives' });
      await untilProblem(bob, 'large.bin');
      assert.deepEqual(paths(readTree(bob.root)), ['small.txt']);
      assert.notEqual(await bob.wait(2), 0);
      mount.resize(1024 * mib);
      await converge(world.devices);
      assert.ok(folder(bob.root).has('large.bin'));
      await bob.stop();
    });
  },
);

test(
  'H59 files that fit one by one but not together leave the floor free, and the small ones among them arrive',
  skipWithoutMounts(),
  async () => {
    using disk = scratch('disk');
    using mount = mountTmpfs(disk.join('root'), 40 * mib);
    await withWorld({ devices: ['ann'] }, async (world) => {
      const ann = world.device(0);
      const bob = await world.addDevice('bob', { options: { root: disk.join('root') } });
      await bob.cli(['pause']);
      const random = seededRandom(590);
      for (let i = 0; i < 20; i++) folder(ann.root).put(`file-${i}.bin`, random.bytes(4 * mib));
      folder(ann.root).put('small.txt', 'small');
      assert.equal(await ann.wait(), 0);
      await bob.cli(['resume']);
      await until(() => folder(bob.root).has('small.txt'), { timeoutMs: 30_000, what: 'the small file arrives' });
      assert.equal(await bob.wait(20), 11);
      const { bavail, bsize } = statfsSync(bob.root);
      assert.ok(bavail * bsize > 15 * mib, `${bavail * bsize} bytes are free, and 16 MiB should be`);
      mount.resize(1024 * mib);
      await converge(world.devices);
      await bob.stop();
    });
  },
);

test(
  'H60 no room for the state of the client: it stops cleanly or waits, and goes on once there is room',
  skipWithoutMounts(),
  async () => {
    using disk = scratch('disk');
    using mount = mountTmpfs(disk.join('home'), 64 * mib);
    await withWorld({ devices: ['ann'] }, async (world) => {
      const ann = world.device(0);
      const bob = await world.addDevice('bob', { options: { home: disk.join('home') } });
      folder(ann.root).put('before.txt', 'before');
      await converge(world.devices);
      assert.throws(() => writeFileSync(disk.join('home', 'ballast'), Buffer.alloc(128 * mib)), /ENOSPC/);
      for (let i = 0; i < 500; i++) folder(ann.root).put(`many/${i}`, `content ${i}`);
      folder(bob.root).put('local.txt', 'written here');
      assert.equal(await ann.wait(), 0);
      await bob.cli(['wait', '--timeout', '3']);
      assert.ok(folder(ann.root).has('before.txt') && folder(bob.root).has('before.txt'));
      rmSync(disk.join('home', 'ballast'));
      if (!bob.running()) await bob.start();
      await converge(world.devices);
      assert.equal(folder(ann.root).read('local.txt'), 'written here');
      await bob.stop();
      mount.resize(64 * mib);
    });
  },
);

test(
  'H60 a full disk of the server: uploads wait, nothing is lost, later they arrive',
  skipWithoutMounts(),
  async () => {
    using disk = scratch('disk');
    using mount = mountTmpfs(disk.join('data'), 96 * mib);
    await withWorld({ devices: ['ann', 'bob'], server: { dataDir: disk.join('data') } }, async (world) => {
      const [ann, bob] = [world.device(0), world.device(1)];
      folder(ann.root).put('first.txt', 'first');
      await converge(world.devices);
      folder(ann.root).put('large.bin', seededRandom(60).bytes(160 * mib));
      await untilProblem(ann, 'large.bin');
      assert.equal(folder(bob.root).has('large.bin'), false);
      assert.equal(folder(bob.root).read('first.txt'), 'first');
      mount.resize(1024 * mib);
      await converge(world.devices, { timeoutSeconds: 120 });
      assert.ok(folder(bob.root).has('large.bin'));
      await world.server.stop();
    });
  },
);

test('H60 few file descriptors: the work is done all the same', async () => {
  await withWorld({ devices: ['ann'] }, async (world) => {
    const ann = world.device(0);
    const bob = await world.addDevice('bob', { options: { prefix: ['prlimit', '--nofile=96'] } });
    for (let i = 0; i < 300; i++) folder(ann.root).put(`d${i % 20}/${i}`, seededRandom(i).bytes(5000));
    folder(bob.root).put('large.bin', seededRandom(1).bytes(20 * mib));
    await converge(world.devices, { timeoutSeconds: 180 });
  });
});

test('H61 quota used up: that file waits, small ones and deletions go on, room made lets it through', async () => {
  await withWorld({ devices: ['ann', 'bob'], server: { env: { SATCHEL_DEFAULT_QUOTA: '10M' } } }, async (world) => {
    const [a, b] = [folder(world.device(0).root), folder(world.device(1).root)];
    a.put('fits.bin', seededRandom(1).bytes(6 * mib));
    await converge(world.devices);
    a.put('too-much.bin', seededRandom(2).bytes(8 * mib));
    a.put('small.txt', 'small');
    await until(() => b.has('small.txt'), { timeoutMs: 20_000, what: 'small files go on' });
    await untilProblem(world.device(0), 'too-much.bin');
    const { problems } = await world.device(0).status();
    assert.ok(
      problems.some(({ code }) => code === 'quota_exceeded'),
      JSON.stringify(problems),
    );
    assert.equal(b.has('too-much.bin'), false);
    b.rm('small.txt');
    await until(() => !a.has('small.txt'), { timeoutMs: 20_000, what: 'deletions go on' });
    a.rm('too-much.bin');
    await converge(world.devices);
    assert.ok(b.has('fits.bin'));
  });
});
