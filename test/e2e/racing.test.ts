/** Changes that meet the client at work: during upload, during apply, during download (hazards §1, §2). */
import assert from 'node:assert/strict';
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { test } from 'node:test';
import { converge } from '../support/converge.ts';
import { conflictCopies, folder, viewOf } from '../support/folder.ts';
import { createLedger } from '../support/ledger.ts';
import { linkSpeed } from '../support/link-speed.ts';
import { seededRandom, sha256 } from '../support/random.ts';
import { until, writerPause } from '../support/until.ts';
import { worldForFile } from '../support/world.ts';

const world = await worldForFile({ devices: ['ann', 'bob'], proxied: true });
const [ann, bob] = [world.device(0), world.device(1)];
const [a, b] = [folder(ann.root), folder(bob.root)];

test('H13 edited in place during a slow upload: the other never has a mix of old and new', async () => {
  const random = seededRandom();
  // Long enough to be sent while it is read for the first time.
  const content = random.bytes(20 << 20);
  const states = new Set<string>();
  const seen = new Set<string>();
  world.net(ann).limit({ up: linkSpeed(60_000_000) });
  a.put('large.bin', content);
  states.add(sha256(content));
  const watch = setInterval(() => {
    if (existsSync(bob.path('large.bin'))) seen.add(sha256(readFileSync(bob.path('large.bin'))));
  }, 50).unref();
  try {
    for (let i = 0; i < 25; i++) {
      // Long enough now and then for an upload to begin, and short enough to meet it in its middle.
      await writerPause(i % 5 === 0 ? 900 : random.below(200));
      const bytes = random.bytes(1 + random.below(50));
      const offset = random.below(content.length - bytes.length);
      bytes.copy(content, offset);
      a.patch('large.bin', offset, bytes);
      states.add(sha256(content));
    }
    world.net(ann).limit({});
    await converge(world.devices);
  } finally {
    clearInterval(watch);
    world.net(ann).limit({});
  }
  assert.ok(readFileSync(bob.path('large.bin')).equals(content), `seed ${random.seed}`);
  for (const hash of seen) assert.ok(states.has(hash), `the other had a content that never was, seed ${random.seed}`);
});

test('H14 local writes 0 to 500 ms after remote ones: both contents live', async () => {
  const random = seededRandom();
  const ledger = createLedger(world.scratch.join('graveyard'));
  const trials = 100;
  for (let i = 0; i < trials; i++) ledger.write(ann, `trial/${i}`, `base ${i}`);
  await converge(world.devices);
  for (let i = 0; i < trials; i++) {
    ledger.write(bob, `trial/${i}`, `by bob ${i} ${random.below(1e9)}`);
    await writerPause(random.below(random.below(500) + 1));
    const save = random.below(2) === 0 ? ledger.write : ledger.replace;
    save(ann, `trial/${i}`, `by ann ${i} ${random.below(1e9)}`);
  }
  await converge(world.devices);
  ledger.assertNothingLost(world.devices);
});

test('H15 bytes written through a descriptor opened before the file was replaced are kept', async () => {
  a.put('held.txt', 'base');
  await converge(world.devices);
  const before = a.inode('held.txt');
  const fd = openSync(ann.path('held.txt'), 'r+');
  b.put('held.txt', 'from bob');
  await until(() => a.inode('held.txt') !== before, { timeoutMs: 20_000, what: "bob's version is swapped in" });
  writeSync(fd, 'late words', 0);
  fsyncSync(fd);
  closeSync(fd);
  await converge(world.devices);
  const ledger = createLedger(world.scratch.join('graveyard'));
  ledger.wrote('late words', 'ann', 'held.txt');
  ledger.wrote('from bob', 'bob', 'held.txt');
  ledger.assertNothingLost(world.devices);
});

test('H34 renamed while it is uploaded and while it is downloaded', async () => {
  const content = seededRandom(34).bytes(16 << 20);
  world.net(ann).limit({ up: linkSpeed(80_000_000) });
  a.put('slow/up.bin', content);
  await until(() => world.net(ann).traffic().upBytes > 2 << 20, { timeoutMs: 20_000, what: 'the upload has begun' });
  a.mv('slow/up.bin', 'slow/up-renamed.bin');
  world.net(ann).limit({});
  await converge(world.devices);
  assert.deepEqual(Object.keys(viewOf(bob.path('slow'))), ['up-renamed.bin']);

  world.net(bob).limit({ down: linkSpeed(60_000_000) });
  const other = seededRandom(35).bytes(16 << 20);
  a.put('slow/down.bin', other);
  world.net(bob).resetTraffic();
  await until(() => world.net(bob).traffic().downBytes > 2 << 20, {
    timeoutMs: 20_000,
    what: 'the download has begun',
  });
  a.mv('slow/down.bin', 'slow/down-renamed.bin');
  assert.equal(await ann.wait(), 0);
  world.net(bob).limit({});
  await converge(world.devices);
  assert.deepEqual(Object.keys(viewOf(bob.path('slow'))), ['down-renamed.bin', 'up-renamed.bin']);
  assert.ok(readFileSync(bob.path('slow/down-renamed.bin')).equals(other));
});

test('H58 a large upload does not keep small files waiting', async () => {
  world.net(ann).limit({ up: linkSpeed(40_000_000) });
  a.put('huge.bin', seededRandom(58).bytes(64 << 20));
  await until(() => world.net(ann).traffic().upBytes > 2 << 20, { timeoutMs: 20_000, what: 'the upload has begun' });
  a.put('small.txt', 'small');
  await until(() => b.has('small.txt'), { timeoutMs: 5000, what: 'a small file overtakes a large one' });
  assert.equal(b.has('huge.bin'), false);
  world.net(ann).limit({});
  await converge(world.devices);
});

test('both edit one file again and again while connected: every content lives, all are equal', async () => {
  const ledger = createLedger(world.scratch.join('graveyard'));
  const random = seededRandom();
  for (let i = 0; i < 40; i++) {
    const device = random.pick(world.devices);
    (random.below(2) === 0 ? ledger.write : ledger.replace)(
      device,
      'contested.txt',
      `${device.name} ${i} ${random.below(1e9)}`,
    );
    await writerPause(random.below(120));
  }
  const tree = await converge(world.devices);
  ledger.assertNothingLost(world.devices);
  const copies = conflictCopies(viewOf(ann.root)).filter((path) => path.startsWith('contested'));
  assert.ok(copies.length <= 40 && tree.has('contested.txt'), `seed ${random.seed}`);
  assert.deepEqual(
    copies.filter((path) => (path.match(/conflicted copy/g) ?? []).length > 1),
    [],
    'conflicted copies never nest',
  );
});
