import { digestText } from '@satchel/core/digest.ts';
import { CodedError } from '@satchel/protocol/errors.ts';
import type { ObjectId, WorkspaceId } from '@satchel/protocol/ids.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import type { ListAnswer } from '@satchel/protocol/objects.ts';
import type { CallAnswer, ServerApi } from '../ports/server-api.ts';
import type { RemoteRow } from '../state/rows.ts';
import type { FollowedWorkspace } from '../state/workspaces.ts';
import { ListingsUnderWay } from './listings-under-way.ts';
import { OwnSeqs } from './own-seqs.ts';
import { digestFrom, rowOf, type RemoteTree, type RemoteTreeDeps, type ServerRecord } from './remote-tree.ts';

export interface FollowingDeps extends Omit<RemoteTreeDeps, 'folderMoved' | 'newId' | 'shareEnded'> {
  readonly api: ServerApi;
  readonly remote: RemoteTree;
  readonly treeRootId: ObjectId;
  readonly transaction: <T>(work: () => T) => T;
  /** The trees have changed. */
  readonly changed: () => void;
  /** What a person should know: a digest that differed, a restored server. */
  readonly remark: (what: string, detail: string) => void;
}

/** Follows the server's workspaces: lists what has changed since the cursors into the Remote tree. */
export class Following {
  readonly #deps: FollowingDeps;
  /** One listing of a workspace at a time; a wish for another one that came meanwhile. */
  readonly #running = new Map<WorkspaceId, Promise<void>>();
  readonly #wanted = new Set<WorkspaceId>();
  /** Heads that the server has told of. */
  readonly #heads = new Map<WorkspaceId, number>();
  /** Runs of seqs that commits of this device made, not yet reached by the cursor. */
  readonly #own = new OwnSeqs();
  readonly #committing = new Map<WorkspaceId, Set<Promise<unknown>>>();
  readonly #underWay = new ListingsUnderWay(() => this.#deps.changed());

  constructor(deps: FollowingDeps) {
    this.#deps = deps;
  }

  /** Whether a ping tells of something that is not listed yet. */
  isBehind(workspaceId: WorkspaceId, seq: number): boolean {
    const known = this.#deps.workspaces.get(workspaceId);
    return known === undefined || cursorSeq(known) < seq;
  }

