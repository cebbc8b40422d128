import { runCase, type Action, type Case } from './run-case.ts';

/** The fault of a case; undefined when all holds. */
export function faultOf(given: Case): string | undefined {
  try {
    runCase(given);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Leaves out actions as long as the case still fails. */
export function shrink(given: Case): Case {
  let smallest = given;
  for (let progress = true; progress;) {
    progress = false;
    for (const candidate of smallerCases(smallest)) {
      if (faultOf(candidate) === undefined) continue;
      smallest = candidate;
      progress = true;
      break;
    }
  }
  return smallest;
}

function* smallerCases(given: Case): Generator<Case> {
  if (given.devices > 2) yield { ...given, devices: given.devices - 1 };
  if (given.limit < 1000) yield { ...given, limit: 1000 };
  if (given.viewer) yield { ...given, viewer: false };
  for (const part of ['actions', 'beginning'] as const) {
    for (let at = 0; at < given[part].length; at++) yield { ...given, [part]: without(given[part], at) };
  }
}

function without(actions: readonly Action[], at: number): readonly Action[] {
  return [...actions.slice(0, at), ...actions.slice(at + 1)];
}
