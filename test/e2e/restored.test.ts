/** The server's data put back from a backup, as docs/OPERATIONS.md says (S10, H87). */
import assert from 'node:assert/strict';
import { cpSync, existsSync, renameSync } from 'node:fs';
import { test } from 'node:test';
import { ErrorOutput } from '@satchel/client/cli/output-schemas.ts';
import type { RunResult } from '../support/child.ts';
import { converge } from '../support/converge.ts';
import { conflictCopies, folder, viewOf, type Folder } from '../support/folder.ts';
import { mountTmpfs, skipWithoutMounts } from '../support/mount.ts';
import { seededRandom } from '../support/random.ts';
import { withWorld, type World } from '../support/world.ts';

interface Loss {
  readonly world: World;
  readonly hers: Folder;
  readonly his: Folder;
}

/** Its code, as `--json` says it. */
function refusal({ stderr }: RunResult): string {
  return ErrorOutput.parse(JSON.parse(stderr.trim().split('\n').at(-1) ?? '')).error.code;
}

/** Four files that both devices have. */
async function before({ world, hers }: Loss): Promise<void> {
  for (const name of ['kept', 'edited', 'removed', 'moved']) hers.put(`d/${name}`, `${name}, before`);
  await converge(world.devices);
}

async function work({ world, hers, his }: Loss): Promise<void> {
  hers.put('d/edited', 'edited, after');
  hers.rm('d/removed');
  his.put('e/new', 'new, after');
  his.mv('d/moved', 'e/moved');
  await converge(world.devices);
}

async function expectNothingLost({ world, hers, his }: Loss): Promise<void> {
  const tree = await converge(world.devices);
  assert.equal(his.read('d/kept'), 'kept, before');
  assert.equal(his.read('e/new'), 'new, after');
  assert.equal(hers.read('d/removed'), 'removed, before', 'the server has it again, so it lives');
  const contents = [...tree.keys()].filter((path) => path.includes('edited')).map((path) => hers.read(path));
  assert.ok(contents.includes('edited, after'), 'the newer content lives');
  const moved = [...tree.keys()].filter((path) => path.endsWith('/moved'));
  assert.ok(moved.length >= 1, 'the moved file lives');
  assert.ok(conflictCopies(viewOf(world.device(0).root)).length <= 2, 'no more copies than devices');
  assert.equal((await world.server.admin('doctor')).code, 0);
}

async function withLoss(check: (loss: Loss) => Promise<void>): Promise<void> {
  await withWorld({ devices: ['ann', 'bob'] }, async (world) => {
    const [hers, his] = [folder(world.device(0).root), folder(world.device(1).root)];
    await check({ world, hers, his });
  });
}

test('H87 S10 the server is restored from an old backup: what is newer is uploaded again, nothing is deleted', async () => {
  await withLoss(async (loss) => {
    const { server, scratch } = loss.world;
    const backup = scratch.join('backup');
    await before(loss);
    // Taken while the server runs and the devices are connected.
    const taken = await server.admin('backup', backup, '--json');
    assert.equal(taken.code, 0, taken.stderr);
    assert.equal((JSON.parse(taken.stdout) as { state: string }).state, 'verified');
    await work(loss);
    assert.equal((await server.admin('backup', backup)).code, 0);
    const { snapshots } = JSON.parse((await server.admin('backup', backup, '--list', '--json')).stdout) as {
      snapshots: readonly { snapshot: string }[];
    };

    await server.stop();
    renameSync(server.dataDir, scratch.join('broken'));
    const restored = await server.admin('restore', backup, '--snapshot', snapshots.at(-1)?.snapshot ?? '');
    assert.equal(restored.code, 0, restored.stderr);
    await server.start();
    await expectNothingLost(loss);
  });
});

test('H87 S10 the data folder was copied and put back by hand: renew-epochs does the same', async () => {
  await withLoss(async (loss) => {
    const { server, scratch } = loss.world;
    await before(loss);
    await server.stop();
    cpSync(server.dataDir, scratch.join('copy'), { recursive: true });
    await server.start();
    await work(loss);

    await server.stop();
    renameSync(server.dataDir, scratch.join('broken'));
    cpSync(scratch.join('copy'), server.dataDir, { recursive: true });
    assert.equal((await server.admin('renew-epochs')).code, 0);
    await server.start();
    await expectNothingLost(loss);
  });
});

test(
  'H60 a full disk ends a backup and a restore with a code; with room they are completed',
  skipWithoutMounts(),
  async () => {
    const mib = 1024 * 1024;
    await withWorld({ devices: ['ann'] }, async (world) => {
      const { server, scratch } = world;
      const hers = folder(world.device(0).root);
      for (let number = 0; number < 8; number++) hers.put(`f${number}`, seededRandom(number).bytes(4 * mib));
      await converge(world.devices);
      using disk = mountTmpfs(scratch.join('disk'), 16 * mib);
      const backup = scratch.join('disk', 'backup');
      const full = await server.admin('backup', backup, '--json');
      assert.deepEqual([full.code, refusal(full)], [8, 'storage_full']);
      disk.resize(256 * mib);
      assert.equal((await server.admin('backup', backup)).code, 0);

      await server.stop();
      renameSync(server.dataDir, scratch.join('broken'));
      using data = mountTmpfs(server.dataDir, 16 * mib);
      const refused = await server.admin('restore', backup, '--json');
      assert.deepEqual([refused.code, refusal(refused)], [8, 'storage_full']);
      data.resize(256 * mib);
      assert.equal((await server.admin('restore', backup)).code, 0);
      assert.ok(!existsSync(`${server.dataDir}/restore-unfinished.json`));
      await server.start();
      await converge(world.devices);
      assert.equal((await server.admin('doctor')).code, 0);
      await server.stop();
    });
  },
);
