/** Many histories, one after the other, on crews that live for some of them. */
import { inspect } from 'node:util';
import { seededRandom } from '../support/random.ts';
import { Violation } from './check.ts';
import { assembleCrew, type Crew, type Figures } from './crew.ts';
import { clearUp, playHistory } from './history.ts';
import { drawScript, shownScript, type Script } from './script.ts';

export type RunOptions = {
  /** Of the first history; the others follow it. */
  readonly seed: number;
  readonly histories: number;
  readonly forSeconds: number;
  readonly devices: readonly [least: number, most: number];
  readonly hasKills: boolean;
  readonly smallDisk: string;
  readonly stopAfter: number;
  readonly isVerbose: boolean;
  /** Ends after the history that is being played. */
  readonly signal: AbortSignal;
  readonly print: (text: string) => void;
  /** Called with the folder of everything, when a history has failed. */
  readonly keep: (folder: string, seed: number) => void;
};

export type Summary = Figures & {
  readonly histories: number;
  readonly failed: number;
  readonly conflicts: number;
  readonly onlyInTrash: number;
  readonly seconds: number;
};

const HISTORIES_OF_A_CREW = 40;
const HISTORIES_BETWEEN_CLEARINGS = 10;

type Tally = {
  histories: number;
  failed: number;
  conflicts: number;
  onlyInTrash: number;
  figures: Record<string, number>;
};

export async function runHistories(options: RunOptions): Promise<Summary> {
  const began = performance.now();
  const tally: Tally = { histories: 0, failed: 0, conflicts: 0, onlyInTrash: 0, figures: {} };
  const isOver = (): boolean =>
    options.signal.aborted ||
    tally.histories >= options.histories ||
    tally.failed >= options.stopAfter ||
    performance.now() - began > options.forSeconds * 1000;
  while (!isOver()) await withCrew(options, tally, isOver);
  const seconds = Math.round((performance.now() - began) / 100) / 10;
  const { figures, ...counts } = tally;
  return { ...counts, ...(figures as Figures), seconds };
}

async function withCrew(options: RunOptions, tally: Tally, isOver: () => boolean): Promise<void> {
  const random = seededRandom(options.seed + tally.histories);
  const [least, most] = options.devices;
  const devices = least + random.below(most - least + 1);
  const hasSmallDisk = options.smallDisk === 'yes' || (options.smallDisk === 'some' && random.below(3) === 0);
  await using crew = await assembleCrew(devices, { smallDisk: hasSmallDisk });
  let bases: string[] = [];
  try {
    for (let i = 0; i < HISTORIES_OF_A_CREW && !isOver(); i++) {
      const seed = options.seed + tally.histories++;
      const script = drawScript(seed, { devices, hasKills: options.hasKills, hasSmallDisk });
      bases.push(`h${seed}`);
      if (!(await play(crew, script, { options, tally, hasSmallDisk }))) return;
      if (bases.length < HISTORIES_BETWEEN_CLEARINGS) continue;
      if (!(await clearing(crew, bases, { options, tally, hasSmallDisk, seed }))) return;
      bases = [];
      options.print(
        `${tally.histories} histories, ${tally.failed} failed, ${crew.figures.acts} acts of this crew of ${devices}`,
      );
    }
  } finally {
    for (const [name, count] of Object.entries(crew.figures)) tally.figures[name] = (tally.figures[name] ?? 0) + count;
  }
}

type Around = { readonly options: RunOptions; readonly tally: Tally; readonly hasSmallDisk: boolean };

async function play(crew: Crew, script: Script, { options, tally, hasSmallDisk }: Around): Promise<boolean> {
  const lines: string[] = [];
  const began = performance.now();
  const trace = (line: string): void => {
    const timed = `${((performance.now() - began) / 1000).toFixed(3)} ${line}`;
    lines.push(timed);
    if (options.isVerbose) options.print(timed);
  };
  try {
    const base = `h${script.seed}`;
    const { conflicts, onlyInTrash } = await playHistory(crew, script, {
      base,
      byCommand: script.seed % 10 === 0,
      trace,
    });
    tally.conflicts += conflicts;
    tally.onlyInTrash += onlyInTrash.length;
    if (onlyInTrash.length > 0) options.print(`seed ${script.seed}: only in a local trash: ${onlyInTrash.join(', ')}`);
    return true;
  } catch (error) {
    tally.failed++;
    report(crew, error, {
      options,
      hasSmallDisk,
      seed: script.seed,
      story: `${shownScript(script)}\n${lines.join('\n')}`,
    });
    return false;
  }
}

async function clearing(
  crew: Crew,
  bases: readonly string[],
  { options, tally, hasSmallDisk, seed }: Around & { seed: number },
): Promise<boolean> {
  try {
    await clearUp(crew, bases, true);
    const doctor = await crew.world.server.admin('doctor', '--json');
    const { found } = JSON.parse(doctor.stdout) as { found: number };
    if (doctor.code !== 0 || found > 0) throw new Violation(`satchel admin doctor found ${doctor.stdout}`);
    return true;
  } catch (error) {
    tally.failed++;
    report(crew, error, { options, hasSmallDisk, seed, story: `when ${bases.join(', ')} were removed` });
    return false;
  }
}

function report(
  crew: Crew,
  error: unknown,
  { options, hasSmallDisk, seed, story }: Omit<Around, 'tally'> & { seed: number; story: string },
): void {
  const what = error instanceof Violation ? error.message : inspect(error);
  const kills = options.hasKills ? ' --kills' : '';
  const disk = hasSmallDisk ? 'yes' : 'no';
  options.print(`seed ${seed} FAILED: ${what}\n${story}`);
  options.print(
    `again: npm run test:blackbox -- --histories 1 --seed ${seed} --devices ${crew.world.devices.length}${kills} --small-disk ${disk} --verbose`,
  );
  crew.world.printLogs();
  options.keep(crew.world.scratch.path, seed);
}
