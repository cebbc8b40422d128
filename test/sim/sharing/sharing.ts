import { TREE_ROOT } from '@satchel/client/daemon/assembly.ts';
import { objectAt } from '@satchel/client/state/paths.ts';
import type { ObjectId } from '@satchel/protocol/ids.ts';
import type { ObjectRecord } from '@satchel/protocol/objects.ts';
import type { Chance } from '../chance.ts';
import { difference, hashedTree, serverView, Violation, type View } from '../checks.ts';
import { describe } from '../describing.ts';
import type { SimDevice } from '../device.ts';
import type { Ledger } from '../ledger.ts';
import type { Scheduler } from '../scheduler.ts';
import type { SimServer } from '../server.ts';
import { Deeds } from './deeds.ts';
import { treeOf } from './members.ts';
import type { ShareDeed } from './script.ts';
import { Whereabouts } from './whereabouts.ts';

interface SharingDeps {
  readonly server: SimServer;
  readonly scheduler: Scheduler;
  readonly chance: Chance;
  readonly devices: readonly SimDevice[];
  readonly ledger: Ledger;
}

/** What a person has to decide: these changes stay where they were made. */
const DECISIONS: ReadonlySet<string> = new Set(['read_only', 'mount_gone']);

/** Shared folders in a history: who shares what, where contents have lain, and what people do about what is stuck. */
export class Sharing {
  readonly #deps: SharingDeps;
  readonly #whereabouts: Whereabouts;
  readonly #deeds: Deeds;
  #takenOver = 0;
  #isExact = true;

  constructor(deps: SharingDeps) {
    this.#deps = deps;
    this.#whereabouts = new Whereabouts(deps.ledger);
    this.#deeds = new Deeds({ ...deps, whereabouts: this.#whereabouts });
  }

  begin(deed: ShareDeed): void {
    this.#deeds.do(deed).catch((error: unknown) => (this.#deps.scheduler.failure ??= error));
  }

  /** The server was started again, maybe as it was long ago. */
  refresh(): Promise<void> {
    return this.#deeds.refresh();
  }

  /** The first account shares one of its folders with the second, if it has one. */
  shareFirst(): Promise<void> {
    return this.#deeds.do({ atMs: 0, kind: 'share', account: 0, lot: 1 });
  }

  /** Before and after whatever its user does. */
  look(device: SimDevice): void {
    this.#whereabouts.look(device);
    this.#isExact &&= this.#whereabouts.areIntact(device);
  }

  /** From now on one user acts alone; mostly one who may write everywhere. */
  async beginSolo({ account }: SimDevice): Promise<void> {
    if (this.#deps.chance.happens(0.7)) await this.#deeds.makeAllEditors();
    this.#isExact = this.#whereabouts.memberships.every((each) => each.account !== account || each.role !== 'viewer');
  }

  /** Whether what the one user did goes up whole: they may write everywhere and have left the shared folders alone. */
  get isExact(): boolean {
    return this.#isExact;
  }

  /** Whether the device cannot be in sync because people have to decide, and for no other reason. */
  isForPeople({ running }: SimDevice): boolean {
    const problems = running?.control.status().problems ?? [];
    return problems.length > 0 && problems.every(({ code }) => DECISIONS.has(code));
  }

  /**
   * With changes that cannot go up, devices still agree on everything else: what lies in a shared folder that may only
   * be viewed, or where one was, may differ, and so may what waits for it, as the originals of what was moved there.
   */
  async checkStuck(): Promise<void> {
    const { server, devices } = this.#deps;
    for (const device of devices) {
      const { trees, engine, objectProblems } = device.running!.daemon.parts;
      const objects = await treeOf(server, device.account);
      const view = serverView(objects, device.account.rootId);
      const idAt = idsByPath(objects);
      const open = new Set([...engine.outstanding(), ...objectProblems.all().map(({ objectId }) => objectId)]);
      for (const { account, role, mountId } of this.#whereabouts.memberships)
        if (account === device.account && role === 'viewer') open.add(mountId);
      const isLenient = (path: string) => {
        const above = path.split('/').map((_name, depth, names) => names.slice(0, depth + 1).join('/'));
        const ids = above.flatMap((each) => [idAt.get(each), objectAt(trees.local, each, TREE_ROOT)?.objectId]);
        return ids.some((id) => id !== undefined && open.has(id));
      };
      const strict = (whole: View): View => new Map([...whole].filter(([path]) => !isLenient(path)));
      const different = difference(strict(hashedTree(device)), strict(view));
      if (different !== undefined)
        throw new Violation(
          'P4',
          `${device.name} | server, apart from what is stuck\n${different}\n${describe(device)}`,
        );
    }
  }

  /** People do as the messages say: who may not write is allowed to, and what a share left behind is moved away. */
  async decide(): Promise<void> {
    const { devices, scheduler } = this.#deps;
    const decisions = devices.flatMap((device) => problemsOf(device).map((each) => ({ device, ...each })));
    for (const { device, code, path } of decisions) {
      if (code !== 'mount_gone' || device.disk.find(path) === undefined) continue;
      const to = `own${this.#takenOver++}`;
      this.look(device);
      device.disk.rename(path, to);
      this.look(device);
      scheduler.note(`user of ${device.name} takes over ${path} as ${to}`);
    }
    if (decisions.some(({ code }) => code === 'read_only')) await this.#deeds.makeAllEditors();
  }

  async check(): Promise<void> {
    this.#whereabouts.check(this.#deps.devices);
    const findings = await this.#deps.server.doctor();
    if (findings.length > 0) throw new Violation('doctor', JSON.stringify(findings));
  }
}

function problemsOf({ running }: SimDevice) {
  return running?.control.status().problems ?? [];
}

function idsByPath(objects: readonly ObjectRecord[]): ReadonlyMap<string, ObjectId> {
  const byId = new Map(objects.map((object) => [object.objectId, object]));
  const pathOf = ({ name, parentId }: ObjectRecord): string => {
    const folder = byId.get(parentId);
    return folder === undefined ? name : `${pathOf(folder)}/${name}`;
  };
  return new Map(objects.map((object) => [pathOf(object), object.objectId]));
}
