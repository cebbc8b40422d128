import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { test, type TestContext } from 'node:test';
import { CodedError } from '@satchel/protocol/errors.ts';
import type { BlockKey } from '../../ports/block-store.ts';
import { blockStoreContract } from '../../ports/block-store.contract.ts';
import { openDiskBlockStore } from './block-store.ts';

async function temporaryFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'satchel-blocks-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

blockStoreContract('disk', async () => {
  const folder = await temporaryFolder();
  return {
    store: await openDiskBlockStore(folder.path),
    reopen: () => openDiskBlockStore(folder.path),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
});

/** A file system of 4 MiB, or undefined where none can be mounted; that fails where CI says so. */
async function tinyFileSystem(
  context: TestContext,
): Promise<({ readonly path: string } & AsyncDisposable) | undefined> {
  const folder = await temporaryFolder();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', folder.path], { stdio: 'pipe' });
  } catch (error) {
    await folder[Symbol.asyncDispose]();
    if (process.env['CI'] === 'true') throw error;
    context.skip('a small tmpfs cannot be mounted here (needs root)');
    return undefined;
  }
  return {
    path: folder.path,
    async [Symbol.asyncDispose]() {
      execFileSync('umount', ['-l', folder.path]);
      await folder[Symbol.asyncDispose]();
    },
  };
}

const coded = (code: string) => (error: unknown) => error instanceof CodedError && error.code === code;

test('B6 a full disk is storage_full, leaves nothing behind, and works again when there is room', async (context) => {
  await using folder = await tinyFileSystem(context);
  if (folder === undefined) return;
  const store = await openDiskBlockStore(folder.path);
  await store.put('chunks/00/a' as BlockKey, [randomBytes(2 << 20)]);
  await assert.rejects(store.put('chunks/00/b' as BlockKey, [randomBytes(3 << 20)]), coded('storage_full'));
  assert.equal(await store.get('chunks/00/b' as BlockKey), undefined);
  assert.deepEqual(await readdir(join(folder.path, 'incoming')), []);
  await store.delete('chunks/00/a' as BlockKey);
  await store.put('chunks/00/b' as BlockKey, [randomBytes(3 << 20)]);
});

test('B6 a read-only disk is unavailable for writes and still read', async (context) => {
  await using folder = await tinyFileSystem(context);
  if (folder === undefined) return;
  const store = await openDiskBlockStore(folder.path);
  await store.put('chunks/00/a' as BlockKey, [randomBytes(100)]);
  execFileSync('mount', ['-o', 'remount,ro', folder.path]);
  await assert.rejects(store.put('chunks/00/b' as BlockKey, [randomBytes(100)]), coded('unavailable'));
  assert.equal((await store.get('chunks/00/a' as BlockKey))?.length, 100);
});

test('B1 what a killed writer left half-written is removed at the next start', async () => {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, 'incoming'), { recursive: true });
  const gone = execFileSync(process.execPath, ['-p', 'process.pid']).toString().trim();
  await writeFile(join(folder.path, 'incoming', `${gone}-7`), 'half');
  await writeFile(join(folder.path, 'incoming', `${process.pid}-0`), 'half');
  await writeFile(join(folder.path, 'incoming', `${process.ppid}-0`), 'still being written');
  const store = await openDiskBlockStore(folder.path);
  assert.deepEqual(await readdir(join(folder.path, 'incoming')), [`${process.ppid}-0`]);
  for await (const object of store.list('')) assert.fail(`listed ${object.key}`);
});

test('a key that would leave the folder is refused', async () => {
  await using folder = await temporaryFolder();
  const store = await openDiskBlockStore(folder.path);
  for (const bad of ['../x', 'a/../b', '/etc/passwd', 'a', 'A/b', 'a//b', `a/${'b'.repeat(128)}`]) {
    await assert.rejects(store.put(bad as BlockKey, [randomBytes(1)]), RangeError);
    await assert.rejects(store.get(bad as BlockKey), RangeError);
  }
});
