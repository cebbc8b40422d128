/** One history: its deeds and troubles, phase by phase, and after each phase the check. */
import { writerPause } from '../support/until.ts';
import { readTree } from '../support/tree.ts';
import { checkLeftovers, checkRest, checkSolo } from './check.ts';
import { type Crew } from './crew.ts';
import { Deeds } from './deeds.ts';
import { type Script } from './script.ts';

export type HistoryOptions = {
  /** The sub-folder in which all of it happens. */
  readonly base: string;
  /** Asks by the command line in place of the socket. */
  readonly byCommand: boolean;
  readonly trace: (line: string) => void;
};

export type Outcome = { readonly conflicts: number; readonly onlyInTrash: readonly string[] };

/** Throws a Violation when a rule did not hold. */
export async function playHistory(crew: Crew, script: Script, options: HistoryOptions): Promise<Outcome> {
  const { base, trace } = options;
  const users = crew.hands.map((hand) => new Deeds(hand, crew.book, base));
  let conflicts = 0;
  const onlyInTrash: string[] = [];
  for (const [at, phase] of script.phases.entries()) {
    trace(`phase ${at + 1}`);
    try {
      await playPhase(crew, phase, { users, trace });
    } finally {
      users.forEach((user) => user.releaseAll());
      await crew.heal();
    }
    trace('healed');
    const alone = phase.solo === undefined ? undefined : readTree(crew.world.device(phase.solo).root);
    const rest = await checkRest(crew, [base], options.byCommand);
    if (alone !== undefined) checkSolo(alone, rest.tree);
    conflicts = rest.conflicts;
    onlyInTrash.push(...rest.onlyInTrash);
  }
  return { conflicts, onlyInTrash };
}

type Stage = { readonly users: readonly Deeds[]; readonly trace: HistoryOptions['trace'] };

async function playPhase(
  crew: Crew,
  { acts, troubles }: Script['phases'][number],
  { users, trace }: Stage,
): Promise<void> {
  const last = Math.max(acts.length, ...troubles.map(({ fromAct, forActs }) => fromAct + forActs)) + 1;
  for (let i = 0; i <= last; i++) {
    for (const trouble of troubles) {
      if (trouble.fromAct === i) {
        trace(`${trouble.kind} of ${trouble.device} + ${trouble.lateMs} ms`);
        crew.begin(trouble);
      }
      if (trouble.fromAct + trouble.forActs === i) {
        trace(`${trouble.kind} of ${trouble.device} ends`);
        crew.end(trouble);
      }
    }
    const act = acts[i];
    if (act === undefined) continue;
    crew.figures.acts++;
    trace(`${i} ${act.device}: ${(await users[act.device]?.act(act.kind, act.lot)) ?? ''}`);
    await writerPause(act.pauseMs);
  }
}

/** Removes what former histories have left; that, too, must arrive everywhere. */
export async function clearUp(crew: Crew, bases: readonly string[], byCommand: boolean): Promise<void> {
  const [hand] = crew.hands;
  for (const base of bases) {
    hand?.remove(base);
    for (const path of crew.book.registers.keys()) if (path.startsWith(`${base}/`)) crew.book.registers.delete(path);
  }
  await checkRest(crew, [], byCommand);
  await Promise.all(crew.world.devices.map(checkLeftovers));
}
