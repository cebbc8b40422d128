import { rmSync } from 'node:fs';
import { createChance } from './chance.ts';
import type { World } from './device.ts';
import type { Figures } from './figures.ts';
import { History } from './history.ts';
import { KilledError, type Faults } from './machine.ts';
import { Scheduler } from './scheduler.ts';
import { drawScript, type Script, type Wanted } from './script.ts';
import { scratchFolder, SimServer } from './server.ts';

export interface Outcome {
  readonly script: Script;
  readonly violation: Error | undefined;
  /** Hash of all that happened. */
  readonly trace: string;
  readonly figures: Figures;
  readonly lines: readonly string[];
}

export interface Options {
  /** Instead of the one drawn from the seed. */
  readonly script?: Script;
  readonly wanted?: Wanted;
  /** Keep every line of the trace. */
  readonly isVerbose?: boolean;
}

/** One history from its seed: a storm of users and faults, then calm, then users one at a time. */
export async function runHistory(seed: number, options: Options = {}): Promise<Outcome> {
  const script = options.script ?? drawScript(seed, createChance(seed), options.wanted);
  const chance = createChance(seed ^ 0x5eed);
  const scheduler = new Scheduler(chance);
  const lines: string[] = [];
  if (options.isVerbose) scheduler.onNote((line) => lines.push(line));
  const folder = scratchFolder();
  await using server = new SimServer(scheduler, chance, 1 + Math.max(0, ...(script.sharing?.owners ?? [])));
  server.guardDeletes = script.modes.guards?.server ?? server.guardDeletes;
  let isStarted = false;
  server.start().then(
    () => (isStarted = true),
    (error: unknown) => (scheduler.failure ??= error),
  );
  await scheduler.run(() => isStarted, Infinity);
  const faults: Faults = { ...script.faults };
  const { hasBirthTimes } = script;
  const world: World = {
    scheduler,
    chance,
    server,
    faults,
    folder,
    hasBirthTimes,
    isTraced: options.isVerbose === true,
    guards: script.modes.guards,
    isPacking: script.modes.editsLong,
  };
  const history = new History(world, script);
  const unhandled = (error: unknown) => {
    if (!(error instanceof KilledError)) scheduler.failure ??= error;
  };
  process.on('unhandledRejection', unhandled);
  let violation: Error | undefined;
  try {
    await history.run();
  } catch (error) {
    violation = error instanceof Error ? error : new Error(String(error));
  } finally {
    for (const device of history.devices) device.kill();
    scheduler.failure = undefined;
    await scheduler.run(() => false, scheduler.now + 2);
    for (const device of history.devices) device.bury();
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', unhandled);
    rmSync(folder, { recursive: true, force: true });
  }
  return { script, violation, trace: scheduler.digest(), figures: history.figures(), lines };
}
