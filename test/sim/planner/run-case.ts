import type { ObjectId } from '@satchel/protocol/ids.ts';
import { checkOutcome } from './checks.ts';
import { ModelDevice, type Luck } from './model-device.ts';
import { ModelServer } from './model-server.ts';
import { hide, reveal } from './model-disk-trouble.ts';
import { Ledger, ModelUser, USER_ACTIONS, type UserAction } from './model-user.ts';

export const MACHINE_ACTIONS = ['sync', 'run', 'crash', 'hide', 'reveal', 'exclude', 'loseState'] as const;
export const ACTIONS = [...USER_ACTIONS, ...MACHINE_ACTIONS] as const;
export type ActionName = (typeof ACTIONS)[number];

export interface Action {
  readonly device: number;
  readonly name: ActionName;
  readonly first: number;
  readonly second: number;
}

/** A whole case as plain data, so that it can be printed, replayed and made smaller. */
export interface Case {
  readonly devices: number;
  readonly limit: number;
  /** The last device may only read. */
  readonly viewer: boolean;
  /** On one device, before the others see anything: the tree that is then perturbed. */
  readonly beginning: readonly Action[];
  readonly actions: readonly Action[];
}

export interface Figures {
  readonly plans: number;
  readonly steps: number;
  readonly conflicts: number;
}

/** All settled within this many rounds of all devices, whatever happened before (C6). */
const MAX_ROUNDS = 40;

/** Plays a case to its end. @throws Error naming the rule that does not hold */
export function runCase(given: Case): Figures {
  const rootId = 'root' as ObjectId;
  const server = new ModelServer(rootId);
  const ledger = new Ledger();
  let ids = 0;
  const freshId = () => `o${++ids}` as ObjectId;
  const devices = Array.from({ length: given.devices }, (_, index) => {
    const canWrite = !given.viewer || index < given.devices - 1;
    return new ModelDevice(server, { name: `d${index}`, canWrite, limit: given.limit, freshId });
  });
  const users = devices.map((device) => new ModelUser(device, ledger));
  const figures = { plans: 0, steps: 0, conflicts: 0 };
  for (const { name, first, second } of given.beginning) users[0]?.act(name as UserAction, first, second);
  settle(devices, figures);
  ledger.movedTo.clear();
  ledger.movers.clear();
  const [lostState, exclusions] = (['loseState', 'exclude'] as const).map((name) =>
    given.actions.some((action) => action.name === name),
  ) as [boolean, boolean];
  for (const action of given.actions) {
    const index = action.device % devices.length;
    perform(action, devices[index]!, users[index]!);
  }
  for (const device of devices) {
    device.crash();
    reveal(device);
  }
  settle(devices, figures);
  checkOutcome({ devices, server, ledger, lostState, exclusions });
  for (const device of devices) figures.steps += device.stepsRun;
  return figures;
}

function perform({ name, first, second }: Action, device: ModelDevice, user: ModelUser): void {
  switch (name) {
    case 'sync':
      if (device.pending > 0 && first % 3 === 0) device.crash();
      device.sync();
      if (first % 2 === 0) device.runAll();
      return;
    case 'run': {
      const luck = (['well', 'well', 'well', 'fails', 'reply lost'] as const satisfies Luck[])[first % 5]!;
      for (let steps = second % 4; steps >= 0; steps--) device.runOne(first + steps, luck);
      return;
    }
    case 'crash':
      return device.crash();
    case 'hide':
      return hide(device, first);
    case 'reveal':
      return reveal(device);
    case 'exclude': {
      const folders = [...device.remote.values()].filter((node) => node.content.kind === 'folder');
      const folder = folders[first % Math.max(1, folders.length)];
      if (!folder) return;
      if (!device.excludedFolders.delete(folder.objectId)) device.excludedFolders.add(folder.objectId);
      return;
    }
    case 'loseState':
      reveal(device);
      return device.loseState();
    default:
      user.act(name, first, second);
  }
}

/** Some turns of one device; false when it did something or is not done. */
function settleOne(device: ModelDevice, figures: { plans: number; conflicts: number }): boolean {
  let idle = true;
  // So many plans offer every dirty object once.
  let turns = 3 + Math.ceil(device.dirty.size / device.options.limit);
  for (; turns > 0; turns--) {
    const made = device.sync();
    figures.plans++;
    figures.conflicts += made.steps.filter((step) => step.kind === 'keepCopy' || step.remark).length;
    if (made.steps.length > 0) idle = false;
    device.runAll();
    if (made.steps.length === 0 && !made.more) break;
  }
  // What hangs on a viewer's own change waits as long as that stays a problem.
  return idle && (device.dirty.size === 0 || !device.options.canWrite);
}

/** Everybody lists, plans and runs until nobody has anything to do. */
export function settle(devices: readonly ModelDevice[], figures = { plans: 0, conflicts: 0 }): void {
  for (const device of devices) for (const id of device.problems) device.dirty.add(id);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    let idle = true;
    for (const device of devices) if (!settleOne(device, figures)) idle = false;
    if (idle) return;
  }
  const stuck = devices.map((device) => ({ name: device.options.name, plan: device.lastPlan }));
  throw new Error(`C6: not settled after ${MAX_ROUNDS} rounds: ${JSON.stringify(stuck)}`);
}
