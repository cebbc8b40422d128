/** Changes of what both have: edits in place, an insertion, a rename and a removal of many files. */
import {
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { folder } from '../../test/support/folder.ts';
import { hashFile } from '../../test/support/tree.ts';
import { until } from '../../test/support/until.ts';
import { type Figure } from '../figure.ts';
import { fileGrid, noise, noiseFile, type Grid } from '../material.ts';
import { timed, untilFile, untilGone, untilGrid } from '../observe.ts';
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
  const removals: { readonly all: number; readonly rm: number }[] = [];
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
    let rm = 0;
    const all = await timed(async () => {
      rm = await timed(async () => rmSync(join(rig.a, 'renamed'), { recursive: true }));
      await rig.push?.();
      await untilGone(join(rig.b, 'renamed'));
    });
    removals.push({ all, rm });
    await rig.rest();
  }
  const removal = removals.reduce((best, each) => (each.all < best.all ? each : best));
  return [
    {
      name: 'folder with 10,000 files renamed',
      subject: rig.subject,
      value: Math.min(...renames),
      unit: 's',
      most: 0.5,
    },
    {
      name: '10,000 files deleted',
      subject: rig.subject,
      value: removal.all,
      unit: 's',
      most: 1.2,
      // Where the file system discards freed blocks at once, this waits for the disk: once per file.
      note: `of which rm itself ${removal.rm.toFixed(1)} s`,
    },
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
  const seconds = await timed(async () => {
    folder(rig.a).patch(name, edit.offset, edit.bytes);
    await rig.push?.();
    await untilBytes(join(rig.b, name), edit);
  });
  await assertSameFile(rig, name);
  return seconds;
}

/** Until these bytes stand at this offset: files appear whole, so the rest of the edit is there with them. */
async function untilBytes(
  path: string,
  { offset, bytes }: { readonly offset: number; readonly bytes: Buffer },
): Promise<void> {
  await until(() => bytesAt(path, offset, bytes.length)?.equals(bytes), {
    timeoutMs: 600_000,
    what: `${path} has the edit`,
    everyMs: 5,
  });
}

function bytesAt(path: string, offset: number, length: number): Buffer | undefined {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return undefined; // replaced between the two calls: looked at again
  }
  const bytes = Buffer.alloc(length);
  readSync(fd, bytes, 0, length, offset);
  closeSync(fd);
  return bytes;
}

async function assertSameFile(rig: Rig, name: string): Promise<void> {
  await rig.rest();
  if (hashFile(join(rig.a, name)) !== hashFile(join(rig.b, name)))
    throw new Error(`${rig.subject}: ${name} differs after the edit`);
}

/** Saves A's file anew with one byte more at its head, until B has it. */
export async function insertUntilThere(rig: Rig, name: string): Promise<number> {
  writeFileSync(join(rig.stage, name), Buffer.concat([Buffer.from('!'), readFileSync(join(rig.a, name))]));
  await rig.rest();
  const seconds = await timed(async () => {
    renameSync(join(rig.stage, name), join(rig.a, name));
    await rig.push?.();
    await untilFile(join(rig.b, name), gib + 1);
  });
  await assertSameFile(rig, name);
  return seconds;
}

export async function largeEdits(rig: Rig): Promise<readonly Figure[]> {
  await sharedLarge(rig, 'large.bin');
  const random = noise(5);
  const times: number[] = [];
  for (const offset of [100_000_000, 500_000_001, 900_000_002])
    times.push(await editUntilThere(rig, 'large.bin', { offset, bytes: random(40) }));
  return [
    {
      name: '1 GiB file, small edit in place',
      subject: rig.subject,
      value: Math.max(...times),
      unit: 's',
      most: 2,
      note: 'slowest of three',
    },
    {
      name: '1 GiB file, one byte inserted at its head',
      subject: rig.subject,
      value: await insertUntilThere(rig, 'large.bin'),
      unit: 's',
      most: 3,
    },
  ];
}
