/** What should catch a mutant: a run of something that tests, with a bound. */
export type Suite =
  /** Random cases against the planner alone. */
  | { readonly kind: 'planner'; readonly cases: number }
  /** Histories of fresh seeds: the real client and server on a scheduler. */
  | { readonly kind: 'simulation'; readonly histories: number }
  /** A test file, or those of its tests whose title matches. */
  | { readonly kind: 'tests'; readonly file: string; readonly pattern?: string };

/** A suite that takes longer does not end. */
export const MOST_MINUTES = { planner: 5, simulation: 20, tests: 10 } as const;

/** A fault that is planted by replacing one text of one file. */
export interface Mutant {
  readonly name: string;
  /** The fault, in one line. */
  readonly breaks: string;
  /** Rules and hazards that it breaks. */
  readonly rule: string;
  /** From the project's root. */
  readonly file: string;
  /** Stands there exactly once. */
  readonly find: string;
  readonly replace: string;
  /** Run in this order until one fails: the cheapest first. */
  readonly suites: readonly Suite[];
}

export function planner(cases: number): Suite {
  return { kind: 'planner', cases };
}

export function simulation(histories: number): Suite {
  return { kind: 'simulation', histories };
}

/** @param file from the project's root */
export function tests(file: string, pattern?: string): Suite {
  return pattern === undefined ? { kind: 'tests', file } : { kind: 'tests', file, pattern };
}

const MAIN = { planner: 'test/sim/planner/main.ts', simulation: 'test/sim/main.ts' } as const;

/** Arguments for Node, in the project's root. */
export function argumentsOf(suite: Suite): readonly string[] {
  switch (suite.kind) {
    case 'planner':
      return [MAIN.planner, '--cases', String(suite.cases)];
    case 'simulation':
      return [MAIN.simulation, '--seeds', String(suite.histories), '--stop-after', '1'];
    case 'tests':
      return [
        '--test',
        '--test-reporter=tap',
        ...(suite.pattern === undefined ? [] : [`--test-name-pattern=${suite.pattern}`]),
        suite.file,
      ];
  }
}

export function nameOf(suite: Suite): string {
  switch (suite.kind) {
    case 'planner':
      return 'random cases of the planner';
    case 'simulation':
      return 'simulation';
    case 'tests':
      return suite.file;
  }
}
