/** `satchel put` and `get`: streams of any size, resumed after a kill (S1, H92, H101). */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { startChild } from '../support/child.ts';
import { linkSpeed } from '../support/link-speed.ts';
import { seededRandom } from '../support/random.ts';
import { exitCode, satchelBin } from '../support/satchel.ts';
import { until } from '../support/until.ts';
import { worldForFile } from '../support/world.ts';

const world = await worldForFile({ devices: ['ann'], proxied: true });
const ann = world.device(0);
const content = seededRandom(7).bytes(40 << 20);
writeFileSync(world.scratch.join('local.bin'), content);
const env = { ...process.env, SATCHEL_HOME: ann.home, NO_COLOR: '1' };

test('put is killed in its middle; put again sends only the rest', async () => {
  world.net(ann).limit({ up: linkSpeed(160_000_000) });
  world.net(ann).resetTraffic();
  const args = ['put', world.scratch.join('local.bin'), 'remote.bin'];
  const first = startChild({
    name: 'put',
    env,
    logFile: world.scratch.join('put.log'),
    command: [satchelBin, ...args],
  });
  await until(() => world.net(ann).traffic().upBytes > 20 << 20, { timeoutMs: 30_000, what: 'half of it is sent' });
  await first.end('SIGKILL');
  assert.equal((await ann.cli(['stat', 'remote.bin'])).code, exitCode.notFound, 'S1 nobody sees half a file');
  world.net(ann).limit({});
  await ann.ok(...args);
  const { upBytes } = world.net(ann).traffic();
  assert.ok(upBytes < content.length + (12 << 20), `${upBytes} bytes for ${content.length}`);
});

test('get is killed in its middle; get again fetches only the rest, and the target is never partial', async () => {
  // The device's own download of the file must not count.
  assert.equal(await ann.wait(), 0);
  world.net(ann).limit({ down: linkSpeed(160_000_000) });
  world.net(ann).resetTraffic();
  const target = world.scratch.join('fetched.bin');
  const first = startChild({
    name: 'get',
    env,
    logFile: world.scratch.join('get.log'),
    command: [satchelBin, 'get', 'remote.bin', target],
  });
  await until(() => world.net(ann).traffic().downBytes > 20 << 20, {
    timeoutMs: 30_000,
    what: 'half of it is fetched',
  });
  await first.end('SIGKILL');
  world.net(ann).limit({});
  await ann.ok('get', 'remote.bin', target);
  assert.ok(readFileSync(target).equals(content));
  const { downBytes } = world.net(ann).traffic();
  assert.ok(downBytes < content.length + (12 << 20), `${downBytes} bytes for ${content.length}`);
});

test('a pipe into put and out of cat carries every byte', async () => {
  const piped = await ann.cli(['put', '-', 'piped.bin'], { input: content });
  assert.equal(piped.code, 0, piped.stderr);
  await ann.ok('get', 'piped.bin', world.scratch.join('piped.bin'));
  assert.ok(readFileSync(world.scratch.join('piped.bin')).equals(content));
});

test('H101 a slow link is not an error: progress counts, not total time', async () => {
  world.net(ann).limit({ up: linkSpeed(2_000_000), down: linkSpeed(2_000_000) });
  writeFileSync(world.scratch.join('slow.bin'), content.subarray(0, 3 << 20));
  const slow = await ann.cli(['put', world.scratch.join('slow.bin'), 'slow.bin'], { timeoutMs: 120_000 });
  world.net(ann).limit({});
  assert.equal(slow.code, 0, slow.stderr);
});
