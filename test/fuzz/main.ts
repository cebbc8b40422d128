/**
 * Goes over all parsers of untrusted bytes with many hostile inputs, round after round, each with a seed of its own.
 * `npm run test:fuzz -- [--for-seconds N] [--seed S] [--runs R] [--only TEXT]`
 */
import { parseArgs } from 'node:util';
import { allTargets, runTarget } from './run.ts';

const { values } = parseArgs({
  options: {
    'for-seconds': { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_007) },
    runs: { type: 'string', default: '1000' },
    only: { type: 'string', default: '' },
  },
});

await using stack = new AsyncDisposableStack();
const targets = (await allTargets(stack)).filter(({ name }) => name.includes(values.only));
const totals = new Map(targets.map(({ name }) => [name, { runs: 0, cpuSeconds: 0, failures: 0 }]));
const until = performance.now() + Number(values['for-seconds']) * 1000;
const first = Number(values.seed);
for (let seed = first; performance.now() < until || seed === first; seed++)
  for (const target of targets) {
    const { runs, cpuSeconds, failure } = await runTarget(target, { seed, runs: Number(values.runs) });
    const total = totals.get(target.name)!;
    total.runs += runs;
    total.cpuSeconds += cpuSeconds;
    if (failure === undefined) continue;
    total.failures++;
    console.error(`${target.name}, seed ${seed}:\n${failure}\n`);
  }
for (const [name, { runs, cpuSeconds, failures }] of totals)
  console.log(
    `${name.padEnd(36)} ${String(runs).padStart(9)} inputs ${cpuSeconds.toFixed(1).padStart(7)} CPU s ${failures} failures`,
  );
process.exitCode = [...totals.values()].some(({ failures }) => failures > 0) ? 1 : 0;
