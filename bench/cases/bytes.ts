/** What goes over the wire (sync-engine.md §8), all protocol overhead included. */
import { readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { constants, zstdCompressSync } from 'node:zlib';
import { until } from '../../test/support/until.ts';
import { type Figure } from '../figure.ts';
import { fileGrid, noise, noiseFile, textFile, type Grid } from '../material.ts';
import { assertSameGrid, untilFile, untilGone, untilGrid } from '../observe.ts';
import { type CountingRig, type Traffic } from '../rig.ts';
import { editUntilThere, insertUntilThere, sharedGrid, sharedLarge } from './change.ts';

type Measured = { readonly a: Traffic; readonly b: Traffic };

/** Traffic of one change, from rest to rest. */
async function during(rig: CountingRig, work: () => Promise<unknown>): Promise<Measured> {
  await rig.rest();
  rig.resetTraffic();
  await work();
  return rig.traffic();
}

function bytes(
  name: string,
  { a, b }: Measured,
  most: { readonly up: number; readonly down: number },
): readonly Figure[] {
  return [
    {
      name: `${name}: bytes A sends`,
      subject: 'satchel',
      value: a.upBytes,
      unit: 'B',
      most: most.up,
      note: `A receives ${a.downBytes}`,
    },
    {
      name: `${name}: bytes B receives`,
      subject: 'satchel',
      value: b.downBytes,
      unit: 'B',
      most: most.down,
      note: `B sends ${b.upBytes}`,
    },
  ];
}

export async function editBytes(rig: CountingRig): Promise<readonly Figure[]> {
  await sharedLarge(rig, 'large.bin');
  const random = noise(6);
  const edits: Figure[] = [];
  for (const [i, offset] of [100_000_000, 500_000_001, 900_000_002].entries()) {
    const measured = await during(
      rig,
      async () => await editUntilThere(rig, 'large.bin', { offset, bytes: random(40) }),
    );
    edits.push(...bytes(`small edit ${i + 1} of 1 GiB`, measured, { up: 16_384, down: 16_384 }));
  }
  const insertion = await during(rig, async () => await insertUntilThere(rig, 'large.bin'));
  return [...edits, ...bytes('one byte inserted at the head of 1 GiB', insertion, { up: 32_768, down: 32_768 })];
}

export async function renameBytes(rig: CountingRig): Promise<readonly Figure[]> {
  await sharedGrid(rig, 'many');
  const measured = await during(rig, async () => {
    renameSync(join(rig.a, 'many'), join(rig.a, 'renamed'));
    await untilGone(join(rig.b, 'many'));
    await until(() => readFileSync(join(rig.b, 'renamed/folder-0001/file-1.bin')).length > 0, {
      timeoutMs: 10_000,
      what: 'the new name is there',
    });
  });
  return bytes('folder with 10,000 files renamed', measured, { up: 4096, down: 4096 });
}

export async function smallFileBytes(rig: CountingRig): Promise<readonly Figure[]> {
  const grid: Grid = { folders: 100, filesPerFolder: 100, fileBytes: 10 << 10 };
  fileGrid(join(rig.stage, 'grid'), grid, 4);
  const most = 1.1 * grid.folders * grid.filesPerFolder * grid.fileBytes;
  const measured = await during(rig, async () => {
    renameSync(join(rig.stage, 'grid'), join(rig.a, 'grid'));
    await untilGrid(join(rig.b, 'grid'), grid);
    await rig.rest();
  });
  assertSameGrid(join(rig.a, 'grid'), join(rig.b, 'grid'), grid);
  return [
    ...bytes('10,000 × 10 KiB', measured, { up: most, down: most }),
    {
      name: '10,000 × 10 KiB: requests of A',
      subject: 'satchel',
      value: measured.a.requests,
      unit: 'requests',
      most: 200,
    },
    {
      name: '10,000 × 10 KiB: requests of B',
      subject: 'satchel',
      value: measured.b.requests,
      unit: 'requests',
      most: 200,
    },
  ];
}

export async function textBytes(rig: CountingRig): Promise<readonly Figure[]> {
  const sizeBytes = 256 << 20;
  textFile(join(rig.stage, 'text'), sizeBytes, 100);
  const packed = zstdCompressSync(readFileSync(join(rig.stage, 'text')), {
    params: { [constants.ZSTD_c_compressionLevel]: 3 },
  }).length;
  const measured = await during(rig, async () => {
    renameSync(join(rig.stage, 'text'), join(rig.a, 'text'));
    await untilFile(join(rig.b, 'text'), sizeBytes);
    await rig.rest();
  });
  return bytes(`256 MiB text-like (zstd -3 of the whole: ${packed})`, measured, {
    up: packed * 1.02,
    down: packed * 1.02,
  });
}

/** A minute in which nothing happens, as an hour. */
export async function idleBytes(rig: CountingRig): Promise<readonly Figure[]> {
  noiseFile(join(rig.a, 'one'), 1000, 1);
  const seconds = 60;
  const { a, b } = await during(rig, async () => {
    const end = performance.now() + seconds * 1000;
    await until(() => performance.now() > end, {
      timeoutMs: seconds * 2000,
      what: 'the minute is over',
      everyMs: 1000,
    });
  });
  rmSync(join(rig.a, 'one'));
  const perHour = (traffic: Traffic): number => ((traffic.upBytes + traffic.downBytes) * 3600) / seconds;
  return [
    {
      name: 'idle hour, both ways',
      subject: 'satchel',
      value: Math.max(perHour(a), perHour(b)),
      unit: 'B',
      most: 20_480,
      note: 'one minute × 60, right after activity',
    },
  ];
}
