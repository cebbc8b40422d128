/** An upload of 1 GiB cut in its middle by kill -9 of the client or of the server. */
import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { hashFile } from '../../test/support/tree.ts';
import { until } from '../../test/support/until.ts';
import { type Figure } from '../figure.ts';
import { noiseFile } from '../material.ts';
import { untilFile, untilGone } from '../observe.ts';
import { type CountingSatchelRig } from '../rig-satchel.ts';
import { gib } from './cold.ts';

export async function resume(rig: CountingSatchelRig): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const [i, victim] of (['client', 'server'] as const).entries()) {
    const name = `cut-${victim}.bin`;
    const sha256 = noiseFile(join(rig.stage, name), gib, 31 + i);
    await rig.rest();
    rig.resetTraffic();
    renameSync(join(rig.stage, name), join(rig.a, name));
    await until(() => rig.traffic().a.upBytes > gib / 2, {
      timeoutMs: 120_000,
      what: 'half of it is sent',
      everyMs: 2,
    });
    if (victim === 'client') {
      await rig.deviceA.stop('SIGKILL');
      await rig.deviceA.start();
    } else {
      await rig.server.stop('SIGKILL');
      await rig.server.start();
    }
    await untilFile(join(rig.b, name), gib);
    if (hashFile(join(rig.b, name)) !== sha256) throw new Error(`${name} arrived damaged`);
    figures.push({
      name: `1 GiB upload, ${victim} killed at half: sent twice`,
      subject: 'satchel',
      unit: 'MB',
      value: Math.max(0, rig.traffic().a.upBytes - gib) / 2 ** 20,
      most: 16,
      note: 'MiB, protocol overhead included',
    });
    rmSync(join(rig.a, name));
    await untilGone(join(rig.b, name));
  }
  return figures;
}
