/** Over a link of 100 Mbit/s for each direction of each device: B fetches while A still sends. */
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { hashFile } from '../../test/support/tree.ts';
import { linkSpeed } from '../../test/support/link-speed.ts';
import { type Figure } from '../figure.ts';
import { noiseFile, textFile } from '../material.ts';
import { timed, untilFile } from '../observe.ts';
import { type CountingSatchelRig } from '../rig-satchel.ts';

export async function overLink(rig: CountingSatchelRig): Promise<readonly Figure[]> {
  const cases = [
    { name: '128 MiB random file over 100 Mbit/s', file: 'random', sizeBytes: 128 << 20, make: noiseFile },
    { name: '256 MiB text-like over 100 Mbit/s', file: 'text', sizeBytes: 256 << 20, make: textFile },
  ] as const;
  const figures: Figure[] = [];
  for (const { name, file, sizeBytes, make } of cases) {
    const sha256 = make(join(rig.stage, file), sizeBytes, 21);
    await rig.rest();
    rig.limit(() => linkSpeed(100_000_000));
    const value = await timed(async () => {
      renameSync(join(rig.stage, file), join(rig.a, file));
      await untilFile(join(rig.b, file), sizeBytes);
    });
    if (hashFile(join(rig.b, file)) !== sha256) throw new Error(`${file} arrived damaged`);
    figures.push({ name, subject: 'satchel', value, unit: 's', most: 15 });
  }
  return figures;
}
