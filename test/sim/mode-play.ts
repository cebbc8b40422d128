import { IGNORE_FILE } from '@satchel/core/ignore-rules.ts';
import type { Chance } from './chance.ts';
import { difference, isListed, Violation, type View } from './checks.ts';
import type { SimDevice, World } from './device.ts';
import { chunksOf } from './hashing.ts';
import { rulesOf } from './ignoring.ts';
import { clashing, hasAlike } from './left-out.ts';
import type { Ledger } from './ledger.ts';
import { wallMs } from './machine.ts';
import { ModeCommands, type ModeIncident } from './mode-commands.ts';
import type { Modes } from './modes.ts';

/** A device that missed the ping asks with the next listing that nothing gives rise to. */
const HEALING_MS = 30 * 60_000;
/** A pause that ends later than this is ended by the user. */
const PATIENT_MS = 30_000;

/** What the modes of a history do to it. */
export class ModePlay {
  readonly #devices: readonly SimDevice[];
  readonly #world: World;
  readonly #modes: Modes;
  readonly #ledger: Ledger;
  readonly #commands: ModeCommands;
  /** What the server had when deletions were undone; nobody has deleted any of it since. */
  #undone: View | undefined;
  #hasUndone = false;
  #hasClashed = false;
  /** The ignore file of the one who acts alone, each time it changed. */
  #rules: (string | undefined)[] = [];

  constructor(devices: readonly SimDevice[], world: World, { modes, ledger }: { modes: Modes; ledger: Ledger }) {
    this.#devices = devices;
    this.#world = world;
    this.#modes = modes;
    this.#ledger = ledger;
    this.#commands = new ModeCommands(world, ledger);
  }

  /**
   * Merging what was ignored is a first contact: what stood on both sides under two names stands twice. So does what
   * was moved to where its name clashes, which is gone for the others, and moved by one of them.
   */
  get mayDuplicate(): boolean {
    return this.#modes.ignores || this.#hasClashed;
  }

  /** What is ignored everywhere may be on the server only. */
  get leavesOnServer(): boolean {
    return this.#modes.ignores;
  }

  befall(incident: ModeIncident, device: SimDevice, chance: Chance): void {
    this.#hasUndone ||= incident.kind === 'decideHeld';
    this.#commands.befall(incident, device, chance);
  }

