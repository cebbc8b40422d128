import { runHistory, type Outcome } from './run-history.ts';
import type { Script } from './script.ts';
import { smallerSharing } from './sharing/script.ts';

/** Leaves out acts, incidents and faults for as long as the same rule is still broken. */
export async function shrink(failed: Outcome, mostRuns: number): Promise<Outcome> {
  let best = failed;
  let left = mostRuns;
  const rule = ruleOf(failed);
  const attempt = async (script: Script): Promise<boolean> => {
    if (left-- <= 0) return false;
    const outcome = await runHistory(failed.script.seed, { script, isVerbose: true });
    if (outcome.violation === undefined || ruleOf(outcome) !== rule) return false;
    best = outcome;
    return true;
  };
  for (const candidate of halves(best.script)) if (await attempt(candidate)) break;
  let progressed = true;
  while (progressed) {
    progressed = false;
    for (const candidate of smaller(best.script)) {
      progressed = await attempt(candidate);
      if (progressed) break;
    }
  }
  return best;
}

function ruleOf({ violation }: Outcome): string {
  return violation?.message.split(':')[0] ?? '';
}

function* halves(script: Script): Generator<Script> {
  if (script.solos.length > 0) yield { ...script, solos: [] };
  yield { ...script, incidents: [] };
}

function* smaller(script: Script): Generator<Script> {
  const { acts, incidents, solos, faults } = script;
  if (script.sharing !== undefined) for (const sharing of smallerSharing(script.sharing)) yield { ...script, sharing };
  for (let size = Math.ceil(acts.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let from = 0; from < acts.length; from += size) yield { ...script, acts: acts.toSpliced(from, size) };
  }
  for (let at = 0; at < incidents.length; at++) yield { ...script, incidents: incidents.toSpliced(at, 1) };
  for (let at = 0; at < solos.length; at++) yield { ...script, solos: solos.toSpliced(at, 1) };
  for (const [index, solo] of solos.entries()) {
    for (let at = 0; at < solo.acts.length; at++)
      yield { ...script, solos: solos.with(index, { ...solo, acts: solo.acts.toSpliced(at, 1) }) };
    if (solo.incidents.length > 0) yield { ...script, solos: solos.with(index, { ...solo, incidents: [] }) };
  }
  for (const [name, probability] of Object.entries(faults))
    if (probability > 0) yield { ...script, faults: { ...faults, [name]: 0 } };
}
