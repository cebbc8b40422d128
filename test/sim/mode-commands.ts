import { CodedError } from '@satchel/protocol/errors.ts';
import type { Chance } from './chance.ts';
import type { SimDevice, World } from './device.ts';
import type { Ledger } from './ledger.ts';
import { KilledError, wallMs } from './machine.ts';
import type { ModeIncidentKind } from './modes.ts';

export interface ModeIncident {
  readonly kind: ModeIncidentKind;
  /** Virtual ms. */
  readonly lastsMs: number;
}

/** Commands of users, and what befalls the server, in histories that play them. */
export class ModeCommands {
  readonly #world: World;
  readonly #ledger: Ledger;

  constructor(world: World, ledger: Ledger) {
    this.#world = world;
    this.#ledger = ledger;
  }

  befall({ kind, lastsMs }: ModeIncident, device: SimDevice, chance: Chance): void {
    switch (kind) {
      case 'pause':
        return this.#pause(device, chance.happens(0.5) ? lastsMs : undefined, lastsMs);
      case 'decideHeld':
        return this.decide(device, chance.happens(0.5));
      case 'resolve':
        return this.command(() => this.#resolve(device, chance));
      case 'quota':
        this.setQuota(chance.pick([0, 50, 200, 500, 2000]));
        this.#world.scheduler.after(lastsMs, () => this.setQuota(undefined));
        return;
      case 'damage':
        return this.#damage(chance);
    }
  }

  /** One that the daemon does not survive is answered by nobody. */
  command(command: () => unknown): void {
    Promise.try(command).catch((error: unknown) => {
      if (!(error instanceof KilledError)) this.#world.scheduler.failure ??= error;
    });
  }

  decide({ running }: SimDevice, accepts: boolean): void {
    const { signal } = new AbortController();
    const { scheduler } = this.#world;
    this.command(async () => {
      const count = accepts ? await running?.control.acceptHeld(signal) : await running?.control.undoHeld(signal);
      scheduler.note(`${accepts ? 'accepted' : 'undone'}: ${count ?? 'nobody is there'}`);
    });
  }

  setQuota(bytes: number | undefined): void {
    const { scheduler, server } = this.#world;
    scheduler.note(`the quota is ${bytes ?? 'as wanted'}`);
    this.command(() => server.setQuota(bytes));
  }

  #pause(device: SimDevice, forMs: number | undefined, lastsMs: number): void {
    const { scheduler } = this.#world;
    const until = forMs === undefined ? undefined : wallMs(scheduler, device.wall) + Math.ceil(forMs);
    this.command(() => device.running?.control.pause(until));
    if (until === undefined) scheduler.after(lastsMs, () => this.command(() => device.running?.control.resume()));
  }

  /** The user has both before them and keeps one, or both. */
  async #resolve({ running, disk, name }: SimDevice, chance: Chance): Promise<void> {
    const conflicts = running?.control.conflicts() ?? [];
    if (running === undefined || conflicts.length === 0) return;
    const { path, original } = chance.pick(conflicts);
    const keep = chance.pick(['local', 'remote', 'both'] as const);
    this.#world.scheduler.note(`user of ${name} resolves ${path}: ${keep}`);
    const given = keep === 'remote' ? path : keep === 'local' ? original : undefined;
    const inode = given === undefined ? undefined : disk.find(given);
    if (inode?.type === 'file') this.#ledger.letGo(inode.data);
    try {
      await running.control.resolveConflict(path, keep);
    } catch (error) {
      // It is answered with why it could not be done.
      if (!(error instanceof CodedError) && !(error instanceof Error && 'path' in error)) throw error;
    }
  }

  #damage(chance: Chance): void {
    const { scheduler, server } = this.#world;
    const key = server.damage(chance);
    scheduler.note(`damaged: ${key ?? 'there is nothing yet'}`);
    if (chance.happens(0.5)) this.command(() => server.services?.blocks.upkeep.scrub());
  }
}
