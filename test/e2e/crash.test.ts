/** kill -9 of anything at any moment (hazards §7). SATCHEL_TEST_SEED replays a history; SATCHEL_TEST_STEPS lengthens it. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createChurn } from '../support/churn.ts';
import { allInSync, converge } from '../support/converge.ts';
import { conflictCopies, folder, viewOf } from '../support/folder.ts';
import { createLedger } from '../support/ledger.ts';
import { linkSpeed } from '../support/link-speed.ts';
import { freshSeed, seededRandom } from '../support/random.ts';
import { type Device } from '../support/satchel.ts';
import { assertSameTree, readTree } from '../support/tree.ts';
import { until, writerPause } from '../support/until.ts';
import { withWorld } from '../support/world.ts';

const off = { SATCHEL_GUARD_DELETES: 'off' };
const guardOff = { deviceEnv: off, server: { env: off } };
const steps = Number(process.env['SATCHEL_TEST_STEPS'] ?? 300);

test('H83 H92 H103 three devices in churn, any process killed at any moment: equal trees, every write accounted for', async (t) => {
  const random = seededRandom(freshSeed());
  t.diagnostic(`SATCHEL_TEST_SEED=${random.seed}`);
  await withWorld({ devices: ['ann', 'bob', 'carol'], ...guardOff }, async (world) => {
    const ledger = createLedger(world.scratch.join('graveyard'));
    const churn = createChurn(random, ledger);
    const trace: string[] = [];
    const killOne = async (): Promise<void> => {
      const victim = random.below(world.devices.length + 1);
      const device = world.devices[victim];
      trace.push(`kill ${device?.name ?? 'server'}`);
      if (device === undefined) {
        await world.server.stop('SIGKILL');
        await world.server.start();
      } else if (device.running()) {
        await device.stop('SIGKILL');
        // While it is down its user goes on working.
        for (let i = random.below(6); i > 0; i--) trace.push(churn.step(device));
        await device.start();
      }
    };
    try {
      for (let i = 1; i <= steps; i++) {
        trace.push(churn.step(random.pick(world.devices)));
        await writerPause(random.below(60));
        if (i % 20 === 0) await killOne();
        if (i % 100 === 0) {
          await converge(world.devices, { timeoutSeconds: 60 });
          ledger.assertNothingLost(world.devices);
        }
      }
      await converge(world.devices, { timeoutSeconds: 90 });
      ledger.assertNothingLost(world.devices);
    } catch (error) {
      process.stderr.write(`seed ${random.seed}, last steps:\n  ${trace.slice(-60).join('\n  ')}\n`);
      throw error;
    }
  });
});

test('H83 H92 killed in the middle of transfers: client and server resume, nothing is torn', async () => {
  await withWorld({ devices: ['ann', 'bob'], proxied: true }, async (world) => {
    const [ann, bob] = [world.device(0), world.device(1)];
    const content = seededRandom(92).bytes(48 << 20);
    folder(ann.root).put('kept.txt', 'kept');
    await converge(world.devices);
    world.net(ann).limit({ up: linkSpeed(160_000_000) });
    world.net(ann).resetTraffic();
    folder(ann.root).put('large.bin', content);
    const sent = async (bytes: number): Promise<void> =>
      void (await until(() => world.net(ann).traffic().upBytes > bytes, {
        timeoutMs: 30_000,
        what: `${bytes} bytes are on their way`,
      }));
    await sent(12 << 20);
    await world.server.stop('SIGKILL');
    await world.server.start();
    await sent(24 << 20);
    await ann.stop('SIGKILL');
    assert.equal(folder(bob.root).has('large.bin'), false);
    await ann.start();
    assert.equal(await ann.wait(90), 0);
    const { upBytes } = world.net(ann).traffic();
    assert.ok(upBytes < content.length + (20 << 20), `${upBytes} bytes up for ${content.length}: not resumed`);
    world.net(bob).limit({ down: linkSpeed(200_000_000) });
    await bob.stop('SIGKILL');
    await bob.start();
    await converge(world.devices, { timeoutSeconds: 90 });
    assert.ok(readFileSync(bob.path('large.bin')).equals(content));
  });
});

/** Files of the client's state that hold databases, whatever their names. */
function databasesOf(device: Device): readonly string[] {
  return readdirSync(device.home, { recursive: true, encoding: 'utf8' })
    .map((path) => join(device.home, path))
    .filter((path) => statSync(path).isFile() && readFileSync(path).subarray(0, 15).toString() === 'SQLite format 3');
}

