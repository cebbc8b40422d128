/** Many devices and much work done apart (hazards §2). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { converge } from '../support/converge.ts';
import { conflictCopies, folder, viewOf } from '../support/folder.ts';
import { withWorld } from '../support/world.ts';
import { createLedger } from '../support/ledger.ts';

test('H40 ten devices edit one file apart: every content lives, at most nine copies, in bounded rounds', async () => {
  await withWorld({ devices: Array.from({ length: 10 }, (_, i) => `device-${i}`) }, async (world) => {
    const ledger = createLedger(world.scratch.join('graveyard'));
    folder(world.device(0).root).put('Plan.txt', 'base');
    await converge(world.devices);
    await Promise.all(world.devices.map(async (device) => await device.stop()));
    for (const device of world.devices) ledger.write(device, 'Plan.txt', `by ${device.name}`);
    for (const device of world.devices) await device.start();
    await converge(world.devices, { rounds: 4 });
    const view = viewOf(world.device(0).root);
    assert.equal(Object.keys(view).length, 10);
    assert.equal(conflictCopies(view).length, 9);
    assert.deepEqual(Object.values(view).sort(), world.devices.map(({ name }) => `by ${name}`).sort());
    for (const path of conflictCopies(view)) {
      assert.ok(
        path.includes(`conflicted copy from ${view[path]?.slice(3)}`),
        `${path} names the device whose version it holds: ${view[path]}`,
      );
    }
    ledger.assertNothingLost(world.devices);
  });
});

test('H41 thousands of changes on each side after a long time apart', async () => {
  const off = { SATCHEL_GUARD_DELETES: 'off' };
  await withWorld({ devices: ['ann', 'bob'], deviceEnv: off, server: { env: off } }, async (world) => {
    const [ann, bob] = [world.device(0), world.device(1)];
    const [a, b] = [folder(ann.root), folder(bob.root)];
    const ledger = createLedger(world.scratch.join('graveyard'));
    for (let i = 0; i < 3000; i++) ledger.write(ann, `d${i % 30}/${i}`, `base ${i}`);
    await converge(world.devices);
    await bob.stop();
    for (let i = 0; i < 1000; i++) ledger.write(ann, `d${i % 30}/${i}`, `ann ${i}`);
    for (let i = 2000; i < 2500; i++) ledger.remove(ann, `d${i % 30}/${i}`);
    for (let i = 0; i < 1000; i++) ledger.write(ann, `ann/${i}`, `ann new ${i}`);
    a.mv('d29', 'moved/d29');
    assert.equal(await ann.wait(), 0);
    await ann.stop();
    for (let i = 900; i < 2100; i++) if (i % 30 !== 28) ledger.write(bob, `d${i % 30}/${i}`, `bob ${i}`);
    for (let i = 2500; i < 2800; i++) ledger.remove(bob, `d${i % 30}/${i}`);
    for (let i = 0; i < 1000; i++) ledger.write(bob, `bob/${i}`, `bob new ${i}`);
    b.mv('d28', 'renamed-28');
    await bob.start();
    await ann.start();
    await converge(world.devices, { timeoutSeconds: 120 });
    ledger.assertNothingLost(world.devices);
    const view = viewOf(ann.root);
    assert.equal(view['moved/d29/1139'], 'bob 1139');
    assert.equal(view['d1/2701'], undefined);
    assert.ok(conflictCopies(view).length <= 100 + 5, String(conflictCopies(view).length));
  });
});
