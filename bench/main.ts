/**
 * `npm run bench -- [--list] [--only NAME]… [--peers] [--peers-only] [--json FILE]`: the product's figures beside its
 * peers'. Ratios need `--peers` (Syncthing and rsync of the system, in the same session) or `--with FILE`,
 * figures of peers that an earlier run wrote with `--json`.
 */
import { appendFileSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { editBytes, idleBytes, renameBytes, smallFileBytes, textBytes } from './cases/bytes.ts';
import { largeEdits, renameAndRemove } from './cases/change.ts';
import { coldLarge, coldSmall, coldText, coldTiny } from './cases/cold.ts';
import { latency } from './cases/latency.ts';
import { overLink } from './cases/link.ts';
import { metadata } from './cases/metadata.ts';
import { resume } from './cases/resume.ts';
import { tinyAndIdle } from './cases/tiny.ts';
import { report, type Figure } from './figure.ts';
import { rsyncRig } from './rig-rsync.ts';
import { countingSatchelRig, satchelRig, type CountingSatchelRig, type SatchelRig } from './rig-satchel.ts';
import { syncthingRig } from './rig-syncthing.ts';
import { type Rig } from './rig.ts';

type Case = {
  readonly name: string;
  readonly product: () => Promise<readonly Figure[]>;
  /** The same on a peer's rig; absent: peers are not measured. */
  readonly peer?: (rig: Rig) => Promise<readonly Figure[]>;
  readonly rsyncFlags?: readonly string[];
};

const on = (work: (rig: SatchelRig) => Promise<readonly Figure[]>) => async (): Promise<readonly Figure[]> => {
  await using rig = await satchelRig();
  return await work(rig);
};
const counting =
  (work: (rig: CountingSatchelRig) => Promise<readonly Figure[]>) => async (): Promise<readonly Figure[]> => {
    await using rig = await countingSatchelRig();
    return await work(rig);
  };

const cases: readonly Case[] = [
  { name: 'cold-large', product: on(coldLarge), peer: coldLarge },
  { name: 'cold-small', product: on(coldSmall), peer: coldSmall },
  { name: 'edits', product: on(largeEdits), peer: largeEdits },
  { name: 'rename-remove', product: on(renameAndRemove), peer: renameAndRemove },
  { name: 'latency', product: on(latency), peer: async (rig) => await latency(rig, 10) },
  { name: 'cold-tiny', product: on(tinyAndIdle), peer: coldTiny },
  { name: 'cold-text', product: on(coldText), peer: coldText, rsyncFlags: ['-z'] },
  { name: 'link', product: counting(overLink) },
  { name: 'bytes-edits', product: counting(editBytes) },
  { name: 'bytes-rename', product: counting(renameBytes) },
  { name: 'bytes-small', product: counting(smallFileBytes) },
  { name: 'bytes-text', product: counting(textBytes) },
  { name: 'bytes-idle', product: counting(idleBytes) },
  { name: 'resume', product: counting(resume) },
  { name: 'metadata', product: metadata },
];

const { values } = parseArgs({
  options: {
    list: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true },
    peers: { type: 'boolean', default: false },
    'peers-only': { type: 'boolean', default: false },
    with: { type: 'string' },
    json: { type: 'string' },
  },
});

const figures: Figure[] = [];

/** A case that fails is a missing figure and a failing run, not the end of the others. */
async function measure(name: string, work: () => Promise<readonly Figure[]>): Promise<void> {
  process.stderr.write(`· ${name}\n`);
  try {
    const found = await work();
    figures.push(...found);
    if (values.json !== undefined)
      for (const figure of found) appendFileSync(values.json, `${JSON.stringify(figure)}\n`);
  } catch (error) {
    process.exitCode = 1;
    process.stderr.write(`${name} failed: ${error instanceof Error ? error.stack : String(error)}\n`);
  }
}

async function runAll(): Promise<void> {
  for (const { name, product, peer, rsyncFlags } of cases.filter((item) => values.only?.includes(item.name) ?? true)) {
    if (peer !== undefined && (values.peers || values['peers-only'])) {
      for (const start of [syncthingRig, async () => await rsyncRig(rsyncFlags)]) {
        await measure(`${name}, peer`, async () => {
          await using rig = await start();
          return await peer(rig);
        });
      }
    }
    if (!values['peers-only']) await measure(name, product);
  }
  if (values.with !== undefined) {
    const lines = readFileSync(values.with, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
    figures.push(...lines.map((line) => JSON.parse(line) as Figure).filter(({ subject }) => subject !== 'satchel'));
  }
  report(figures, (line) => process.stdout.write(`${line}\n`));
}

if (values.list) process.stdout.write(`${cases.map(({ name }) => name).join('\n')}\n`);
else await runAll();