  /** All is well again: there is room. */
  heal(): void {
    if (this.#modes.quotas) this.#commands.setQuota(undefined);
  }

  /** H93: what the server has lost is there again, sent by devices that have it. */
  async #checkHealed(agreed: View): Promise<void> {
    if (!this.#modes.damages) return;
    const { scheduler, server } = this.#world;
    const listed = new Set(agreed.values());
    const wanted = new Set<string>();
    for (const { disk } of this.#devices) {
      for (const [, { type, data }] of disk.walk())
        if (type === 'file' && isListed(listed, this.#ledger.hashOf(data.toString('latin1'))))
          for (const { id } of chunksOf(data)) wanted.add(id);
    }
    const deadline = scheduler.now + HEALING_MS;
    let damaged: ReadonlySet<string> = wanted;
    for (; scheduler.now < deadline; await scheduler.run(() => false, scheduler.now + 10_000)) {
      let isLookedAt = false;
      this.#commands.command(async () => {
        damaged = await server.damaged();
        isLookedAt = true;
      });
      await scheduler.run(() => isLookedAt, Infinity);
      if (damaged.isDisjointFrom(wanted)) return;
    }
    throw new Violation('H93', `${[...damaged.intersection(wanted)].join(', ')} are still damaged`);
  }

  /** Users end what would keep their devices from coming to an end. */
  resumeAll(): void {
    for (const { running, wall } of this.#devices) {
      this.#commands.command(() => {
        const until = running?.daemon.pause.until() ?? 0;
        if (until > wallMs(this.#world.scheduler, wall) + PATIENT_MS) running?.control.resume();
      });
    }
  }

  /** A folder that is ignored as such, or stays for what is ignored in it, is in the way of a file of its name. */
  async clearTheWay(view: () => Promise<View>): Promise<void> {
    if (!this.#modes.ignores) return;
    const server = await view();
    for (const device of this.#devices) {
      const isStuck = device.running?.control.status().problems.some(({ code }) => code === 'stuck');
      if (isStuck !== true) continue;
      const rules = rulesOf(device);
      const isIgnored = (path: string, what: string) => rules.ignores(path, what === 'folder');
      for (const [path, what] of device.tree()) {
        const there = server.get(path);
        const isFolder = (one: string) => one === 'folder';
        if (there === undefined || isIgnored(path, there) || isFolder(what) === isFolder(there)) continue;
        this.#world.scheduler.note(`user of ${device.name} makes way at ${path}`);
        device.disk.rename(path, `of ${device.name} ${this.#world.chance.below(2 ** 30)}`);
        break;
      }
    }
  }

  /** Nothing else is to be done any more: the user of a device decides on what is held. */
  async decideHeld(device: SimDevice, server: View): Promise<void> {
    const { scheduler, chance } = this.#world;
    const accepts = chance.happens(0.5);
    this.#undone = accepts ? undefined : server;
    this.#hasUndone ||= !accepts;
    this.#commands.decide(device, accepts);
    await scheduler.run(() => false, scheduler.now + 2000);
  }

  /** All is in sync. */
  async checkSettled(server: View): Promise<void> {
    this.#checkUndone(server);
    await this.#checkHealed(server);
  }

  /** What was undone last has to be there. */
  #checkUndone(server: View): void {
    const undone = this.#undone;
    this.#undone = undefined;
    if (undone === undefined) return;
    const contents = new Set(server.values());
    for (const [path, what] of undone)
      if (what.startsWith('file') && !contents.has(what)) throw new Violation('H69', `${path} did not come back`);
  }

  /** What lets devices have something of their own is taken back by a user. False: there is none of it. */
  lift(): boolean {
    const { scheduler, chance } = this.#world;
    let isLifted = this.#modes.ignores && this.#ignoreNothing();
    for (const each of this.#modes.hasBothForms ? this.#devices : []) {
      for (const path of clashing(each)) {
        scheduler.note(`user of ${each.name} renames ${path}, which clashes`);
        each.disk.rename(path, `of ${each.name} ${chance.below(2 ** 30)}`);
        isLifted = true;
        break;
      }
    }
    return isLifted;
  }

  #ignoreNothing(): boolean {
    const { scheduler, chance } = this.#world;
    const { name, disk } = chance.pick(this.#devices);
    const rules = disk.find(IGNORE_FILE);
    if (rules?.type !== 'file') return false;
    scheduler.note(`user of ${name} ignores nothing any more`);
    this.#ledger.letGo(rules.data);
    disk.unlink(IGNORE_FILE);
    return true;
  }

  beginSolo(): void {
    this.#hasUndone = false;
    this.#rules = [undefined];
  }

  acted(device: SimDevice): void {
    if (this.#modes.hasBothForms) this.#hasClashed ||= hasAlike(device);
    const text = device.disk.find(IGNORE_FILE)?.data.toString();
    if (text !== this.#rules.at(-1)) this.#rules.push(text);
  }

  /** P2, P8, P9 where rules, or the user, have not brought something back. */
  soloDifference(device: SimDevice, expected: View, server: View): string | undefined {
    if (this.#hasUndone || this.#rules.length > 2) return undefined;
    const rules = rulesOf(device);
    const ignored = [...server].flatMap(([path, what]) => (rules.ignores(path, what === 'folder') ? [path] : []));
    const now = new Map(device.tree());
    // An ignored folder has a name on the server that a file wants: that has got another one.
    if (ignored.some((path) => expected.has(path) && !now.has(path))) return undefined;
    for (const [path, what] of now) {
      if (expected.get(path) === what) continue;
      // What is ignored stays on the server, and its folders with it; they have their names before what was made there.
      const isForIgnored = what === 'folder' && ignored.some((below) => below.startsWith(`${path}/`));
      if (isForIgnored && expected.has(path)) return undefined;
      // Moved or deleted, and ignored before that was on the server: there it never went.
      if (isForIgnored || (this.#rules.length > 1 && !expected.has(path))) now.delete(path);
    }
    return difference(now, expected);
  }
}
