import type { Role } from '@satchel/protocol/accounts.ts';
import type { ObjectId, UserId, WorkspaceId } from '@satchel/protocol/ids.ts';
import { forgetRole } from '../access.ts';
import { announce, closeCommit, openCommit, type Changes } from '../commit/commit.ts';
import type { CommitState } from '../commit/state.ts';
import { MEMBERS } from '../member-statements.ts';
import type { MetaParts } from '../parts.ts';
import type { Caller } from '../../ports/chunk-ledger.ts';
import { DIRECTORY, shardOfWorkspace, transactAll, type TransactionOf } from '../shards.ts';
import { addMount, removeMount } from './mounts.ts';
import type { Person } from './persons.ts';

/** A change of memberships while it is in its transaction, and what has to be told when it is committed. */
export class MembershipChange {
  readonly parts: MetaParts;
  readonly caller: Caller;
  readonly txOf: TransactionOf;
  readonly #states = new Map<WorkspaceId, CommitState>();
  readonly #changes: Changes[] = [];
  readonly #roles: { readonly workspaceId: WorkspaceId; readonly userId: UserId }[] = [];

  constructor(parts: MetaParts, caller: Caller, txOf: TransactionOf) {
    this.parts = parts;
    this.caller = caller;
    this.txOf = txOf;
  }

  /** A workspace with its lock held; each only once. Its head is written by `close`. */
  async open(workspaceId: WorkspaceId): Promise<CommitState> {
    const known = this.#states.get(workspaceId);
    if (known !== undefined) return known;
    const shard = await shardOfWorkspace(this.parts, workspaceId);
    const state = await openCommit(this.parts, { shard, tx: this.txOf(shard) }, this.caller, workspaceId);
    this.#states.set(workspaceId, state);
    return state;
  }

  async admit(workspaceId: WorkspaceId, person: Person, role: Role, name: string): Promise<void> {
    const mountId = await addMount(await this.open(person.personalId), workspaceId, name);
    const { userId } = person;
    await this.txOf(DIRECTORY).run(MEMBERS.insert, { workspaceId, userId, role, mountId, now: this.parts.clock.now() });
    this.roleChanged(workspaceId, userId);
  }

  async expel(workspaceId: WorkspaceId, person: Person, mountId: ObjectId | null): Promise<void> {
    const { userId } = person;
    await this.txOf(DIRECTORY).run(MEMBERS.remove, { workspaceId, userId });
    if (mountId !== null) await removeMount(await this.open(person.personalId), mountId);
    this.roleChanged(workspaceId, userId);
  }

  async setRole(workspaceId: WorkspaceId, userId: UserId, role: Role): Promise<void> {
    await this.txOf(DIRECTORY).run(MEMBERS.setRole, { workspaceId, userId, role });
    this.roleChanged(workspaceId, userId);
  }

  roleChanged(workspaceId: WorkspaceId, userId: UserId): void {
    this.#roles.push({ workspaceId, userId });
  }

  async close(): Promise<void> {
    for (const state of this.#states.values()) this.#changes.push(await closeCommit(state));
  }

  /** After the commit: caches forget, devices hear of it. */
  async announce(): Promise<void> {
    const { parts } = this;
    for (const { workspaceId, userId } of this.#roles) await forgetRole(parts, workspaceId, userId);
    for (const changes of this.#changes) await announce(parts, changes);
    for (const userId of new Set(this.#roles.map((role) => role.userId)))
      parts.bus.publish({ user: userId }, { workspaces: true });
  }
}

/** Runs a change of memberships in one transaction over all shards (sharing is rare), and announces it. */
export async function changeMembership<T>(
  parts: MetaParts,
  caller: Caller,
  work: (change: MembershipChange) => Promise<T>,
): Promise<T> {
  const { change, value } = await transactAll(parts.database, parts.database.shards, async (txOf) => {
    const open = new MembershipChange(parts, caller, txOf);
    const result = await work(open);
    await open.close();
    return { change: open, value: result };
  });
  await change.announce();
  return value;
}
