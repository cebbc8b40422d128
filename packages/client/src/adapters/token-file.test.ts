import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { systemClock } from './system-clock.ts';
import { createTokenFile } from './token-file.ts';

const TOKENS = { accessToken: 'a', refreshToken: 'r', accessExpiresAtMs: 1 };

function setUp(t: TestContext) {
  const root = fs.mkdtempSync(join(tmpdir(), 'satchel-tokens-'));
  t.after(() => fs.rmSync(root, { recursive: true }));
  return { root, path: join(root, 'tokens'), store: createTokenFile(join(root, 'tokens'), systemClock) };
}

test('T1 T2 what was saved is loaded, and nobody else can read it', async (t) => {
  const { path, store } = setUp(t);
  assert.equal(await store.load(), undefined);
  await store.save(TOKENS);
  await store.save({ ...TOKENS, accessToken: 'b' });
  assert.deepEqual(await store.load(), { ...TOKENS, accessToken: 'b' });
  assert.equal(fs.statSync(path).mode & 0o777, 0o600);
  await store.clear();
  await store.clear();
  assert.equal(await store.load(), undefined);
});

test('T3 exclusive works do not overlap, also after one has failed', async (t) => {
  const { root, store } = setUp(t);
  let running = 0;
  const works = Array.from({ length: 10 }, (_, index) =>
    store.exclusively(async () => {
      assert.equal(++running, 1);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
      if (index === 3) throw new Error('failed');
      return index;
    }),
  );
  const outcomes = await Promise.allSettled(works);
  assert.equal(outcomes.filter(({ status }) => status === 'rejected').length, 1);
  assert.deepEqual(fs.readdirSync(root), []);
});

test('T3 the lock of a process that died is taken over, that of a living one is respected', async (t) => {
  const { path, store } = setUp(t);
  const dead = spawnSync('true').pid;
  fs.writeFileSync(`${path}.lock`, String(dead));
  assert.equal(await store.exclusively(async () => 'mine'), 'mine');
  fs.writeFileSync(`${path}.lock`, String(process.ppid));
  let entered = false;
  const waiting = store.exclusively(async () => (entered = true));
  for (let turns = 0; turns < 50; turns++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(entered, false);
  fs.rmSync(`${path}.lock`);
  await waiting;
});
