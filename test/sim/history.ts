import { rmSync } from 'node:fs';
import { TREE_ROOT } from '@satchel/client/daemon/assembly.ts';
import { createChance, type Chance } from './chance.ts';
import { describe } from './describing.ts';
import { checkContents, checkStaging, disagreement, serverView, Violation } from './checks.ts';
import { SimDevice, type World } from './device.ts';
import { Ledger } from './ledger.ts';
import type { View } from './left-out.ts';
import { KilledError, NO_FAULTS, unlessKilled, type Faults } from './machine.ts';
import { ModePlay } from './mode-play.ts';
import { Scheduler } from './scheduler.ts';
import { drawScript, type Incident, type Script } from './script.ts';
import { scratchFolder, SimServer } from './server.ts';
import { Users, type UserAct } from './users.ts';

export interface Outcome {
  readonly script: Script;
  readonly violation: Error | undefined;
  /** Hash of all that happened. */
  readonly trace: string;
  readonly figures: Figures;
  readonly lines: readonly string[];
}

export interface Figures {
  acts: number;
  kills: number;
  powerCuts: number;
  serverCrashes: number;
  lostRequests: number;
  lostReplies: number;
  duplicates: number;
  events: number;
  virtualMs: number;
  rounds: number;
  conflicts: number;
}

export interface Options {
  /** Instead of the one drawn from the seed. */
  readonly script?: Script;
  /** Keep every line of the trace. */
  readonly isVerbose?: boolean;
}

const PATIENCE_MS = 30 * 60_000;

