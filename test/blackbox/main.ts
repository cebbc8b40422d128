/** Random histories against real processes: see docs/TESTING.md, "Black box". */
import { cpSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { skipWithoutMounts } from '../support/mount.ts';
import { runHistories } from './run.ts';

const { values } = parseArgs({
  options: {
    histories: { type: 'string', default: '20' },
    seed: { type: 'string' },
    'for-seconds': { type: 'string', default: 'Infinity' },
    devices: { type: 'string', default: '2-4' },
    kills: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
    /** A folder for what a failing run leaves behind. */
    keep: { type: 'string' },
    /** Whether the first device lies on a file system that can fill: yes, no, or now and then. */
    'small-disk': { type: 'string', default: skipWithoutMounts().skip === false ? 'some' : 'no' },
    'stop-after': { type: 'string', default: '5' },
  },
});
const [least = 2, most = least] = values.devices.split('-').map(Number);
const ending = new AbortController();
// The crew at work is dismissed in good order, its mounts with it.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ending.abort());
const summary = await runHistories({
  signal: ending.signal,
  seed: values.seed === undefined ? Date.now() % 1_000_000_000 : Number(values.seed),
  histories: Number(values.histories),
  forSeconds: Number(values['for-seconds']),
  devices: [least, most],
  hasKills: values.kills,
  smallDisk: values['small-disk'],
  stopAfter: Number(values['stop-after']),
  isVerbose: values.verbose,
  print: (text) => console.log(text),
  keep: (folder, seed) => {
    if (values.keep !== undefined)
      cpSync(folder, `${values.keep}/${seed}`, { recursive: true, verbatimSymlinks: true });
  },
});
console.log(JSON.stringify(summary));
if (summary.failed > 0) process.exitCode = 1;
