import assert from 'node:assert/strict';
import { existsSync, readFileSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { indexedFile, LONG_AGO_S, openWorld, type World } from '../daemon/assembled.fixture.ts';
import { setDamagedAside } from './damage.ts';

/** A file that both sides have, and what a power cut leaves of it; tells what is set aside. */
async function afterPowerCut(world: World, damage: (path: string) => void): Promise<readonly string[]> {
  const row = await indexedFile(world, 'f', 'bytes that are there');
  const { trees, applier } = world.parts;
  trees.putRemote({ ...row, placeVersion: 1, seq: 1 });
  trees.putSynced({ ...row, placeVersion: 1 });
  damage(world.path('f'));
  return setDamagedAside(applier, [row]);
}

const keepingTime = (damage: (path: string) => void) => (path: string) => {
  damage(path);
  utimesSync(path, LONG_AGO_S, LONG_AGO_S);
};

for (const [what, damage] of [
  ['cut', (path: string) => truncateSync(path, 5)],
  ['empty', (path: string) => truncateSync(path, 0)],
  ['full of zeros', (path: string) => writeFileSync(path, Buffer.alloc(20))],
] as const)
  test(`H84 a file that is ${what} after an unclean stop and kept its time is downloaded again, not uploaded`, async () => {
    await using world = openWorld();
    assert.deepEqual(await afterPowerCut(world, keepingTime(damage)), ['f']);
    assert.equal(existsSync(world.path('f')), false);
  });

test('H84 an edit is no damage', async () => {
  await using world = openWorld();
  assert.deepEqual(
    await afterPowerCut(
      world,
      keepingTime((path) => writeFileSync(path, 'twenty other bytes ..')),
    ),
    [],
  );
  assert.deepEqual(await afterPowerCut(world, (path) => truncateSync(path, 5)), [], 'it has another time');
  assert.equal(readFileSync(world.path('f'), 'utf8').length, 5);
});
