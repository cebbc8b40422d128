import { TREE_ROOT } from '@satchel/client/daemon/assembly.ts';
import { createChance, type Chance } from './chance.ts';
import { checkContents, checkStaging, disagreement, serverView, Violation, type View } from './checks.ts';
import { describe } from './describing.ts';
import { SimDevice, type World } from './device.ts';
import { examine } from './examining.ts';
import type { Figures } from './figures.ts';
import { Ledger } from './ledger.ts';
import { NO_FAULTS, unlessKilled } from './machine.ts';
import { ModePlay } from './mode-play.ts';
import type { Incident, Script, Solo } from './script.ts';
import type { SimAccount } from './server.ts';
import { treeOf } from './sharing/members.ts';
import type { ShareDeed } from './sharing/script.ts';
import { Sharing } from './sharing/sharing.ts';
import { Users, type UserAct } from './users.ts';

const PATIENCE_MS = 30 * 60_000;

/** One history as it goes: a storm of users and faults, then calm, then users one at a time. */
export class History {
  readonly devices: readonly SimDevice[];
  readonly #world: World;
  readonly #script: Script;
  readonly #ledger = new Ledger();
  readonly #users: Users;
  readonly #sharing: Sharing | undefined;
  readonly #modes: ModePlay;
  /** What the accounts have, as of the last time that all agreed. */
  #agreed: ReadonlyMap<SimAccount, View> = new Map();
  #rounds = 0;
  #conflicts = 0;
  #decisions = 0;
  #databasesTakenBack = 0;
  #restoresToCome = 0;

  constructor(world: World, script: Script) {
    this.#world = world;
    this.#script = script;
    const { sharing } = script;
    this.devices = Array.from(
      { length: script.devices },
      (_, index) => new SimDevice(world, `d${index}`, sharing?.owners[index]),
    );
    const { server, scheduler, chance } = world;
    const among = { server, scheduler, chance, devices: this.devices, ledger: this.#ledger };
    this.#sharing = sharing && new Sharing(among);
    this.#users = new Users(this.devices, this.#ledger, { scheduler: world.scheduler, habits: script });
    this.#modes = new ModePlay(this.devices, world, { modes: script.modes, ledger: this.#ledger });
  }

  async run(): Promise<void> {
    const { scheduler, chance } = this.#world;
    const { acts, incidents, spanMs, solos, sharing } = this.#script;
    if (sharing !== undefined && sharing.prelude.length > 0) await this.#prelude(sharing.prelude);
    for (const device of this.devices)
      scheduler.after(
        chance.happens(0.8) ? chance.between(0, 20) : chance.between(0, spanMs),
        () => device.running ?? device.start(),
      );
    await this.#storm(acts, incidents, sharing?.deeds);
    this.#heal();
    await this.#settle();
    await this.#end();
    for (const solo of solos) await this.#playSolo(solo);
    if (sharing === undefined) await this.#examine();
  }

  async #examine(): Promise<void> {
    const { server } = this.#world;
    await this.#complete(examine({ devices: this.devices, server, isDamaged: this.#script.modes.damages }));
  }

  /** All agree: rightly, and still when nothing is left alone any more. */
  async #end(): Promise<void> {
    await this.#check();
    if (this.#script.modes.ignores) await this.#examine();
    while (this.#modes.lift()) {
      await this.#settle();
      await this.#check();
    }
  }

