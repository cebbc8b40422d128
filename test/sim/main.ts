import { parseArgs } from 'node:util';
import { createChance } from './chance.ts';
import type { Figures } from './figures.ts';
import { runHistory, type Outcome } from './run-history.ts';
import { EARLIER, REGRESSIONS, type Regression } from './regressions.ts';
import type { Modes } from './modes.ts';
import { drawScript, type Wanted } from './script.ts';
import { shrink } from './shrink.ts';

/**
 * `node test/sim/main.ts --seeds N [--seed S] [--mode ignores] [--verbose] [--twice] [--shrink]`: of N seeds from S on
 * all histories, or those that play a mode.
 */
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    seed: { type: 'string' },
    verbose: { type: 'boolean', default: false },
    shrink: { type: 'boolean', default: false },
    twice: { type: 'boolean', default: false },
    regressions: { type: 'boolean', default: false },
    shares: { type: 'string' },
    mode: { type: 'string' },
    'for-seconds': { type: 'string', default: 'Infinity' },
    'stop-after': { type: 'string', default: '20' },
  },
});

const first = values.seed === undefined ? Date.now() % 1_000_000_000 : Number(values.seed);
const count = Number(values.seeds);
const total: Partial<Record<keyof Figures, number>> = {};
const failed: Outcome[] = [];
const began = performance.now();
let done = 0;
// A long run that is stopped still tells how far it came.
let isStopped = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => (isStopped = true));
const wanted: Wanted = values.shares === undefined ? {} : { sharing: values.shares === 'always' };
const histories = values.regressions
  ? REGRESSIONS
  : Array.from({ length: count }, (_, at): Regression => ({ seed: first + at, showed: '', wanted }));
for (const { seed, wanted: asItWas } of histories) {
  if (!isOfMode(seed)) continue;
  if (isStopped || performance.now() - began > Number(values['for-seconds']) * 1000) break;
  const outcome = await runHistory(seed, { wanted: asItWas ?? EARLIER, isVerbose: values.verbose });
  done++;
  for (const [name, value] of Object.entries(outcome.figures))
    total[name as keyof Figures] = (total[name as keyof Figures] ?? 0) + value;
  if (values.verbose) console.log(outcome.lines.join('\n'));
  if (values.twice) {
    const again = await runHistory(seed, { wanted: asItWas ?? EARLIER });
    if (again.trace !== outcome.trace) {
      console.log(`seed ${seed}: two runs of it differ`);
      process.exitCode = 1;
    }
  }
  if (outcome.violation === undefined) continue;
  failed.push(outcome);
  console.log(
    `seed ${seed}: ${outcome.violation.message}${outcome.violation.name === 'Error' ? '' : `\n${outcome.violation.stack}`}`,
  );
  console.log(
    `  again: npm run test:sim -- --seeds 1 --seed ${seed}${values.shares ? ` --shares ${values.shares}` : ''} --verbose`,
  );
  if (values.shrink) {
    const { lines, violation, script } = await shrink(outcome, 300);
    console.log(
      `  shrunk to ${script.acts.length} acts and ${script.incidents.length} incidents: ${violation?.message ?? ''}`,
    );
    console.log(
      lines
        .filter((line) =>
          /user of| does | may not |may write|takes over|incident|starts|killed|power|well again|crash|restored/.test(
            line,
          ),
        )
        .join('\n'),
    );
  }
  if (failed.length >= Number(values['stop-after'])) break;
}
const seconds = (performance.now() - began) / 1000;
console.log(
  JSON.stringify({
    histories: done,
    failed: failed.length,
    seconds: Number(seconds.toFixed(1)),
    perSecond: Number((done / seconds).toFixed(1)),
    ...total,
  }),
);
if (failed.length > 0) process.exitCode = 1;

function isOfMode(seed: number): boolean {
  const { mode } = values;
  return mode === undefined || Boolean(drawScript(seed, createChance(seed), wanted).modes[mode as keyof Modes]);
}
