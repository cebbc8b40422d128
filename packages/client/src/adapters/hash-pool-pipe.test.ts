import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { createHashPool } from './hash-pool.ts';

const write = promisify(fs.write);

test('a pipe that is silent does not keep its reader from being ended', { timeout: 20_000 }, async (t) => {
  const root = fs.mkdtempSync(join(tmpdir(), 'satchel-pipe-'));
  t.after(() => fs.rmSync(root, { recursive: true }));
  const path = join(root, 'pipe');
  execFileSync('mkfifo', [path]);
  const writer = fs.openSync(path, 'r+');
  t.signal.addEventListener('abort', () => fs.closeSync(writer)); // a reader that hangs must not keep the test alive
  const pool = createHashPool();
  const rejected = assert.rejects(
    pool.stream({ path, follow: true }, () => undefined, new AbortController().signal),
    /ended/,
  );
  // More than a pipe holds: when all is written, the reader has begun.
  const bytes = randomBytes(4 * 1024 * 1024);
  for (let at = 0; at < bytes.length;) at += (await write(writer, bytes.subarray(at))).bytesWritten;
  await pool[Symbol.asyncDispose]();
  await rejected;
});
