import type { Chance } from './chance.ts';
import type { SimDevice } from './device.ts';
import { Doing, type Habits, type Handle } from './doing.ts';
import { DiskError } from './disk.ts';
import type { Ledger } from './ledger.ts';
import { doIgnoring } from './ignoring.ts';
import { editLong } from './long-files.ts';
import { IGNORING_ACTS, LONG_ACTS, type ModeActKind } from './modes.ts';
import type { Scheduler } from './scheduler.ts';

/** One thing that a user does; drawn beforehand, so that a failing history can be shortened by leaving some out. */
export interface UserAct {
  readonly atMs: number;
  readonly device: number;
  readonly kind: UserActKind | ModeActKind;
  /** Chooses paths, names and the like when the act is done. */
  readonly lot: number;
}

export const USER_ACTS = [
  'create',
  'create',
  'create',
  'edit',
  'edit',
  'edit',
  'append',
  'replaceSave',
  'backupSave',
  'rename',
  'rename',
  'move',
  'move',
  'moveOver',
  'swap',
  'delete',
  'delete',
  'mkdir',
  'mkdir',
  'rmTree',
  'moveFolder',
  'moveFolder',
  'chmod',
  'symlink',
  'typeChange',
  'caseRename',
  'hold',
  'holdWrite',
  'release',
  'renameRecreate',
  'sameContent',
  'truncate',
  'mkTree',
  'touch',
] as const;
export type UserActKind = (typeof USER_ACTS)[number];

/** People at their machines: they see what lies on their own disk, and change it. */
export class Users {
  readonly #devices: readonly SimDevice[];
  readonly #ledger: Ledger;
  readonly #scheduler: Scheduler;
  readonly #handles: Handle[] = [];
  readonly #habits: Habits;
  done = 0;

  constructor(
    devices: readonly SimDevice[],
    ledger: Ledger,
    { scheduler, habits }: { scheduler: Scheduler; habits: Habits },
  ) {
    this.#devices = devices;
    this.#ledger = ledger;
    this.#scheduler = scheduler;
    this.#habits = habits;
  }

  act(act: UserAct, chance: Chance): void {
    const device = this.#devices[act.device]!;
    if (!device.disk.isMounted) return;
    try {
      const tools = { chance, ledger: this.#ledger, handles: this.#handles, habits: this.#habits };
      const { kind } = act;
      const what = isAmong(IGNORING_ACTS, kind)
        ? doIgnoring(kind, device, tools)
        : isAmong(LONG_ACTS, kind)
          ? editLong(kind, device, tools)
          : new Doing(device, tools)[kind]();
      if (what === undefined) return;
      this.done++;
      this.#scheduler.note(`user of ${device.name} ${act.kind} ${what}`);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
    }
  }

  /** All programs are closed. */
  releaseAll(): void {
    for (const { device, inode } of this.#handles.splice(0)) device.disk.closed(inode);
  }

  /** Programs of a machine that lost power. */
  forget(device: SimDevice): void {
    for (let at = this.#handles.length - 1; at >= 0; at--)
      if (this.#handles[at]!.device === device) this.#handles.splice(at, 1);
  }
}

function isAmong<T extends ModeActKind>(kinds: readonly T[], kind: UserAct['kind']): kind is T {
  return kinds.some((one) => one === kind);
}