  isAtHead(): boolean {
    const all = this.#deps.workspaces.all();
    return (
      all.length > 0 &&
      all.every((w) => w.cursor !== undefined && cursorSeq(w) >= (this.#heads.get(w.workspaceId) ?? 0))
    );
  }

  /** Asks for all heads and lists each workspace that is behind. The answer is as new as the call. */
  async refresh(signal: AbortSignal): Promise<void> {
    const { workspaces } = await this.#deps.api.call('workspaces', {}, signal);
    this.#adoptSet(workspaces);
    for (const { workspaceId, head, epoch } of workspaces) {
      const known = this.#deps.workspaces.get(workspaceId);
      if (known === undefined) continue;
      this.#heads.set(workspaceId, head);
      if (known.cursor === undefined || known.epoch !== epoch || cursorSeq(known) < head)
        await this.list(workspaceId, signal);
    }
    // A mount may only now have told where a shared workspace appears.
    const unplaced = workspaces.filter(({ workspaceId }) => this.#deps.workspaces.get(workspaceId) === undefined);
    this.#adoptSet(workspaces);
    for (const { workspaceId } of unplaced) {
      if (this.#deps.workspaces.get(workspaceId) !== undefined) await this.list(workspaceId, signal);
    }
  }

  /** Lists a workspace to its head. Calls during a listing lead to one more after it. */
  async list(workspaceId: WorkspaceId, signal: AbortSignal): Promise<void> {
    const running = this.#running.get(workspaceId);
    if (running !== undefined) {
      this.#wanted.add(workspaceId);
      return running;
    }
    const work = this.#listWhileWanted(workspaceId, signal);
    this.#running.set(workspaceId, work);
    return work;
  }

  async #listWhileWanted(workspaceId: WorkspaceId, signal: AbortSignal): Promise<void> {
    try {
      do {
        this.#wanted.delete(workspaceId);
        await this.#listOnce(workspaceId, signal);
      } while (this.#wanted.has(workspaceId));
    } finally {
      // At once after the last look at the wishes: one that came in between would be lost.
      this.#running.delete(workspaceId);
      // Nothing was planned meanwhile; also a listing that brought nothing is a reason to go on.
      this.#deps.changed();
    }
  }

  /** A ping told of a seq. What our own commit made needs no listing: its answer says it. */
  async heard(workspaceId: WorkspaceId, seq: number, signal: AbortSignal): Promise<void> {
    this.#heads.set(workspaceId, Math.max(seq, this.#heads.get(workspaceId) ?? 0));
    await Promise.allSettled(this.#committing.get(workspaceId) ?? []);
    if (this.isBehind(workspaceId, seq)) await this.list(workspaceId, signal);
  }

  get isListing(): boolean {
    return this.#running.size > 0;
  }

  /**
   * Whether Remote is as of no moment: of a listing only some pages are there, or of a workspace nothing yet. Not while
   * one is only asked for: whoever makes many changes would keep all others from following before the last of them.
   */
  get isMidway(): boolean {
    const isFirst = () => this.#deps.workspaces.all().some(({ cursor }) => cursor === undefined);
    return this.#underWay.isMidway || (this.isListing && isFirst());
  }

  /** `work` ends with the recording of the answer: a ping that came before it tells nothing that is not known then. */
  async whileCommitting<T>(workspaceId: WorkspaceId, work: () => Promise<T>): Promise<T> {
    const promise = work();
    const running = this.#committing.get(workspaceId) ?? new Set();
    this.#committing.set(workspaceId, running.add(promise));
    try {
      return await promise;
    } finally {
      running.delete(promise);
    }
  }

  /**
   * Whether commits of this device went past changes of others that are not listed yet: Remote is then not as of one
   * moment, and nothing is planned before it is.
   */
  hasGap(): boolean {
    return this.#deps.workspaces
      .all()
      .some((w) => w.cursor !== undefined && cursorSeq(w) < this.#own.highest(w.workspaceId));
  }

  /** A record as the trees have it; the workspace must be followed. */
  rowOf(workspaceId: WorkspaceId, record: ServerRecord): RemoteRow {
    return rowOf(this.#known(workspaceId), record);
  }

  /** The states of objects right after operations of ours. Within the transaction that records the operations. */
  takeAnswered(workspaceId: WorkspaceId, records: readonly ServerRecord[]): void {
    if (records.length === 0) return;
    const workspace = this.#known(workspaceId);
    let digest = digestFrom(workspace.digest);
    for (const record of records) {
      const known = this.#deps.trees.remote.get(record.objectId);
      // Its folder has been shared since, and the share, of which it is now, was listed.
      if (known !== undefined && known.workspaceId !== workspaceId) continue;
      // An answer that comes late, or again: what a listing went past without telling of it has been deleted since.
      const isGone = record.seq <= cursorSeq(workspace) && known === undefined;
      digest = this.#deps.remote.take(workspace, isGone ? { ...record, deleted: true } : record, digest);
      if (record.deleted === true) this.#underWay.deleted(record);
    }
    this.#deps.remote.crossBorders(workspace, records);
    this.#deps.workspaces.put({ ...workspace, digest: digestText(digest) });
  }

  /**
   * The state of an object because of which an operation of ours was refused. A listing brings it, but for what was
   * gone before anything was known of it here: the commit that brings that back has to name its last version.
   */
  takeRefused(workspaceId: WorkspaceId, record: ServerRecord): void {
    const known = this.#deps.trees.remote.get(record.objectId);
    if (record.deleted === true && (known === undefined || known.deleted === true))
      this.takeAnswered(workspaceId, [record]);
  }

  /** Whether the server was restored since this workspace was listed: then an answer of it fits nothing known here. */
  isOfAnotherEpoch(workspaceId: WorkspaceId, { epoch }: Pick<CallAnswer<'commit'>, 'epoch'>): boolean {
    return epoch !== undefined && !this.#known(workspaceId).epoch.startsWith(epoch);
  }

  /** Moves the cursor over seqs that are all ours. Within the same transaction. */
  committed(workspaceId: WorkspaceId, answer: CallAnswer<'commit'>): void {
    const workspace = this.#known(workspaceId);
    for (const result of answer.results) if (result.outcome === 'done') this.#own.add(workspaceId, result.object.seq);
    if (workspace.cursor === undefined) return;
    const from = cursorSeq(workspace);
    const to = this.#own.reach(workspaceId, from);
    if (to > from)
      this.#deps.workspaces.put({
        ...workspace,
        cursor: `${workspace.epoch}.${to}`,
        head: Math.max(to, workspace.head),
      });
  }

  #known(workspaceId: WorkspaceId): FollowedWorkspace {
    const workspace = this.#deps.workspaces.get(workspaceId);
    if (workspace === undefined) throw new Error(`workspace ${workspaceId} is not followed any more`);
    return workspace;
  }

  /** Reconciliation: lists everything anew and compares (S9). */
  async relist(workspaceId: WorkspaceId, signal: AbortSignal): Promise<void> {
    const workspace = this.#deps.workspaces.get(workspaceId);
    if (workspace !== undefined) await this.#listAll(workspace, signal);
  }

  async #listOnce(workspaceId: WorkspaceId, signal: AbortSignal): Promise<void> {
    const workspace = this.#deps.workspaces.get(workspaceId);
    if (workspace === undefined) return;
    if (workspace.cursor === undefined) return this.#listAll(workspace, signal);
    try {
      await this.#listSince(workspace, workspace.cursor, signal);
    } catch (error) {
      if (!(error instanceof CodedError) || error.code !== 'cursor_expired') throw error;
      await this.#listAll(workspace, signal);
    }
  }

  async #listSince(workspace: FollowedWorkspace, from: string, signal: AbortSignal): Promise<void> {
    let cursor = from;
    using midway = new DisposableStack();
    midway.use(this.#underWay.ask());
    for (;;) {
      const query = { workspace_id: workspace.workspaceId, cursor, limit: LIMITS.pageObjects };
      const answer = await this.#deps.api.call('objects', { query }, signal);
      if (answer.hasMore) midway.use(this.#underWay.takeIn());
      const mismatch = this.#take(workspace.workspaceId, answer);
      if (mismatch) {
        this.#deps.remark(
          'digest_mismatch',
          'what the server lists and what is known here differ: listing everything again',
        );
        return this.#listAll(workspace, signal);
      }
      if (!answer.hasMore) return;
      cursor = answer.cursor;
    }
  }

  /** H91: everything anew; what is not told of is gone, or, when the server was restored, forgotten (H87). */
  async #listAll(workspace: FollowedWorkspace, signal: AbortSignal): Promise<void> {
    using midway = new DisposableStack();
    midway.use(this.#underWay.ask());
    midway.use(this.#underWay.takeIn());
    const known = new Set<ObjectId>();
    const seen = new Set<ObjectId>();
    for (const row of this.#deps.trees.remoteIn(workspace.workspaceId)) known.add(row.objectId);
    let forgotten: ReadonlySet<ObjectId> | undefined;
    let cursor: string | undefined;
    for (;;) {
      const query = {
        workspace_id: workspace.workspaceId,
        limit: LIMITS.pageObjects,
        ...(cursor === undefined ? {} : { cursor }),
      };
      const answer = await this.#deps.api.call('objects', { query }, signal);
      forgotten ??= this.#isRestored(workspace, answer) ? this.#forgetAgreements(workspace, known) : new Set();
      for (const { objectId } of answer.objects) seen.add(objectId);
      // The cursor is stored only at the end: a listing that was cut off starts again.
      this.#takeAll(workspace, answer);
      if (!answer.hasMore) return this.#finishAll(workspace, answer, { seen, forgotten });
      cursor = answer.cursor;
    }
  }

  /** Whatever led to this listing: only the epoch tells. Cursors of first listings carry more after it. */
  #isRestored({ epoch }: FollowedWorkspace, { cursor }: Pick<ListAnswer, 'cursor'>): boolean {
    return !epochOf(cursor).startsWith(epoch);
  }

  /** In a new epoch nothing that was agreed on counts any more (S10). */
  #forgetAgreements({ workspaceId }: FollowedWorkspace, known: ReadonlySet<ObjectId>): ReadonlySet<ObjectId> {
    const { trees, transaction, remark } = this.#deps;
    this.#own.forget(workspaceId);
    this.#underWay.forget();
    transaction(() => {
      // Seqs of another epoch say nothing about what is older.
      for (const row of trees.remoteIn(workspaceId)) trees.putRemote({ ...row, seq: 0 });
      for (const id of known) trees.removeSynced(id);
    });
    remark('server_restored', 'the server was restored from a backup: merging by content, nothing is deleted');
    return known;
  }

  #takeAll(workspace: FollowedWorkspace, answer: CallAnswer<'objects'>): void {
    this.#deps.transaction(() => {
      if (!this.#isFollowed(workspace)) return;
      for (const record of answer.objects)
        if (!this.#underWay.isOutdated(record)) this.#deps.remote.take(workspace, record, 0n);
    });
    this.#deps.changed();
  }

  #finishAll(
    workspace: FollowedWorkspace,
    answer: CallAnswer<'objects'>,
    { seen, forgotten }: { seen: ReadonlySet<ObjectId>; forgotten: ReadonlySet<ObjectId> },
  ): void {
    const listed = seqOf(answer.cursor);
    this.#deps.transaction(() => {
      // RACE: the share ended, appears elsewhere, or has another role since this listing was begun.
      const present = this.#deps.workspaces.get(workspace.workspaceId);
      if (present?.mountId !== workspace.mountId) return;
      const { cursor, isExact } = this.#cursorAfter(present, answer);
      // Also what an answer brought meanwhile, unless it is newer than the listing.
      for (const { objectId: id, seq } of this.#deps.trees.remoteIn(workspace.workspaceId))
        if (!seen.has(id) && (seq <= listed || isExact))
          this.#deps.remote.drop(workspace, id, 0n, forgotten.has(id) ? 'forgotten' : 'gone');
      const digest = digestText(this.#deps.remote.digestOf(workspace));
      if (isExact && answer.digest !== undefined && answer.digest !== digest) {
        this.#deps.remark(
          'digest_mismatch',
          `a complete listing gives digest ${digest}, the server says ${answer.digest}`,
        );
      }
      this.#deps.workspaces.put({
        ...present,
        epoch: epochOf(answer.cursor),
        cursor,
        head: answer.head,
        digest,
      });
    });
    this.#deps.changed();
  }

  /** RACE: the share ended, or appears elsewhere, while it was listed. */
  #isFollowed({ workspaceId, mountId }: FollowedWorkspace): boolean {
    return this.#deps.workspaces.get(workspaceId)?.mountId === mountId;
  }

  /** Takes in one page and moves the cursor, in one transaction. True when the digests differ. */
  #take(workspaceId: WorkspaceId, answer: CallAnswer<'objects'>): boolean {
    const differs = this.#deps.transaction(() => {
      const workspace = this.#deps.workspaces.get(workspaceId);
      if (workspace === undefined) return false;
      let digest = digestFrom(workspace.digest);
      for (const record of answer.objects)
        if (!this.#underWay.isOutdated(record)) digest = this.#deps.remote.take(workspace, record, digest);
      const text = digestText(digest);
      const { cursor, isExact } = this.#cursorAfter(workspace, answer);
      this.#deps.workspaces.put({ ...workspace, cursor, head: answer.head, digest: text });
      return !answer.hasMore && isExact && answer.digest !== undefined && answer.digest !== text;
    });
    if (answer.objects.length > 0) this.#deps.changed();
    return differs;
  }

  /**
   * RACE: a commit that was answered while the listing was on its way may have moved the cursor further already; it
   * must not go back, for the seqs between are not told again. `isExact`: the rows are as of the listing, no later.
   */
  #cursorAfter(workspace: FollowedWorkspace, answer: CallAnswer<'objects'>): { cursor: string; isExact: boolean } {
    const { workspaceId } = workspace;
    const listed = seqOf(answer.cursor);
    const epoch = epochOf(answer.cursor);
    const before = workspace.cursor !== undefined && workspace.epoch === epoch ? cursorSeq(workspace) : 0;
    const reached = this.#own.reach(workspaceId, Math.max(listed, before));
    const isExact = reached === listed && this.#own.highest(workspaceId) <= listed;
    return { cursor: reached === listed ? answer.cursor : `${epoch}.${reached}`, isExact };
  }

  /**
   * Workspaces that came, or whose role changed. One appears once its mount is known, and goes with it: what the list
   * lacks may also be what a restored server has forgotten.
   */
  #adoptSet(listed: CallAnswer<'workspaces'>['workspaces']): void {
    this.#deps.transaction(() => {
      for (const { workspaceId, kind, rootId, role, epoch } of listed) {
        const known = this.#deps.workspaces.get(workspaceId);
        const mountId =
          known?.mountId ?? (kind === 'personal' ? this.#deps.treeRootId : this.#deps.trees.mountOf(workspaceId));
        if (mountId === undefined) continue;
        if (known === undefined)
          this.#deps.workspaces.put({ workspaceId, rootId, mountId, role, epoch, head: 0, digest: digestText(0n) });
        else if (known.role !== role) {
          this.#deps.workspaces.put({ ...known, role });
          for (const id of this.#deps.trees.idsIn(known.workspaceId)) this.#deps.trees.touch(id);
        }
      }
    });
    this.#deps.changed();
  }
}

function cursorSeq(workspace: FollowedWorkspace): number {
  return workspace.cursor === undefined ? 0 : seqOf(workspace.cursor);
}

function seqOf(cursor: ListAnswer['cursor']): number {
  return Number(cursor.split('.')[1]);
}

function epochOf(cursor: ListAnswer['cursor']): string {
  return cursor.split('.')[0] ?? '';
}
