import { isFolder, samePlace } from '@satchel/core/diff.ts';
import type { PlannedStep } from '@satchel/core/order.ts';
import { plan, type Plan } from '@satchel/core/plan.ts';
import type { PlanSettings } from '@satchel/core/plan-settings.ts';
import { agreedOn, releasedWith, syncedAfterCommit, syncedAfterDisk } from '@satchel/core/record.ts';
import { sideOf, type DiskStep, type ServerStep, type StateStep } from '@satchel/core/step.ts';
import type { LocalNode, Place, RemoteNode, SyncedNode, TreeNode } from '@satchel/core/tree.ts';
import type { ObjectId } from '@satchel/protocol/ids.ts';
import { MemoryTree } from '@satchel/core/memory-tree.ts';
import type { ModelServer } from './model-server.ts';

export interface DeviceOptions {
  readonly name: string;
  readonly canWrite: boolean;
  /** `PlanSettings.limit` */
  readonly limit: number;
  readonly freshId: () => ObjectId;
}

interface Task {
  readonly step: PlannedStep;
  readonly serial: number;
  readonly after: readonly number[];
}

/** How the next steps go. */
export type Luck = 'well' | 'fails' | 'reply lost';

/** A client without its disk, network and hashing: three trees, the planner, and an executor that checks expectations. */
export class ModelDevice {
  readonly options: DeviceOptions;
  readonly server: ModelServer;
  /** The disk itself: the model's indexer sees every change at once. */
  readonly local = new MemoryTree<LocalNode>();
  readonly remote = new MemoryTree<RemoteNode>();
  readonly synced = new MemoryTree<SyncedNode>();
  readonly dirty = new Set<ObjectId>();
  /** Left alone until something about them changes. */
  readonly problems = new Set<ObjectId>();
  readonly excludedFolders = new Set<ObjectId>();
  /** What was read from `remote` by the newest plan. */
  lastPlan: Plan | undefined;
  stepsRun = 0;
  readonly #excluded = new Set<ObjectId>();
  #tasks: Task[] = [];
  readonly #failed = new Set<number>();
  #serial = 0;
  #cursor = 0;
  #unanswered: { readonly step: ServerStep; readonly answer: RemoteNode }[] = [];

  constructor(server: ModelServer, options: DeviceOptions) {
    this.server = server;
    this.options = options;
  }

  get pending(): number {
    return this.#tasks.length;
  }

  /** Ends the process: work in progress is lost, the database stays. */
  crash(): void {
    this.#tasks = [];
  }

  /** The database is lost, so that the disk is a folder full of unknown files (C7). */
  loseState(): void {
    this.crash();
    for (const tree of [this.remote, this.synced]) for (const id of Array.from(tree.keys())) tree.delete(id);
    this.dirty.clear();
    this.#unanswered = [];
    this.#cursor = 0;
    for (const { objectId } of Array.from(this.local.values())) this.#rename(objectId, this.options.freshId());
  }

