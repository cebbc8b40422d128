import { CodedError } from '@satchel/protocol/errors.ts';
import type { ObjectId } from '@satchel/protocol/ids.ts';
import type { ObjectRecord } from '@satchel/protocol/objects.ts';
import { createChance, type Chance } from '../chance.ts';
import type { SimDevice } from '../device.ts';
import type { Ledger } from '../ledger.ts';
import type { Scheduler } from '../scheduler.ts';
import type { SimAccount, SimServer } from '../server.ts';
import { membershipsOf } from './members.ts';
import type { ShareDeed } from './script.ts';
import type { Whereabouts } from './whereabouts.ts';

export interface DeedDeps {
  readonly server: SimServer;
  readonly scheduler: Scheduler;
  readonly devices: readonly SimDevice[];
  readonly ledger: Ledger;
  readonly whereabouts: Whereabouts;
}

const ROLES = ['editor', 'editor', 'viewer'] as const;

/** What people do about sharing, done by the real server: `share add`, `set`, `rm`, `leave`, `transfer`. */
export class Deeds {
  readonly #deps: DeedDeps;

  constructor(deps: DeedDeps) {
    this.#deps = deps;
  }

  /** Refusals and a server that is away are part of it. Afterwards it is known who is a member. */
  async do(deed: ShareDeed): Promise<void> {
    const { server, scheduler } = this.#deps;
    const account = server.accounts[deed.account]!;
    const { services } = server;
    if (services === undefined) return;
    try {
      const what = await this.#act(deed, account, createChance(deed.lot));
      if (what !== undefined) scheduler.note(`${account.email} does ${deed.kind} ${what}`);
    } catch (error) {
      if (error instanceof CodedError) scheduler.note(`${account.email} may not ${deed.kind}: ${error.code}`);
      else if (services.isAlive) throw error;
    }
    await this.refresh();
  }

  /** Who is a member of what is asked for anew. */
  async refresh(): Promise<void> {
    const { server, whereabouts, devices } = this.#deps;
    const { services } = server;
    if (services === undefined) return;
    try {
      const memberships = await membershipsOf(server);
      if (services.isAlive) whereabouts.adopt(memberships, devices);
    } catch (error) {
      // The database was closed for a restore; after that it is asked for again.
      if (services.isAlive) throw error;
    }
  }

  async #act(deed: ShareDeed, account: SimAccount, chance: Chance): Promise<string | undefined> {
    const { whereabouts, server } = this.#deps;
    if (deed.kind === 'share') return this.#share(account, chance);
    const { meta } = server.services!;
    const own = whereabouts.memberships.filter((each) => each.account === account);
    const shares = own.filter(({ role }) => (deed.kind === 'leave') === (role !== 'owner'));
    if (shares.length === 0) return undefined;
    const { workspaceId } = chance.pick(shares);
    const caller = server.callerOf(account);
    if (deed.kind === 'leave') return meta.removeMember(caller, workspaceId, account.email).then(() => '');
    const others = whereabouts.memberships.filter(
      (each) => each.workspaceId === workspaceId && each.account !== account,
    );
    if (others.length === 0) return undefined;
    const { email } = chance.pick(others).account;
    if (deed.kind === 'remove') return meta.removeMember(caller, workspaceId, email).then(() => email);
    if (deed.kind === 'transfer') return meta.transferShare(caller, workspaceId, email).then(() => email);
    const role = chance.pick(ROLES);
    return meta.setMember(caller, workspaceId, { email, role }).then(() => `${email} ${role}`);
  }

  async #share(account: SimAccount, chance: Chance): Promise<string | undefined> {
    const { server } = this.#deps;
    const objects = await server.listing(account, account.workspaceId);
    const folders = objects.filter(({ kind }) => kind === 'folder' || (kind === 'mount' && chance.happens(0.7)));
    if (folders.length === 0) return undefined;
    const folder = chance.pick(folders);
    const other = chance.pick(server.accounts.filter((each) => each !== account));
    return this.share({ account, folder, objects }, other, chance.pick(ROLES));
  }

  /** All that lies in the folder, on the server and on the owner's disks, is shown to the other by this. */
  async share(
    { account, folder, objects }: { account: SimAccount; folder: ObjectRecord; objects: readonly ObjectRecord[] },
    other: SimAccount,
    role: 'editor' | 'viewer',
  ): Promise<string> {
    const { server, devices, whereabouts } = this.#deps;
    for (const device of devices)
      if (device.account === account) whereabouts.willBeShared(device, folder.objectId, other);
    const within = folder.kind === 'mount' ? await server.listing(account, folder.mounts!) : below(objects, folder);
    const contents = this.#contentsOf(within);
    for (const content of contents) whereabouts.show(content, other);
    const { meta } = server.services!;
    const { workspaceId } = await meta.share(server.callerOf(account), {
      objectId: folder.objectId,
      email: other.email,
      role,
    });
    for (const content of contents) whereabouts.converted(content, workspaceId);
    return `${folder.name} ${other.email} ${role}`;
  }

  #contentsOf(objects: readonly ObjectRecord[]): readonly string[] {
    const hashes = new Set(objects.map(({ version }) => version?.contentHash as string | undefined));
    return this.#deps.ledger.all().filter((content) => hashes.has(this.#deps.ledger.hashOf(content)));
  }

  /** The owners let all members write. */
  async makeAllEditors(): Promise<void> {
    const { server, whereabouts, scheduler } = this.#deps;
    for (const { account, workspaceId, role } of whereabouts.memberships) {
      const owner = whereabouts.memberships.find((each) => each.workspaceId === workspaceId && each.role === 'owner');
      if (role !== 'viewer' || owner === undefined) continue;
      const request = { email: account.email, role: 'editor' } as const;
      await server.services!.meta.setMember(server.callerOf(owner.account), workspaceId, request);
      scheduler.note(`${account.email} may write again`);
    }
    await this.refresh();
  }
}

function below(objects: readonly ObjectRecord[], folder: ObjectRecord): readonly ObjectRecord[] {
  const found = new Set<ObjectId>([folder.objectId]);
  for (let size = 0; size < found.size;) {
    size = found.size;
    for (const { objectId, parentId } of objects) if (found.has(parentId)) found.add(objectId);
  }
  return objects.filter(({ objectId }) => found.has(objectId));
}
