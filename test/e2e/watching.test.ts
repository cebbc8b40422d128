/** What the watcher may miss and must not echo (hazards §6), and many files at once. */
import assert from 'node:assert/strict';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { converge } from '../support/converge.ts';
import { folder, viewOf } from '../support/folder.ts';
import { until } from '../support/until.ts';
import { worldForFile } from '../support/world.ts';

const world = await worldForFile({
  devices: ['ann', 'bob'],
  proxied: true,
  deviceEnv: { SATCHEL_GUARD_DELETES: 'off' },
  server: { env: { SATCHEL_GUARD_DELETES: 'off' } },
});
const [ann, bob] = [world.device(0), world.device(1)];
const [a, b] = [folder(ann.root), folder(bob.root)];

function manyFiles(root: string, folders: number, perFolder: number): void {
  for (let d = 0; d < folders; d++) {
    mkdirSync(`${root}/f${d}`, { recursive: true });
    for (let i = 0; i < perFolder; i++) writeFileSync(`${root}/f${d}/${i}`, `${d} ${i}`);
  }
}

test('H78 a deep tree made at once, and a full tree moved in, arrive completely', async () => {
  const deep = Array.from({ length: 50 }, (_, i) => `n${i}`);
  deep.forEach((_, i) => a.put(`${deep.slice(0, i + 1).join('/')}/file`, `level ${i}`));
  manyFiles(world.scratch.join('outside-tree'), 30, 20);
  renameSync(world.scratch.join('outside-tree'), ann.path('moved-in'));
  await converge(world.devices);
  assert.equal(Object.keys(viewOf(bob.path('moved-in'))).length, 630);
  assert.equal(b.read(`${deep.join('/')}/file`), 'level 49');
});

test('H78 folders made, filled and renamed at once', async () => {
  for (let i = 0; i < 40; i++) {
    a.put(`quick/${i}-tmp/inner/file`, `quick ${i}`);
    a.mv(`quick/${i}-tmp`, `quick/${i}`);
    a.put(`quick/${i}/inner/late`, `late ${i}`);
  }
  await converge(world.devices);
  assert.equal(Object.keys(viewOf(bob.path('quick'))).filter((path) => path.endsWith('/late')).length, 40);
});

test('H81 a burst of a thousand changes from elsewhere is not sent back', async () => {
  manyFiles(ann.path('burst'), 10, 100);
  await converge(world.devices);
  world.net(bob).resetTraffic();
  for (let d = 0; d < 10; d++) for (let i = 0; i < 100; i++) a.put(`burst/f${d}/${i}`, `changed ${d} ${i}`);
  a.mv('burst/f3', 'burst/renamed');
  a.rm('burst/f4');
  await converge(world.devices);
  await bob.wait();
  const { byRoute } = world.net(bob).traffic();
  assert.deepEqual(
    Object.keys(byRoute).filter((route) => /commit|upload_request|POST .*chunks\/batch|PUT/.test(route)),
    [],
    JSON.stringify(byRoute),
  );
});

test('H36 a renamed folder of 10,000 files is one rename: bytes, requests, and never two folders', async () => {
  manyFiles(ann.path('ten-thousand'), 100, 100);
  await converge(world.devices, { timeoutSeconds: 120 });
  for (const device of world.devices) world.net(device).resetTraffic();
  const inode = b.inode('ten-thousand/f50/50');
  const both: string[] = [];
  const watch = setInterval(() => {
    const [old, fresh] = [b.has('ten-thousand'), b.has('renamed')];
    if (old === fresh) both.push(`old ${old}, new ${fresh}`);
  }, 1).unref();
  a.mv('ten-thousand', 'renamed');
  await until(() => b.has('renamed'), { timeoutMs: 60_000, what: 'the new name is there', everyMs: 2 });
  clearInterval(watch);
  await converge(world.devices);
  assert.deepEqual(both, []);
  assert.equal(b.inode('renamed/f50/50'), inode, 'renamed, not copied');
  for (const device of world.devices) {
    const { upBytes, downBytes, byRoute } = world.net(device).traffic();
    assert.ok(
      upBytes < 32_000 && downBytes < 32_000,
      `${device.name}: ${upBytes} up, ${downBytes} down, ${JSON.stringify(byRoute)}`,
    );
    assert.ok((byRoute['POST /api/v1/files/commit'] ?? 0) <= 1);
  }
});

test('H76 twenty thousand changes while the client is stopped by a signal: all arrive', async () => {
  ann.process().signal('SIGSTOP');
  try {
    manyFiles(ann.path('overflow'), 100, 200);
    for (let d = 0; d < 100; d++) a.put(`overflow/f${d}/0`, `again ${d}`);
    a.mv('overflow/f7', 'overflow/f-seven');
    a.rm('overflow/f8');
  } finally {
    ann.process().signal('SIGCONT');
  }
  const tree = await converge(world.devices, { timeoutSeconds: 180 });
  assert.equal([...tree.keys()].filter((path) => /^overflow\/f[^/]*\//.test(path)).length, 99 * 200);
  assert.equal(b.read('overflow/f9/0'), 'again 9');
  a.rm('overflow');
  await converge(world.devices, { timeoutSeconds: 120 });
});

test('H80 a client that slept sees what it missed on both sides', async () => {
  bob.process().signal('SIGSTOP');
  a.put('while-asleep/from-ann', 'ann');
  b.put('while-asleep/from-bob', 'bob');
  assert.equal(await ann.wait(), 0);
  world.net(bob).cutAll();
  bob.process().signal('SIGCONT');
  await converge(world.devices);
  assert.deepEqual(viewOf(ann.path('while-asleep')), { 'from-ann': 'ann', 'from-bob': 'bob' });
});