  /** Lists, plans, and queues the steps; those still queued from before go on, their objects being busy. */
  sync(): Plan {
    this.#resolveUnanswered();
    const listing = this.server.list(this.#cursor);
    this.#cursor = listing.cursor;
    for (const node of listing.nodes) this.#learn(node);
    this.#refreshExcluded();
    const busy = new Set(this.#tasks.map(({ step }) => step.objectId));
    const made = plan(this, this.dirty, this.#settings(busy));
    this.lastPlan = made;
    for (const id of made.settled) {
      this.dirty.delete(id);
      if (this.remote.get(id)?.deleted && !this.synced.get(id) && !this.local.get(id)) this.remote.delete(id);
    }
    for (const { objectId } of made.problems) {
      this.dirty.delete(objectId);
      this.problems.add(objectId);
    }
    for (const id of made.waiting) {
      this.dirty.delete(id);
      this.dirty.add(id);
    }
    const first = this.#serial;
    this.#serial += made.steps.length;
    made.steps.forEach((step, index) => {
      this.#tasks.push({ step, serial: first + index, after: step.after.map((need) => first + need) });
    });
    return made;
  }

  /** Runs the queued step number `choice` modulo the runnable ones, so that any order the plan allows occurs. */
  runOne(choice: number, luck: Luck): void {
    const waiting = new Set(this.#tasks.map((task) => task.serial));
    const ready = this.#tasks.filter((task) => !task.after.some((need) => waiting.has(need)));
    const task = ready[choice % ready.length];
    if (!task) return;
    this.#tasks.splice(this.#tasks.indexOf(task), 1);
    const { step } = task;
    const doomed = luck === 'fails' || task.after.some((need) => this.#failed.has(need));
    this.dirty.add(step.objectId);
    if (doomed || !this.#run(step, luck)) this.#failed.add(task.serial);
    else this.stepsRun++;
  }

  runAll(): void {
    while (this.#tasks.length > 0) this.runOne(0, 'well');
  }

  isExcluded(id: ObjectId): boolean {
    return this.#excluded.has(id);
  }

  #settings(busy: ReadonlySet<ObjectId>): PlanSettings {
    const { name: device, canWrite, limit } = this.options;
    return {
      rootId: this.server.rootId,
      limit,
      busy: (id) => busy.has(id),
      excluded: (id) => this.#excluded.has(id),
      canWrite: () => canWrite,
      joinsShares: () => true,
      awaitedCopy: () => undefined,
      deletesAllowed: Number.POSITIVE_INFINITY,
      conflictName: (name, taken) => {
        const stem = `${name.split(' (')[0]} (conflicted copy from ${device}`;
        let number = 1;
        while (taken(`${stem} ${number})`)) number++;
        return `${stem} ${number})`;
      },
    };
  }

  #run(step: PlannedStep, luck: Luck): boolean {
    switch (sideOf(step)) {
      case 'server':
        return this.#commit(step as ServerStep, luck);
      case 'disk':
        return this.#change(step as DiskStep);
      case 'state':
        this.#note(step as StateStep);
        return true;
    }
  }

  #commit(step: ServerStep, luck: Luck): boolean {
    const { local } = this;
    if (step.kind === 'put') {
      const content = local.get(step.objectId)?.content;
      if (content?.kind !== 'file' || content.hash !== step.content.hash) return false;
    }
    const answer = this.server.commit(step);
    if (answer.outcome === 'refused') {
      if (answer.node) this.#learn(answer.node);
      return false;
    }
    if (luck === 'reply lost') {
      this.#unanswered.push({ step, answer: answer.node });
      return false;
    }
    this.#recordCommit(step, answer.node);
    return true;
  }

  /** By operation id the server tells what became of it (S4). */
  #resolveUnanswered(): void {
    for (const { step, answer } of this.#unanswered) this.#recordCommit(step, answer);
    this.#unanswered = [];
  }

  #recordCommit(step: ServerStep, answer: RemoteNode): void {
    const known = this.remote.get(step.objectId);
    if (!known || known.placeVersion <= answer.placeVersion) this.remote.set(answer);
    this.#recordSynced(step.objectId, syncedAfterCommit(step, answer, this.synced.get(step.objectId)));
  }

  #recordSynced(id: ObjectId, node: SyncedNode | undefined): void {
    if (node) this.synced.set(node);
    else this.synced.delete(id);
  }

  /** Does what the real one does on disk, with its checks: false when the disk is not as the plan expected. */
  #change(step: DiskStep): boolean {
    const id = step.objectId;
    const node = this.local.get(id);
    if (node?.presence === 'unknown') throw new Error(`C3: ${step.kind} of the unseen ${id}`);
    const before = this.synced.get(id);
    const place = 'to' in step ? step.to : 'place' in step ? step.place : undefined;
    if (place && !this.#isFree(place, id)) return false;
    switch (step.kind) {
      case 'download':
      case 'makeSymlink':
      case 'makeFolder': {
        const { content } = step.remote;
        const bit = step.kind === 'download' ? { executable: step.executable } : {};
        if (place ? node : !node || !('expected' in step) || !sameNode(node, step.expected)) return false;
        const { workspaceId } = step;
        const at = place ?? { parentId: node!.parentId, name: node!.name };
        const fresh = { objectId: id, ...at, workspaceId, presence: 'present' } as const;
        this.local.set({ ...fresh, content: { ...content, ...bit } as LocalNode['content'] });
        break;
      }
      case 'moveLocal':
        if (!node || !samePlace(node, step.from) || this.#liesBelow(step.to.parentId, id)) return false;
        this.local.set({ ...node, ...step.to });
        if (step.remark === 'name_conflict') this.server.yielded.add(id);
        break;
      case 'removeLocal':
        if (!node || !sameNode(node, step.expected)) return false;
        if (this.#hasChildren(id)) return false;
        this.local.delete(id);
        break;
      case 'setExecutable':
        if (node?.content.kind !== 'file') return false;
        this.local.set({ ...node, content: { ...node.content, executable: step.executable } });
        break;
      case 'keepCopy': {
        if (!node || !sameNode(node, step.expected)) return false;
        const copy = this.options.freshId();
        this.local.delete(id);
        this.local.set({ ...node, ...step.to, objectId: copy });
        this.dirty.add(copy);
        break;
      }
    }
    this.#recordSynced(id, syncedAfterDisk(step, before));
    return true;
  }

  #note(step: StateStep): void {
    const id = step.objectId;
    switch (step.kind) {
      case 'agree':
        this.synced.set(agreedOn(step.remote));
        break;
      case 'forget':
        this.synced.delete(id);
        break;
      case 'release':
        for (const dropped of Array.from(releasedWith(this, step))) {
          this.synced.delete(dropped);
          this.dirty.add(dropped);
        }
        break;
      case 'join':
        this.synced.delete(id);
        this.server.joined.add(id);
        this.synced.set(agreedOn(step.remote));
        this.#rename(id, step.remote.objectId);
    }
  }

  /** A local object takes another id; what lies in it follows. */
  #rename(id: ObjectId, newId: ObjectId): void {
    const node = this.local.get(id);
    if (!node) return;
    this.local.delete(id);
    this.local.set({ ...node, objectId: newId });
    this.dirty.add(newId);
    for (const tree of [this.local, this.synced]) {
      for (const child of Array.from<TreeNode>(tree.children(id))) {
        (tree as MemoryTree<TreeNode>).set({ ...child, parentId: newId });
        this.dirty.add(child.objectId);
      }
    }
  }

  #learn(node: RemoteNode): void {
    const { objectId: id } = node;
    if (node.deleted && !this.local.get(id) && !this.synced.get(id)) this.remote.delete(id);
    else this.remote.set(node);
    this.dirty.add(id);
  }

  /** An object whose exclusion changes has to be planned again. */
  #refreshExcluded(): void {
    if (this.excludedFolders.size === 0 && this.#excluded.size === 0) return;
    for (const node of this.remote.values()) {
      let excluded = false;
      for (let at: RemoteNode | undefined = node; at && !excluded; at = this.remote.get(at.parentId)) {
        excluded = this.excludedFolders.has(at.objectId) && !node.deleted;
      }
      if (excluded === this.#excluded.has(node.objectId)) continue;
      if (excluded) this.#excluded.add(node.objectId);
      else this.#excluded.delete(node.objectId);
      this.dirty.add(node.objectId);
    }
  }

  #isFree(place: Place, id: ObjectId): boolean {
    const parent = this.local.get(place.parentId);
    if (parent?.presence === 'unknown') throw new Error(`C3: ${id} is put into the unseen ${place.parentId}`);
    if (place.parentId !== this.server.rootId && (!parent || !isFolder(parent.content))) return false;
    const owner = this.local.childNamed(place);
    return !owner || owner.objectId === id;
  }

  #liesBelow(id: ObjectId, folderId: ObjectId): boolean {
    for (let at: ObjectId | undefined = id; at; at = this.local.get(at)?.parentId) if (at === folderId) return true;
    return false;
  }

  #hasChildren(id: ObjectId): boolean {
    for (const _ of this.local.children(id)) return true;
    return false;
  }
}

function sameNode(one: LocalNode, other: LocalNode | undefined): boolean {
  return !!other && samePlace(one, other) && JSON.stringify(one.content) === JSON.stringify(other.content);
}
