import { argumentsOf, MOST_MINUTES, type Suite } from './mutant.ts';

/** A process that has ended. */
export interface Run {
  readonly status: number | null;
  readonly output: string;
  /** It took too long and was ended. */
  readonly isCutOff: boolean;
}

/** What a suite came to. */
export type Outcome =
  | { readonly kind: 'held'; readonly count: number }
  | {
      readonly kind: 'failed';
      /** The case, history or test that failed, counted from 1. */
      readonly count: number;
      /** The title of the test, or what was found. */
      readonly what: string;
      /** Node's arguments that run the one case or history again; undefined where there is no such thing. */
      readonly again?: readonly string[];
    }
  /** It could not be run, or did not end. */
  | { readonly kind: 'broken'; readonly what: string };

export const UNITS = { planner: 'cases', simulation: 'histories', tests: 'tests' } as const;

/** What the output tells. */
type Ended = Exclude<Outcome, { kind: 'broken' }>;

/** Reads what a suite printed. */
export function outcomeOf(suite: Suite, { status, output, isCutOff }: Run): Outcome {
  const parsed = PARSERS[suite.kind](output);
  const isTrue = parsed !== undefined && (parsed.kind === 'held') === (status === 0);
  if (isTrue) return parsed.kind === 'failed' ? withAgain(suite, parsed, output) : parsed;
  if (isCutOff)
    return { kind: 'failed', count: parsed?.count ?? 0, what: `does not end within ${MOST_MINUTES[suite.kind]} min` };
  return { kind: 'broken', what: `exit ${status}: ${output.trim().split('\n').slice(-15).join('\n')}` };
}

const PARSERS: Readonly<Record<Suite['kind'], (output: string) => Ended | undefined>> = {
  planner(output) {
    const failed = /^case (\d+) of seed \d+ fails.*\n(?:Error: )?(.*?)(?:: \[.*)?$/m.exec(output);
    if (failed !== null) return { kind: 'failed', count: Number(failed[1]) + 1, what: failed[2] ?? '' };
    const held = /^planner: (\d+) cases hold/m.exec(output);
    return held === null ? undefined : { kind: 'held', count: Number(held[1]) };
  },
  simulation(output) {
    const histories = /^\{"histories":(\d+),/m.exec(output);
    if (histories === null) return undefined;
    const count = Number(histories[1]);
    const failed = /^seed \d+: (.*)/m.exec(output);
    return failed === null ? { kind: 'held', count } : { kind: 'failed', count, what: failed[1] ?? '' };
  },
  tests(output) {
    const results = [...output.matchAll(/^ *(not )?ok \d+ - (.*)$/gm)].filter(
      ([line]) => !/ # SKIP|^ok .*\.test\.ts$/.test(line),
    );
    const failed = results.findIndex(([, isNot]) => isNot !== undefined);
    const title = results[failed]?.[2];
    if (title !== undefined) return { kind: 'failed', count: failed + 1, what: title.replaceAll('\\#', '#') };
    return results.length === 0 ? undefined : { kind: 'held', count: results.length };
  },
};

function withAgain(suite: Suite, failed: Extract<Outcome, { kind: 'failed' }>, output: string): Outcome {
  if (suite.kind === 'planner') {
    const [, index = '', seed = ''] = /^case (\d+) of seed (\d+)/m.exec(output) ?? [];
    return { ...failed, again: [...argumentsOf({ ...suite, cases: 1 }), '--seed', seed, '--first', index] };
  }
  if (suite.kind === 'simulation') {
    const [, seed = ''] = /^seed (\d+): /m.exec(output) ?? [];
    return { ...failed, again: [...argumentsOf({ ...suite, histories: 1 }), '--seed', seed] };
  }
  return failed;
}
