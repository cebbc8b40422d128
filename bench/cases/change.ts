/** Changes of what both have: edits in place, an insertion, a rename and a removal of many files. */
import { mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { folder } from '../../test/support/folder.ts';
import { hashFile } from '../../test/support/tree.ts';
import { until } from '../../test/support/until.ts';
import { type Figure } from '../figure.ts';
import { fileGrid, noise, noiseFile, type Grid } from '../material.ts';
import { timed, untilContent, untilFile, untilGone, untilGrid } from '../observe.ts';
import { type Rig } from '../rig.ts';
import { gib } from './cold.ts';

const grid: Grid = { folders: 100, filesPerFolder: 100, fileBytes: 1 << 10 };

/** Brings a folder of 10,000 files into sync, outside of the clock. */
export async function sharedGrid(rig: Rig, name: string): Promise<void> {
  mkdirSync(join(rig.stage, name));
  fileGrid(join(rig.stage, name), grid, 7);
  renameSync(join(rig.stage, name), join(rig.a, name));
  await rig.push?.();
  await untilGrid(join(rig.b, name), grid);
  await rig.rest();
}

export async function renameAndRemove(rig: Rig): Promise<readonly Figure[]> {
  const renames: number[] = [];
  const removals: number[] = [];
  for (let run = 0; run < 2; run++) {
    await sharedGrid(rig, 'many');
    renames.push(
      await timed(async () => {
        renameSync(join(rig.a, 'many'), join(rig.a, 'renamed'));
        await rig.push?.();
        await untilGrid(join(rig.b, 'renamed'), grid);
        await untilGone(join(rig.b, 'many'));
      }),
    );
    await rig.rest();
    removals.push(
      await timed(async () => {
        rmSync(join(rig.a, 'renamed'), { recursive: true });
        await rig.push?.();
        await untilGone(join(rig.b, 'renamed'));
      }),
    );
    await rig.rest();
  }
  return [
    {
      name: 'folder with 10,000 files renamed',
      subject: rig.subject,
      value: Math.min(...renames),
      unit: 's',
      most: 0.5,
    },
    { name: '10,000 files deleted', subject: rig.subject, value: Math.min(...removals), unit: 's', most: 1.2 },
  ];
}

/** Brings one 1 GiB file into sync, outside of the clock. */
export async function sharedLarge(rig: Rig, name: string): Promise<void> {
  noiseFile(join(rig.stage, name), gib, 11);
  renameSync(join(rig.stage, name), join(rig.a, name));
  await rig.push?.();
  await untilFile(join(rig.b, name), gib);
  await rig.rest();
}

/** One small edit of A's file at an offset, until B has it; the clock runs from before the write. */
export async function editUntilThere(
  rig: Rig,
  name: string,
  edit: { readonly offset: number; readonly bytes: Buffer },
): Promise<number> {
  const before = stamp(join(rig.b, name));
  const seconds = await timed(async () => {
    folder(rig.a).patch(name, edit.offset, edit.bytes);
    await rig.push?.();
    await untilStampChanges(join(rig.b, name), before);
  });
  if (hashFile(join(rig.a, name)) !== hashFile(join(rig.b, name)))
    await untilContent(join(rig.b, name), hashFile(join(rig.a, name)));
  await rig.rest();
  return seconds;
}

function stamp(path: string): string {
  const inode = folder(path).inode('');
  return String(inode);
}

async function untilStampChanges(path: string, before: string): Promise<void> {
  await until(() => stamp(path) !== before, { timeoutMs: 600_000, what: `${path} was replaced`, everyMs: 5 });
}

export async function largeEdits(rig: Rig): Promise<readonly Figure[]> {
  await sharedLarge(rig, 'large.bin');
  const random = noise(5);
  const times: number[] = [];
  for (const offset of [100_000_000, 500_000_001, 900_000_002])
    times.push(await editUntilThere(rig, 'large.bin', { offset, bytes: random(40) }));
  const inserted = Buffer.concat([Buffer.from('!'), readFileSync(join(rig.a, 'large.bin'))]);
  const staged = folder(rig.stage);
  staged.put('inserted.bin', inserted);
  const before = stamp(join(rig.b, 'large.bin'));
  const insertion = await timed(async () => {
    renameSync(staged.path('inserted.bin'), join(rig.a, 'large.bin'));
    await rig.push?.();
    await untilStampChanges(join(rig.b, 'large.bin'), before);
    await untilFile(join(rig.b, 'large.bin'), gib + 1);
  });
  await untilContent(join(rig.b, 'large.bin'), hashFile(join(rig.a, 'large.bin')));
  return [
    {
      name: '1 GiB file, small edit in place',
      subject: rig.subject,
      value: Math.max(...times),
      unit: 's',
      most: 2,
      note: 'slowest of three',
    },
    { name: '1 GiB file, one byte inserted at its head', subject: rig.subject, value: insertion, unit: 's', most: 3 },
  ];
}
