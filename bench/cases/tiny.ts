/** 100,000 files: their arrival, and what holding them costs. */
import { mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { type Device } from '../../test/support/satchel.ts';
import { until } from '../../test/support/until.ts';
import { type Figure } from '../figure.ts';
import { fileGrid, type Grid } from '../material.ts';
import { assertSameGrid, timed, untilGrid } from '../observe.ts';
import { type SatchelRig } from '../rig-satchel.ts';

const grid: Grid = { folders: 1000, filesPerFolder: 100, fileBytes: 100 };

export async function tinyAndIdle(rig: SatchelRig): Promise<readonly Figure[]> {
  mkdirSync(join(rig.stage, 'tiny'));
  fileGrid(join(rig.stage, 'tiny'), grid, 1);
  await rig.rest();
  const cold = await timed(async () => {
    renameSync(join(rig.stage, 'tiny'), join(rig.a, 'tiny'));
    await untilGrid(join(rig.b, 'tiny'), grid);
  });
  assertSameGrid(join(rig.a, 'tiny'), join(rig.b, 'tiny'), grid);
  await rig.rest();
  await rig.deviceB.stop();
  const scan = await timed(async () => {
    await rig.deviceB.start();
    await until(async () => (await rig.deviceB.status()).scanned, {
      timeoutMs: 60_000,
      what: 'the start-up scan is complete',
    });
  });
  await rig.rest();
  await untilQuiet(rig.deviceB);
  const idle = await idleCost(rig.deviceB);
  return [
    { name: '100,000 × 100 B, cold', subject: 'satchel', value: cold, unit: 's', most: 25 },
    {
      name: '100,000 files, start-up scan',
      subject: 'satchel',
      value: scan,
      unit: 's',
      most: 1.5,
      note: 'from the start of the process',
    },
    {
      name: '100,000 files, memory when idle',
      subject: 'satchel',
      value: idle.memoryMiB,
      unit: 'MB',
      most: 100,
      note: 'resident, MiB',
    },
    {
      name: '100,000 files, CPU when idle',
      subject: 'satchel',
      value: idle.cpuShare * 100,
      unit: '%',
      most: 0.5,
      note: 'of one core, over 10 s',
    },
  ];
}

/** CPU time of a daemon so far, in hundredths of a second. */
function cpuTicks(device: Device): number {
  const fields = readFileSync(`/proc/${device.process().pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

/** What has just arrived is read once more when nothing has come for three seconds (docs/decisions/0012): until then. */
async function untilQuiet(device: Device): Promise<void> {
  for (let before = -Infinity; cpuTicks(device) - before > 10;) {
    before = cpuTicks(device);
    await seconds(5);
  }
}

async function seconds(count: number): Promise<void> {
  const begin = performance.now();
  await until(() => performance.now() - begin > count * 1000, {
    timeoutMs: 2000 * count,
    what: `${count} seconds are over`,
    everyMs: 500,
  });
}

/** Resident memory and CPU share of a daemon over ten seconds in which nothing happens. */
async function idleCost(device: Device): Promise<{ readonly memoryMiB: number; readonly cpuShare: number }> {
  const [before, begin] = [cpuTicks(device), performance.now()];
  await seconds(10);
  const cpuShare = (cpuTicks(device) - before) / 100 / ((performance.now() - begin) / 1000);
  const status = readFileSync(`/proc/${device.process().pid}/status`, 'utf8');
  const memoryMiB = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
  return { memoryMiB, cpuShare };
}
