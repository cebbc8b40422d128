import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { keysContract } from '../../ports/keys.contract.ts';
import { openKeyFile } from './keys.ts';

async function openFresh() {
  const folder = await mkdtemp(join(tmpdir(), 'satchel-keys-'));
  const path = join(folder, 'etc', 'wrapping.key');
  const announced: string[] = [];
  const announce = (message: string): void => void announced.push(message);
  return {
    path,
    announced,
    announce,
    keys: await openKeyFile({ path, announce }),
    reopen: () => openKeyFile({ path, announce }),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

keysContract('keyfile', openFresh);

test('the key file is made once, for its owner only, and the operator is told to back it up', async () => {
  await using setup = await openFresh();
  assert.equal((await stat(setup.path)).mode & 0o777, 0o600);
  assert.match(setup.announced[0] ?? '', /Back it up/);
  await setup.reopen();
  assert.equal(setup.announced.length, 1);
});

test('a key file that others can read is refused with the command that mends it', async () => {
  await using setup = await openFresh();
  await chmod(setup.path, 0o640);
  await assert.rejects(setup.reopen(), /chmod 600/);
});

test('a damaged key file is refused, never replaced', async () => {
  await using setup = await openFresh();
  await writeFile(setup.path, 'satchel-wrapping-key-1 AAAA\n');
  await assert.rejects(setup.reopen(), /not a wrapping key file/);
});
