/** From a save on A until the content stands on B. */
import { join } from 'node:path';
import { folder } from '../../test/support/folder.ts';
import { percentile, type Figure } from '../figure.ts';
import { noise } from '../material.ts';
import { sha256 } from '../../test/support/random.ts';
import { writerPause } from '../../test/support/until.ts';
import { timed, untilContent } from '../observe.ts';
import { type Rig } from '../rig.ts';

export async function latency(rig: Rig, rounds = 50): Promise<readonly Figure[]> {
  const random = noise(3);
  const a = folder(rig.a);
  const save = async (name: string): Promise<number> => {
    const content = random(1024);
    const seconds = await timed(async () => {
      a.put(name, content);
      await rig.push?.();
      await untilContent(join(rig.b, name), sha256(content), 1);
    });
    await writerPause(50); // a person's next save is never at the same instant
    return seconds * 1000;
  };
  await rig.rest();
  const created: number[] = [];
  const edited: number[] = [];
  for (let i = 0; i < rounds; i++) created.push(await save(`latency-${i}.bin`));
  for (let i = 0; i < rounds; i++) edited.push(await save(`latency-${i}.bin`));
  const figure = (what: string, samples: readonly number[]): readonly Figure[] => [
    {
      name: `1 KiB file ${what}, median`,
      subject: rig.subject,
      value: percentile(samples, 0.5),
      unit: 'ms',
      most: 100,
    },
    { name: `1 KiB file ${what}, p95`, subject: rig.subject, value: percentile(samples, 0.95), unit: 'ms', most: 200 },
  ];
  return [...figure('created', created), ...figure('edited', edited)];
}
