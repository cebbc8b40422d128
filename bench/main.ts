/** `npm run bench -- [--only NAME]… [--peers] [--peers-only] [--json FILE]`: the figures of the product, beside its peers'. */
import { appendFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { largeEdits, renameAndRemove } from './cases/change.ts';
import { coldLarge, coldSmall, coldText, coldTiny } from './cases/cold.ts';
import { latency } from './cases/latency.ts';
import { report, type Figure } from './figure.ts';
import { rsyncRig } from './rig-rsync.ts';
import { syncthingRig } from './rig-syncthing.ts';
import { type Rig } from './rig.ts';

type PeerCase = {
  readonly name: string;
  readonly run: (rig: Rig) => Promise<readonly Figure[]>;
  readonly rsyncFlags?: readonly string[];
};

const comparable: readonly PeerCase[] = [
  { name: 'cold-large', run: coldLarge },
  { name: 'cold-small', run: coldSmall },
  { name: 'cold-text', run: coldText, rsyncFlags: ['-z'] },
  { name: 'rename-remove', run: renameAndRemove },
  { name: 'edits', run: largeEdits },
  { name: 'latency', run: async (rig) => await latency(rig, rig.subject === 'satchel' ? 50 : 10) },
  { name: 'cold-tiny', run: coldTiny },
];

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    peers: { type: 'boolean', default: false },
    'peers-only': { type: 'boolean', default: false },
    json: { type: 'string' },
  },
});

const wanted = (name: string): boolean => values.only === undefined || values.only.includes(name);

const figures: Figure[] = [];
async function measure(name: string, work: () => Promise<readonly Figure[]>): Promise<void> {
  process.stderr.write(`· ${name}\n`);
  const found = await work();
  figures.push(...found);
  if (values.json !== undefined) for (const figure of found) appendFileSync(values.json, `${JSON.stringify(figure)}\n`);
}

for (const { name, run, rsyncFlags } of comparable.filter((item) => wanted(item.name))) {
  if (!values.peers && !values['peers-only']) continue;
  for (const start of [syncthingRig, async () => await rsyncRig(rsyncFlags)]) {
    await measure(name, async () => {
      await using rig = await start();
      return await run(rig);
    });
  }
}
report(figures, (line) => process.stdout.write(`${line}\n`));
