/**
 * Plants the faults of the table, one at a time, in a copy of the project, and runs what should notice:
 * `npm run test:mutants [-- --only NAME --only NAME --list --json FILE --markdown --no-control]`.
 * Fails when one survives. Verdicts that the file of `--json` has of other mutants stay in it, and in the table.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { parseArgs } from 'node:util';
import { makeCopy } from './copy.ts';
import { control, examine, misshapen, type Verdict } from './examine.ts';
import { nameOf, type Mutant } from './mutant.ts';
import { line, markdown } from './report.ts';
import { MUTANTS } from './table.ts';

const NICE = 10;

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    list: { type: 'boolean', default: false },
    json: { type: 'string' },
    markdown: { type: 'boolean', default: false },
    'no-control': { type: 'boolean', default: false },
  },
});

function selected(only: readonly string[] | undefined): readonly Mutant[] {
  if (only === undefined) return MUTANTS;
  return only.map((name) => {
    const found = MUTANTS.find((mutant) => mutant.name === name);
    if (found === undefined) throw new RangeError(`there is no mutant ${name}: see --list`);
    return found;
  });
}

/** Verdicts of this run and, where this run had none, those of the file; in the order of the table. */
function merged(verdicts: readonly Verdict[], file: string | undefined): readonly Verdict[] {
  const before: readonly Verdict[] =
    file !== undefined && existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : [];
  const byName = new Map([...before, ...verdicts].map((verdict) => [verdict.name, verdict]));
  return MUTANTS.flatMap(({ name }) => byName.get(name) ?? []);
}

async function runAll(mutants: readonly Mutant[]): Promise<boolean> {
  setPriority(NICE);
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort(new Error(name)));
  using copy = makeCopy(stop.signal);
  if (!values['no-control']) {
    const wrong = await misshapen(copy, mutants);
    for (const fault of wrong) console.error(`does not compile: ${fault}`);
    const faults = await control(copy, mutants);
    for (const fault of faults) console.error(`fails without any fault: ${fault}`);
    if (wrong.length + faults.length > 0) return false;
    console.error('all mutants are programs, and without a fault all suites hold');
  }
  const verdicts: Verdict[] = [];
  for (const mutant of mutants) {
    const verdict = await examine(copy, mutant);
    verdicts.push(verdict);
    console.error(line(verdict));
    if (values.json !== undefined)
      writeFileSync(values.json, `${JSON.stringify(merged(verdicts, values.json), undefined, 2)}\n`);
  }
  const caught = verdicts.filter(({ fate }) => fate === 'caught').length;
  console.error(`${caught} of ${verdicts.length} mutants caught`);
  if (values.markdown) console.log(markdown(merged(verdicts, values.json)));
  return caught === verdicts.length;
}

const mutants = selected(values.only);
if (values.list)
  for (const { name, breaks, rule, suites } of mutants)
    console.log(`${name}: ${breaks} (${rule}); ${suites.map(nameOf).join(', ')}`);
else if (!(await runAll(mutants))) process.exitCode = 1;
