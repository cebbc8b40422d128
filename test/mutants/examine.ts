import type { Copy } from './copy.ts';
import { nameOf, type Mutant, type Suite } from './mutant.ts';
import { UNITS } from './outcome.ts';

type Fate =
  | {
      readonly fate: 'caught';
      /** The suite, and what of it failed. */
      readonly by: string;
      readonly what: string;
      /** After so many … */
      readonly count: number;
      readonly unit: string;
    }
  | { readonly fate: 'survived' }
  /** Nothing is shown: a suite could not be run, or fails without the fault as well. */
  | { readonly fate: 'unclear'; readonly what: string };

/** What became of one mutant. */
export type Verdict = Pick<Mutant, 'name' | 'breaks' | 'rule'> & { readonly seconds: number } & Fate;

/** Runs the suites of a mutant until one fails. */
export async function examine(copy: Copy, mutant: Mutant): Promise<Verdict> {
  const started = performance.now();
  const { name, breaks, rule } = mutant;
  const fate = await fateOf(copy, mutant);
  return { name, breaks, rule, ...fate, seconds: Number(((performance.now() - started) / 1000).toFixed(1)) };
}

async function fateOf(copy: Copy, mutant: Mutant): Promise<Fate> {
  for (const suite of mutant.suites) {
    const outcome = await copy.planted([mutant], async () => copy.run(suite));
    if (outcome.kind === 'held') continue;
    if (outcome.kind === 'broken') return { fate: 'unclear', what: `${nameOf(suite)}: ${outcome.what}` };
    if (outcome.again !== undefined && (await copy.node(outcome.again)).status !== 0)
      return { fate: 'unclear', what: `fails without the fault as well: ${outcome.again.join(' ')}` };
    return { fate: 'caught', by: nameOf(suite), what: outcome.what, count: outcome.count, unit: UNITS[suite.kind] };
  }
  return { fate: 'survived' };
}

/** Mutants of different files can be planted together. */
function together(mutants: readonly Mutant[]): readonly (readonly Mutant[])[] {
  const groups: Mutant[][] = [];
  for (const [, ofFile] of Map.groupBy(mutants, ({ file }) => file))
    for (const [index, mutant] of ofFile.entries()) (groups[index] ??= []).push(mutant);
  return groups;
}

/** What the compiler says: a mutant that is no program is caught by anything. */
export async function misshapen(copy: Copy, mutants: readonly Mutant[]): Promise<readonly string[]> {
  const faults: string[] = [];
  for (const group of together(mutants)) {
    const compiling = async () => copy.node(['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json']);
    const { status, output } = await copy.planted(group, compiling);
    if (status !== 0) faults.push(output.trim());
  }
  return faults;
}

/** What fails without any fault: then a catch would prove nothing. Each suite once. */
export async function control(copy: Copy, mutants: readonly Mutant[]): Promise<readonly string[]> {
  const suites = new Map<string, Suite>();
  for (const suite of mutants.flatMap((mutant) => mutant.suites)) suites.set(JSON.stringify(suite), suite);
  const faults: string[] = [];
  for (const suite of suites.values()) {
    const outcome = await copy.run(suite);
    if (outcome.kind !== 'held') faults.push(`${nameOf(suite)}: ${outcome.what}`);
  }
  return faults;
}
