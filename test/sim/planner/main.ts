/**
 * Plays random cases against the planner: `npm run test:planner -- --cases N --seed S`. A failing case is made
 * smaller and printed; `--cases 1 --seed S --first I` plays it again.
 */
import { parseArgs } from 'node:util';
import { freshSeed } from '../../support/random.ts';
import { generateCase } from './generate.ts';
import { runCase } from './run-case.ts';
import { faultOf, shrink } from './shrink.ts';

const { values } = parseArgs({
  options: { cases: { type: 'string' }, seed: { type: 'string' }, first: { type: 'string' } },
});
const cases = Number(values.cases ?? 20_000);
const seed = Number(values.seed ?? freshSeed());
const first = Number(values.first ?? 0);
const total = { plans: 0, steps: 0, conflicts: 0 };
const started = performance.now();

for (let index = first; index < first + cases; index++) {
  const given = generateCase(seed, index);
  try {
    const figures = runCase(given);
    total.plans += figures.plans;
    total.steps += figures.steps;
    total.conflicts += figures.conflicts;
  } catch (error) {
    const small = shrink(given);
    console.error(`case ${index} of seed ${seed} fails (--cases 1 --seed ${seed} --first ${index}):`);
    console.error(error);
    console.error(`smallest: ${faultOf(small)}\n${JSON.stringify(small)}`);
    process.exit(1);
  }
}
const seconds = (performance.now() - started) / 1000;
console.log(`planner: ${cases} cases hold (seed ${seed}): ${total.steps} steps in ${total.plans} plans,`);
console.log(
  `${total.conflicts} conflicts and remarks, ${seconds.toFixed(1)} s, ${Math.round(cases / seconds)} cases/s`,
);