test('H85 the state database is lost or damaged: merged by content, no deletes, no copies', async () => {
  await withWorld({ devices: ['ann', 'bob'] }, async (world) => {
    const [ann, bob] = [world.device(0), world.device(1)];
    for (let i = 0; i < 100; i++) folder(ann.root).put(`d${i % 5}/${i}`, `content ${i}`);
    const before = await converge(world.devices);
    const damages: readonly ((path: string) => void)[] = [
      (path) => rmSync(path),
      (path) => writeFileSync(path, seededRandom(85).bytes(8192)),
      (path) => truncateSync(path, Math.floor(statSync(path).size / 2)),
    ];
    for (const [i, damage] of damages.entries()) {
      await bob.stop('SIGKILL');
      const databases = databasesOf(bob);
      assert.ok(databases.length > 0, 'the state of the client is found');
      for (const path of databases) {
        for (const suffix of ['-wal', '-shm']) rmSync(path + suffix, { force: true });
        damage(path);
      }
      folder(ann.root).put(`meanwhile-${i}`, `meanwhile ${i}`);
      folder(bob.root).put(`local-${i}`, `local ${i}`);
      const begun = await bob.start().then(
        () => true,
        () => false,
      );
      if (!begun) {
        // Signing in and linking again is an answer too, as long as nothing is lost by it.
        await bob.logIn(world.account);
        await bob.link();
        await bob.start();
      }
      const tree = await converge(world.devices);
      for (const path of before.keys()) assert.ok(tree.has(path), `${path} survives damage ${i}`);
      assert.equal(folder(ann.root).read(`local-${i}`), `local ${i}`);
      assert.deepEqual(conflictCopies(viewOf(ann.root)), []);
    }
  });
});

test('H86 an old copy of the state database is put back: told, merged by content, no deletes, no copies', async () => {
  await withWorld({ devices: ['ann', 'bob'] }, async (world) => {
    const [ann, bob] = [world.device(0), world.device(1)];
    const [hers, his] = [folder(ann.root), folder(bob.root)];
    for (let i = 0; i < 30; i++) hers.put(`d${i % 3}/${i}`, `content ${i}`);
    await converge(world.devices);
    await bob.stop();
    const kept = databasesOf(bob).map((path) => ({ path, bytes: readFileSync(path) }));
    await bob.start();
    hers.put('d0/0', 'edited since');
    hers.mv('d1', 'renamed');
    his.put('new', 'made since');
    his.rm('d2/2');
    await converge(world.devices);
    await bob.stop();
    for (const { path, bytes } of kept) {
      for (const suffix of ['-wal', '-shm']) rmSync(path + suffix, { force: true });
      writeFileSync(path, bytes);
    }
    hers.put('meanwhile', 'meanwhile');
    await bob.start();
    const tree = await converge(world.devices);
    assert.match(bob.log(), /older copy/);
    assert.deepEqual(
      [hers.read('d0/0'), hers.read('new'), his.read('meanwhile')],
      ['edited since', 'made since', 'meanwhile'],
    );
    assert.equal([...tree.keys()].filter((path) => path.startsWith('renamed/')).length, 10);
    assert.deepEqual(conflictCopies(viewOf(ann.root)), []);
  });
});

test('H84 a file that the client wrote is found cut or zeroed after an unclean stop: downloaded again, never uploaded', async () => {
  await withWorld({ devices: ['ann', 'bob'] }, async (world) => {
    const [ann, bob] = [world.device(0), world.device(1)];
    const content = seededRandom(84).bytes(400_000);
    folder(ann.root).put('whole.bin', content);
    folder(ann.root).put('other.bin', content.subarray(1000));
    await converge(world.devices);
    const { atime, mtime } = statSync(bob.path('whole.bin'));
    await bob.stop('SIGKILL');
    truncateSync(bob.path('whole.bin'), 0);
    utimesSync(bob.path('whole.bin'), atime, mtime);
    const times = statSync(bob.path('other.bin'));
    writeFileSync(bob.path('other.bin'), Buffer.concat([content.subarray(1000, 200_000), Buffer.alloc(200_000)]));
    utimesSync(bob.path('other.bin'), times.atime, times.mtime);
    await bob.start();
    await converge(world.devices);
    assert.ok(readFileSync(ann.path('whole.bin')).equals(content));
    assert.ok(readFileSync(ann.path('other.bin')).equals(content.subarray(1000)));
  });
});

test('H83 killed again and again while many files arrive: no partial file is ever seen, all arrive once', async () => {
  await withWorld({ devices: ['ann', 'bob'] }, async (world) => {
    const [ann, bob] = [world.device(0), world.device(1)];
    const random = seededRandom(freshSeed());
    const expected = new Map<string, number>();
    for (let i = 0; i < 1500; i++) {
      const bytes = random.bytes(1 + random.below(20_000));
      folder(ann.root).put(`d${i % 40}/${i}`, bytes);
      expected.set(`d${i % 40}/${i}`, bytes.length);
    }
    for (let i = 0; i < 6; i++) {
      await writerPause(200 + random.below(500));
      const victim = random.pick(world.devices);
      await victim.stop('SIGKILL');
      for (const [path, entry] of readTree(bob.root)) {
        if (entry.kind === 'file')
          assert.equal(entry.sizeBytes, expected.get(path), `${path} is partial, seed ${random.seed}`);
      }
      await victim.start();
    }
    await allInSync(world.devices);
    await converge(world.devices);
    assertSameTree(readTree(ann.root), readTree(bob.root));
    assert.equal([...readTree(bob.root).values()].filter(({ kind }) => kind === 'file').length, 1500);
  });
});