  async #playSolo({ device: index, acts, incidents }: Solo): Promise<void> {
    const device = this.devices[index]!;
    Object.assign(this.#world.faults, this.#script.faults, { diskError: 0 });
    if (this.#sharing !== undefined) await this.#complete(this.#sharing.beginSolo(device));
    this.#modes.beginSolo();
    await this.#storm(acts, incidents);
    // Nobody else did anything: this is how it has to be everywhere.
    const expected = device.tree();
    this.#heal();
    await this.#settle();
    const server = this.#agreed.get(device.account)!;
    const different = this.#modes.soloDifference(device, expected, server);
    if (different !== undefined && this.#sharing?.isExact !== false)
      throw new Violation('P2/P8/P9', `what one user did alone came out otherwise: end | done\n${different}`);
    await this.#end();
  }

  /** All is well while a folder with something in it is shared. */
  async #prelude(acts: readonly UserAct[]): Promise<void> {
    for (const device of this.devices) device.start();
    Object.assign(this.#world.faults, NO_FAULTS);
    await this.#storm(acts, []);
    await this.#settle();
    await this.#complete(this.#sharing!.shareFirst());
    Object.assign(this.#world.faults, this.#script.faults);
  }

  /** Something that takes its turns among all the others. */
  async #complete(work: Promise<void>): Promise<void> {
    let isDone = false;
    work.then(
      () => (isDone = true),
      (error: unknown) => (this.#world.scheduler.failure ??= error),
    );
    await this.#world.scheduler.run(() => isDone, Infinity);
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
      shared: this.#sharing === undefined ? 0 : 1,
      decisions: this.#decisions,
    };
  }

  /** Users act and things go wrong, until all of it has happened. */
  async #storm(
    acts: readonly UserAct[],
    incidents: readonly Incident[],
    deeds: readonly ShareDeed[] = [],
  ): Promise<void> {
    const { scheduler } = this.#world;
    const beginning = scheduler.now;
    let last = beginning;
    let left = acts.length + incidents.length + deeds.length;
    for (const act of acts) {
      last = Math.max(last, beginning + act.atMs);
      scheduler.after(act.atMs, () => {
        left--;
        this.#act(act);
      });
    }
    for (const deed of deeds) {
      scheduler.after(deed.atMs, () => {
        left--;
        this.#sharing?.begin(deed);
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

  #act(act: UserAct): void {
    const device = this.devices[act.device]!;
    this.#sharing?.look(device);
    this.#users.act(act, createChance(act.lot));
    this.#modes.acted(device);
    this.#sharing?.look(device);
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
    await this.#sharing?.refresh();
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
    this.#modes.heal();
    for (const { line, disk } of this.devices) {
      line.isUp = true;
      disk.mount();
    }
    void this.#startServer();
  }

  /** P5, H103: until every device says that it is in sync and nothing changes any more; then they have to agree. */
  async #settle(): Promise<void> {
    const { scheduler, server } = this.#world;
    const deadline = scheduler.now + PATIENCE_MS;
    const isUp = () => this.devices.every(({ running }) => running !== undefined) && server.services !== undefined;
    await scheduler.run(() => isUp() && this.#restoresToCome === 0, deadline);
    await scheduler.run(isUp, deadline);
    // Power cuts that were still to come, and trash that was written to (H15).
    await scheduler.run(() => false, scheduler.now + 12_000);
    for (;;) {
      const isStuck = await this.#isStill(deadline);
      if (isStuck === undefined) continue;
      // What downloads that came to nothing have left goes with the next tick of the housekeeping.
      await scheduler.run(() => false, scheduler.now + 6000);
      if (isStuck) {
        await this.#decide();
        continue;
      }
      for (const view of this.#agreed.values()) await this.#modes.checkSettled(view);
      return;
    }
  }

  /** Undefined while something changes; true when what is left is for people to decide. */
  async #isStill(deadline: number): Promise<boolean | undefined> {
    this.#rounds++;
    for (const device of this.devices) this.#include(device);
    this.#modes.resumeAll();
    const before = await this.#state();
    for (const { running } of this.devices) running?.control.syncNow();
    const { isStuck, held } = await this.#wait(deadline);
    const after = await this.#state();
    if (held !== undefined) {
      await this.#modes.decideHeld(held, after.views.get(held.account)!);
      return undefined;
    }
    if (before.text !== after.text) return undefined;
    if (isStuck) return true;
    const different = disagreement(this.devices, ({ account }) => after.views.get(account)!);
    if (different !== undefined)
      throw new Violation('P4/H103', `all say that they are in sync, and are not:\n${different}`);
    this.#agreed = after.views;
    return false;
  }

  async #decide(): Promise<void> {
    this.#decisions++;
    await this.#sharing!.checkStuck();
    await this.#check();
    await this.#complete(this.#sharing!.decide());
  }

  async #state() {
    const { server } = this.#world;
    const views = new Map<SimAccount, View>();
    for (const account of server.accounts)
      views.set(account, serverView(await treeOf(server, account), account.rootId));
    const trees = this.devices.map((device) => [...device.tree()].sort());
    return { views, text: JSON.stringify([Array.from(views.values(), (view) => [...view].sort()), trees]) };
  }

  /** @returns whether a device has something that only people can decide, and one on which deletions are held */
  async #wait(deadline: number): Promise<{ readonly isStuck: boolean; readonly held: SimDevice | undefined }> {
    const { scheduler } = this.#world;
    let isStuck = false;
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
        if (outcome === '{"outcome":"synced"}') break;
        if (outcome === '{"outcome":"held"}' && this.#sharing === undefined) {
          held ??= device;
          break;
        }
        if (this.#sharing?.isForPeople(device)) {
          isStuck = true;
          break;
        }
        if (scheduler.now < deadline && outcome !== undefined) {
          await scheduler.run(() => false, Math.min(deadline, scheduler.now + 2000));
          await this.#modes.clearTheWay(async () => (await this.#state()).views.get(device.account)!);
          running.control.syncNow();
          continue;
        }
        throw new Violation('P5', `${device.name} does not come to an end: ${outcome ?? ''} ${describe(device)}`);
      }
    }
    return { isStuck, held };
  }

  async #check(): Promise<void> {
    const [first] = this.devices;
    this.#conflicts += [...first!.tree().keys()].filter((path) => path.includes('conflicted copy')).length;
    const mayDuplicate = this.#databasesTakenBack > 0 || this.#modes.mayDuplicate;
    checkContents({
      devices: this.devices,
      ledger: this.#ledger,
      mayDuplicate,
      servers: this.#modes.leavesOnServer ? this.#agreed.values() : [],
    });
    checkStaging(this.devices.filter((device) => !this.#sharing?.isForPeople(device)));
    await this.#sharing?.check();
  }
}
