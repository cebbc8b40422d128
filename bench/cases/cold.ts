/** Content that B does not have yet: one large file, many small ones, text. */
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { hashFile } from '../../test/support/tree.ts';
import { type Figure } from '../figure.ts';
import { fileGrid, noiseFile, textFile, type Grid } from '../material.ts';
import { assertSameGrid, timed, untilFile, untilGone, untilGrid } from '../observe.ts';
import { type Rig } from '../rig.ts';

export const gib = 1 << 30;

/** Moves a prepared file into A at once; seconds until B has it whole. Repeats with new content, the best counts. */
export async function coldFile(
  rig: Rig,
  make: (path: string, seed: number) => string,
  options: { readonly sizeBytes: number; readonly runs: number },
): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < options.runs; i++) {
    const name = `cold-${i}.bin`;
    const sha256 = make(join(rig.stage, name), i);
    await rig.rest();
    times.push(
      await timed(async () => {
        renameSync(join(rig.stage, name), join(rig.a, name));
        await rig.push?.();
        await untilFile(join(rig.b, name), options.sizeBytes);
      }),
    );
    if (hashFile(join(rig.b, name)) !== sha256) throw new Error(`${rig.subject}: ${name} arrived damaged`);
    rmSync(join(rig.a, name));
    await rig.push?.();
    await untilGone(join(rig.b, name));
    await rig.rest();
  }
  return Math.min(...times);
}

/** Moves a prepared folder of small files into A at once; seconds until B has them all. */
export async function coldGrid(rig: Rig, grid: Grid, runs: number): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < runs; i++) {
    const name = `grid-${i}`;
    mkdirSync(join(rig.stage, name));
    fileGrid(join(rig.stage, name), grid, i);
    await rig.rest();
    times.push(
      await timed(async () => {
        renameSync(join(rig.stage, name), join(rig.a, name));
        await rig.push?.();
        await untilGrid(join(rig.b, name), grid);
      }),
    );
    assertSameGrid(join(rig.a, name), join(rig.b, name), grid);
    await rig.rest();
    rmSync(join(rig.a, name), { recursive: true });
    await rig.push?.();
    await untilGone(join(rig.b, name));
    await rig.rest();
  }
  return Math.min(...times);
}

const syncthing = (ratio: number): NonNullable<Figure['mostOfPeer']> => ({ subject: 'syncthing', ratio });

export async function coldLarge(rig: Rig): Promise<readonly Figure[]> {
  const value = await coldFile(rig, (path, seed) => noiseFile(path, gib, seed), { sizeBytes: gib, runs: 3 });
  return [{ name: '1 GiB random file, cold', subject: rig.subject, value, unit: 's', mostOfPeer: syncthing(1) }];
}

export async function coldText(rig: Rig): Promise<readonly Figure[]> {
  const sizeBytes = 256 << 20;
  const value = await coldFile(rig, (path, seed) => textFile(path, sizeBytes, 100 + seed), { sizeBytes, runs: 3 });
  return [{ name: '256 MiB text-like, cold', subject: rig.subject, value, unit: 's', mostOfPeer: syncthing(1.2) }];
}

export async function coldSmall(rig: Rig): Promise<readonly Figure[]> {
  const value = await coldGrid(rig, { folders: 100, filesPerFolder: 100, fileBytes: 10 << 10 }, 2);
  return [
    {
      name: '10,000 × 10 KiB in 100 folders, cold',
      subject: rig.subject,
      value,
      unit: 's',
      mostOfPeer: syncthing(0.35),
    },
  ];
}

export async function coldTiny(rig: Rig): Promise<readonly Figure[]> {
  const value = await coldGrid(rig, { folders: 1000, filesPerFolder: 100, fileBytes: 100 }, 1);
  return [{ name: '100,000 × 100 B, cold', subject: rig.subject, value, unit: 's', most: 25 }];
}
