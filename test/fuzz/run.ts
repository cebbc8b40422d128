import * as fc from 'fast-check';
import { CLIENT_TARGETS } from './targets-client.ts';
import { CORE_TARGETS } from './targets-core.ts';
import { serverTargets } from './targets-server.ts';

/** A parser of bytes or text that others can send, and what has to be true of it for every input. */
export interface Target {
  readonly name: string;
  readonly property: fc.IRawProperty<unknown>;
}

export interface Outcome {
  readonly name: string;
  readonly runs: number;
  /** CPU seconds of this process. */
  readonly cpuSeconds: number;
  /** The smallest input that fails, with the seed that finds it again. */
  readonly failure: string | undefined;
}

/** All targets; what they stand on is closed with the stack. */
export async function allTargets(stack: AsyncDisposableStack): Promise<readonly Target[]> {
  return [...CORE_TARGETS, ...(await serverTargets(stack)), ...CLIENT_TARGETS];
}

/** Tries a target with inputs by seed. */
export async function runTarget(
  target: Target,
  how: { readonly seed: number; readonly runs: number },
): Promise<Outcome> {
  const before = process.cpuUsage();
  const details = await fc.check(target.property as fc.IAsyncProperty<unknown>, { seed: how.seed, numRuns: how.runs });
  const { user, system } = process.cpuUsage(before);
  const failure = details.failed ? fc.defaultReportMessage(details as never) : undefined;
  return { name: target.name, runs: details.numRuns, cpuSeconds: (user + system) / 1e6, failure };
}