/** One history from its seed: a storm of users and faults, then calm, then users one at a time. */
export async function runHistory(seed: number, options: Options = {}): Promise<Outcome> {
  const script = options.script ?? drawScript(seed, createChance(seed));
  const chance = createChance(seed ^ 0x5eed);
  const scheduler = new Scheduler(chance);
  const lines: string[] = [];
  if (options.isVerbose) scheduler.onNote((line) => lines.push(line));
  const folder = scratchFolder();
  await using server = new SimServer(scheduler, chance);
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

class History {
  readonly devices: readonly SimDevice[];
  readonly #world: World;
  readonly #script: Script;
  readonly #ledger = new Ledger();
  readonly #users: Users;
  readonly #modes: ModePlay;
  #rounds = 0;
  #conflicts = 0;
  #databasesTakenBack = 0;
  #restoresToCome = 0;

  constructor(world: World, script: Script) {
    this.#world = world;
    this.#script = script;
    this.devices = Array.from({ length: script.devices }, (_, index) => new SimDevice(world, `d${index}`));
    this.#users = new Users(this.devices, this.#ledger, { scheduler: world.scheduler, habits: script });
    this.#modes = new ModePlay(this.devices, world, { modes: script.modes, ledger: this.#ledger });
  }

  async run(): Promise<void> {
    const { scheduler, chance } = this.#world;
    const { acts, incidents, spanMs, solos } = this.#script;
    for (const device of this.devices)
      scheduler.after(
        chance.happens(0.8) ? chance.between(0, 20) : chance.between(0, spanMs),
        () => device.running ?? device.start(),
      );
    await this.#storm(acts, incidents);
    await this.#calm();
    for (const solo of solos) {
      this.#modes.beginSolo();
      Object.assign(this.#world.faults, this.#script.faults, { diskError: 0 });
      await this.#storm(solo.acts, solo.incidents);
      // Nobody else did anything: this is how it has to be everywhere.
      const expected = this.devices[solo.device]!.tree();
      await this.#calm((server) => {
        const different = this.#modes.soloDifference(this.devices[solo.device]!, expected, server);
        if (different !== undefined)
          throw new Violation('P2/P8/P9', `what one user did alone came out otherwise: end | done\n${different}`);
      });
    }
  }

  /** All is well again, and has to come to its end as it should. */
  async #calm(check: (server: View) => void = () => undefined): Promise<void> {
    this.#heal();
    const server = await this.#settle();
    check(server);
    this.#check(server);
    while (this.#modes.lift()) this.#check(await this.#settle());
  }

  figures(): Figures {
    const sum = (of: (device: SimDevice) => number) => this.devices.reduce((total, device) => total + of(device), 0);
    return {
      acts: this.#users.done,
      kills: sum(({ kills }) => kills),
      powerCuts: sum(({ powerCuts }) => powerCuts),
      serverCrashes: this.#world.server.crashes,
      lostRequests: sum(({ line }) => line.lostRequests),
      lostReplies: sum(({ line }) => line.lostReplies),
      duplicates: sum(({ line }) => line.duplicates),
      events: this.#world.scheduler.events,
      virtualMs: this.#world.scheduler.now,
      rounds: this.#rounds,
      conflicts: this.#conflicts,
    };
  }

  /** Users act and things go wrong, until all of it has happened. */
  async #storm(acts: readonly UserAct[], incidents: readonly Incident[]): Promise<void> {
    const { scheduler } = this.#world;
    const beginning = scheduler.now;
    let last = beginning;
    let left = acts.length + incidents.length;
    for (const act of acts) {
      last = Math.max(last, beginning + act.atMs);
      scheduler.after(act.atMs, () => {
        left--;
        this.#users.act(act, createChance(act.lot));
        this.#modes.acted(this.devices[act.device]!);
      });
    }
    for (const incident of incidents) {
      scheduler.after(incident.atMs, () => {
        left--;
        this.#befall(incident, createChance(Math.floor(incident.atMs * 1000)));
      });
    }
    await scheduler.run(() => left === 0, Infinity);
    this.#reviveAll();
  }

  #befall({ kind, device: index, lastsMs }: Incident, chance: Chance): void {
    const { scheduler, server } = this.#world;
    const device = this.devices[index]!;
    scheduler.note(`incident ${kind} ${device.name}`);
    switch (kind) {
      case 'kill':
        device.kill();
        break;
      case 'powerCut':
        return this.#cutPower(device, lastsMs);
      case 'partition':
        device.line.isUp = false;
        scheduler.after(lastsMs, () => (device.line.isUp = true));
        return;
      case 'serverCrash':
        server.crash();
        scheduler.after(lastsMs, () => void this.#startServer());
        return;
      case 'clockJump':
        device.wall.offsetMs += Math.floor(lastsMs);
        return;
      case 'serverRestore':
        return this.#takeServerBack(lastsMs);
      case 'unmount':
        if (device.disk.isMounted) device.disk.unmount();
        scheduler.after(lastsMs, () => device.disk.mount());
        return;
      case 'exclude':
        this.#exclude(device, chance);
        scheduler.after(lastsMs, () => this.#include(device));
        return;
      case 'overflow':
        return;
      default:
        return this.#modes.befall({ kind, lastsMs }, device, chance);
    }
    if (chance.happens(0.7)) scheduler.after(lastsMs, () => device.running ?? device.start());
  }

  /** H74: a folder that lies at the top is not wanted on this device. */
  #exclude({ running, disk }: SimDevice, chance: Chance): void {
    const { trees } = running?.daemon.parts ?? {};
    const folders = [...disk.root.entries].flatMap(([name, { type }]) => (type === 'folder' ? [name] : []));
    const known = folders.filter((name) => trees?.remote.childNamed({ parentId: TREE_ROOT, name }) !== undefined);
    if (known.length > 0) unlessKilled(() => running?.control.exclude(chance.pick(known)));
  }

  #include({ running }: SimDevice): void {
    unlessKilled(() => {
      for (const path of running?.control.excluded() ?? []) running?.control.include(path);
    });
  }

  #cutPower(device: SimDevice, lastsMs: number): void {
    const { scheduler } = this.#world;
    device.rememberDatabase();
    scheduler.after(lastsMs, () => {
      this.#users.forget(device);
      const { lost, garbage } = device.powerCut();
      this.#databasesTakenBack++;
      for (const data of [...lost, ...garbage]) this.#ledger.excuse(data);
      scheduler.after(5, () => device.running ?? device.start());
    });
  }

  /** To what it is now, some time later (S10): nothing that is on a device may be lost by it. */
  #takeServerBack(afterMs: number): void {
    const { scheduler, server } = this.#world;
    server.backUp();
    this.#restoresToCome++;
    scheduler.after(afterMs, () => {
      this.#databasesTakenBack++;
      const restored = () => {
        this.#restoresToCome--;
        return scheduler.after(1000, () => void this.#startServer());
      };
      server.restore().then(restored, (error: unknown) => (scheduler.failure ??= error));
    });
  }

  async #startServer(): Promise<void> {
    if (this.#world.server.services === undefined) await this.#world.server.start();
  }

  #reviveAll(): void {
    const { scheduler } = this.#world;
    for (const device of this.devices)
      if (device.running === undefined) scheduler.after(6000, () => device.running ?? device.start());
  }

  #heal(): void {
    const { faults, scheduler } = this.#world;
    Object.assign(faults, NO_FAULTS);
    scheduler.note('all is well again');
    this.#users.releaseAll();
    for (const { line, disk } of this.devices) {
      line.isUp = true;
      disk.mount();
    }
    void this.#startServer();
  }

  /** P5, H103: until every device says that it is in sync and nothing changes any more; then they have to agree. */
  async #settle(): Promise<View> {
    const { scheduler, server } = this.#world;
    const deadline = scheduler.now + PATIENCE_MS;
    const isUp = () => this.devices.every(({ running }) => running !== undefined) && server.services !== undefined;
    await scheduler.run(() => isUp() && this.#restoresToCome === 0, deadline);
    await scheduler.run(isUp, deadline);
    // Power cuts that were still to come, and trash that was written to (H15).
    await scheduler.run(() => false, scheduler.now + 12_000);
    for (;;) {
      this.#rounds++;
      for (const device of this.devices) this.#include(device);
      this.#modes.resumeAll();
      const before = await this.#state();
      for (const { running } of this.devices) running?.control.syncNow();
      const held = await this.#wait(deadline);
      const after = await this.#state();
      if (held !== undefined) {
        await this.#modes.decideHeld(held, after.view);
        continue;
      }
      if (before.text !== after.text) continue;
      const different = disagreement(this.devices, after.view);
      if (different !== undefined)
        throw new Violation('P4/H103', `all say that they are in sync, and are not:\n${different}`);
      // What downloads that came to nothing have left goes with the next tick of the housekeeping.
      await scheduler.run(() => false, scheduler.now + 6000);
      this.#modes.checkUndone(after.view);
      return after.view;
    }
  }

  async #state() {
    const { server } = this.#world;
    const view = serverView(await server.listing(), server.rootId);
    const trees = this.devices.map((device) => [...device.tree()].sort());
    return { view, text: JSON.stringify([[...view].sort(), trees]) };
  }

  /** @returns a device on which deletions are held; all others are in sync */
  async #wait(deadline: number): Promise<SimDevice | undefined> {
    const { scheduler } = this.#world;
    let held: SimDevice | undefined;
    for (const device of this.devices) {
      for (;;) {
        const { running } = device;
        if (running === undefined) throw new Violation('P5', `${device.name} does not run`);
        let outcome: string | undefined;
        const stopping = new AbortController();
        running.control.wait(stopping.signal).then(
          (result) => (outcome = JSON.stringify(result)),
          (error: unknown) => (outcome = String(error)),
        );
        await scheduler.run(() => outcome !== undefined, deadline);
        if (outcome === '{"outcome":"held"}') held ??= device;
        if (outcome === '{"outcome":"synced"}' || outcome === '{"outcome":"held"}') break;
        if (scheduler.now < deadline && outcome !== undefined) {
          await scheduler.run(() => false, Math.min(deadline, scheduler.now + 2000));
          this.#modes.clearTheWay();
          running.control.syncNow();
          continue;
        }
        throw new Violation('P5', `${device.name} does not come to an end: ${outcome ?? ''} ${describe(device)}`);
      }
    }
    return held;
  }

  #check(server: View): void {
    const [first] = this.devices;
    this.#conflicts += [...first!.tree().keys()].filter((path) => path.includes('conflicted copy')).length;
    const mayDuplicate = this.#databasesTakenBack > 0 || this.#modes.mayDuplicate;
    checkContents({ devices: this.devices, ledger: this.#ledger, mayDuplicate, server });
    checkStaging(this.devices);
  }
}
