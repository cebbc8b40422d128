import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DiskRoom } from './disk-room.ts';

const FLOOR = 10;

function disk(freeBytes: number) {
  const state = { freeBytes };
  const room = new DiskRoom({ freeBytes: async () => state.freeBytes, floorBytes: () => FLOOR });
  return { state, room };
}

test('H59 downloads that fit one by one, but not together, do not all begin', async () => {
  const { room } = disk(100);
  const rooms = await Promise.all([room.begin(40), room.begin(40), room.begin(40)]);
  assert.ok(rooms.filter(({ fits }) => fits).length <= 2);
  const first = rooms.find((one) => one.fits);
  assert.equal((await room.begin(60)).fits, false);
  first?.end();
});

test('H59 what is under way counts once, whether it is written already or not', async () => {
  const { state, room } = disk(100);
  const first = await room.begin(45);
  assert.ok(first.fits);
  state.freeBytes = 55;
  const second = await room.begin(45);
  assert.ok(second.fits, 'the first is on the disk already');
  assert.equal((await room.begin(1)).fits, false, 'the floor is reached');
  first.end();
  second.end();
  state.freeBytes = 10 + FLOOR;
  assert.equal((await room.begin(10)).fits, true, 'what is free now counts when nothing is under way');
});

test('H59 what others write to the disk meanwhile counts', async () => {
  const { state, room } = disk(100);
  assert.ok((await room.begin(10)).fits);
  state.freeBytes = 20;
  assert.deepEqual(await room.begin(20), { fits: false, freeBytes: 20 });
});

test('H59 room that could not be told is not taken', async () => {
  const free: (number | Error)[] = [new Error('EIO'), 100];
  const freeBytes = async () => {
    const next = free.shift();
    if (typeof next !== 'number') throw next;
    return next;
  };
  const room = new DiskRoom({ freeBytes, floorBytes: () => FLOOR });
  await assert.rejects(room.begin(90), /EIO/);
  assert.equal((await room.begin(90)).fits, true);
});
