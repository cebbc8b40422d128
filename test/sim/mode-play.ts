import { IGNORE_FILE } from '@satchel/core/ignore-rules.ts';
import type { Chance } from './chance.ts';
import { difference, Violation } from './checks.ts';
import type { SimDevice, World } from './device.ts';
import { rulesOf } from './ignoring.ts';
import { clashing, hasAlike, type View } from './left-out.ts';
import type { Ledger } from './ledger.ts';
import { KilledError, wallMs } from './machine.ts';
import type { ModeIncidentKind, Modes } from './modes.ts';

interface ModeIncident {
  readonly kind: ModeIncidentKind;
  /** Virtual ms. */
  readonly lastsMs: number;
}

/** A pause that ends later than this is ended by the user. */
const PATIENT_MS = 30_000;

/** What the modes of a history do to it. */
export class ModePlay {
  readonly #devices: readonly SimDevice[];
  readonly #world: World;
  readonly #modes: Modes;
  readonly #ledger: Ledger;
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
  }

  /**
   * Merging what was ignored is a first contact: what stood on both sides under two names stands twice. So does what
   * was moved to where its name clashes, which is gone for the others, and moved by one of them.
   */
  get mayDuplicate(): boolean {
    return this.#modes.ignores || this.#hasClashed;
  }

  befall({ kind, lastsMs }: ModeIncident, device: SimDevice, chance: Chance): void {
    if (kind === 'pause') this.#pause(device, chance.happens(0.5) ? lastsMs : undefined, lastsMs);
    else this.#decide(device, chance.happens(0.5));
  }

  #pause(device: SimDevice, forMs: number | undefined, lastsMs: number): void {
    const { scheduler } = this.#world;
    const until = forMs === undefined ? undefined : wallMs(scheduler, device.wall) + Math.ceil(forMs);
    this.#command(() => device.running?.control.pause(until));
    if (until === undefined) scheduler.after(lastsMs, () => this.#command(() => device.running?.control.resume()));
  }

  #decide({ running }: SimDevice, accepts: boolean): void {
    const { signal } = new AbortController();
    const { scheduler } = this.#world;
    this.#hasUndone ||= !accepts;
    this.#command(async () => {
      const count = accepts ? await running?.control.acceptHeld(signal) : await running?.control.undoHeld(signal);
      scheduler.note(`${accepts ? 'accepted' : 'undone'}: ${count ?? 'nobody is there'}`);
    });
  }

  /** One that the daemon does not survive is answered by nobody. */
  #command(command: () => unknown): void {
    Promise.try(command).catch((error: unknown) => {
      if (!(error instanceof KilledError)) this.#world.scheduler.failure ??= error;
    });
  }

  /** Users end what would keep their devices from coming to an end. */
  resumeAll(): void {
    for (const { running, wall } of this.#devices) {
      this.#command(() => {
        const until = running?.daemon.pause.until() ?? 0;
        if (until > wallMs(this.#world.scheduler, wall) + PATIENT_MS) running?.control.resume();
      });
    }
  }

  /** A rule for folders only lets a file of the same name come, which the ignored folder is in the way of. */
  clearTheWay(): void {
    if (!this.#modes.ignores) return;
    for (const device of this.#devices) {
      const { running, disk, name } = device;
      for (const { code, path } of running?.control.status().problems ?? []) {
        const isInTheWay = code === 'stuck' && rulesOf(device).ignores(path, disk.find(path)?.type === 'folder');
        if (!isInTheWay || disk.find(path) === undefined) continue;
        this.#world.scheduler.note(`user of ${name} makes way at ${path}`);
        disk.rename(path, `of ${name} ${this.#world.chance.below(2 ** 30)}`);
        break;
      }
    }
  }

  /** Nothing else is to be done any more: the user of a device decides on what is held. */
  async decideHeld(device: SimDevice, server: View): Promise<void> {
    const { scheduler, chance } = this.#world;
    const accepts = chance.happens(0.5);
    this.#undone = accepts ? undefined : server;
    this.#decide(device, accepts);
    await scheduler.run(() => false, scheduler.now + 2000);
  }

  /** All is in sync. What was undone last has to be there. */
  checkUndone(server: View): void {
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
    const leftOut = new Set([...now].flatMap(([path, what]) => (rules.ignores(path, what === 'folder') ? [what] : [])));
    for (const [path, what] of now) {
      if (expected.get(path) === what) continue;
      // What is ignored stays on the server, and its folders with it; they have their names before what was made there.
      const isForIgnored = what === 'folder' && ignored.some((below) => below.startsWith(`${path}/`));
      if (isForIgnored && expected.has(path)) return undefined;
      // Moved, and ignored before the move was on the server: there it never went.
      if (isForIgnored || leftOut.has(what)) now.delete(path);
    }
    return difference(now, expected);
  }
}
