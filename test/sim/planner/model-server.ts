import type { ServerStep } from '@satchel/core/step.ts';
import type { Content, Place, RemoteNode } from '@satchel/core/tree.ts';
import type { ObjectId, VersionId } from '@satchel/protocol/ids.ts';
import { MemoryTree } from '@satchel/core/memory-tree.ts';

export type Answer =
  | { readonly outcome: 'done'; readonly node: RemoteNode }
  /** With the present state of the object. */
  | { readonly outcome: 'refused'; readonly code: string; readonly node: RemoteNode | undefined };

/** The rules of `POST /files/commit` on one workspace in memory: each operation is compared with its expectation. */
export class ModelServer {
  readonly rootId: ObjectId;
  readonly tree = new MemoryTree<RemoteNode>();
  /** Objects that a device has renamed out of another one's way. */
  readonly yielded = new Set<ObjectId>();
  /** Ids that a device has given up for another object's. */
  readonly joined = new Set<ObjectId>();
  readonly everDeleted = new Set<ObjectId>();
  readonly #journal: ObjectId[] = [];
  #versions = 0;

  constructor(rootId: ObjectId) {
    this.rootId = rootId;
  }

  /** The newest state of what has changed since a cursor, in the order of its last change. */
  list(cursor: number): { readonly nodes: readonly RemoteNode[]; readonly cursor: number } {
    const ids = new Set(this.#journal.slice(cursor).toReversed());
    const nodes = [...ids].toReversed().map((id) => this.tree.get(id)!);
    return { nodes, cursor: this.#journal.length };
  }

  /** Puts a state there that no commit of the case has made. */
  adopt(node: RemoteNode): void {
    this.#store(node);
  }

  commit(step: ServerStep): Answer {
    const known = this.tree.get(step.objectId);
    const live = known?.deleted ? undefined : known;
    const refused = (code: string): Answer => ({ outcome: 'refused', code, node: known });
    switch (step.kind) {
      case 'put':
        if (step.baseVersionId !== known?.versionId) return refused('stale');
        return this.#write(step, live, step.content);
      case 'symlink':
        if (step.baseTarget !== targetOf(known)) return refused('stale');
        return this.#write(step, live, { kind: 'symlink', target: step.target });
      case 'mkdir':
        return this.#write(step, live, { kind: 'folder' });
      case 'move':
        return live ? this.#move(step, live) : refused('stale');
      case 'delete':
        if (!live || live.placeVersion !== step.basePlaceVersion) return refused('stale');
        if (live.versionId !== step.baseVersionId) return refused('stale');
        for (const child of this.tree.children(live.objectId)) if (!child.deleted) return refused('folder_not_empty');
        return this.#store({ ...live, deleted: true });
    }
  }

  #write(step: ServerStep & { place?: Place }, live: RemoteNode | undefined, content: Content): Answer {
    const refused = (code: string): Answer => ({ outcome: 'refused', code, node: this.tree.get(step.objectId) });
    const version = content.kind === 'file' ? { versionId: `v${++this.#versions}` as VersionId } : {};
    if (!step.place) return live ? this.#store({ ...live, content, ...version }) : refused('stale');
    if (live) return refused('object_exists');
    const fault = this.#placeFault(step.place, step.objectId);
    if (fault) return refused(fault);
    const placeVersion = (this.tree.get(step.objectId)?.placeVersion ?? 0) + 1;
    const { objectId, workspaceId, place } = step;
    return this.#store({ objectId, workspaceId, ...place, content, placeVersion, ...version });
  }

  #move(step: ServerStep & { kind: 'move' }, live: RemoteNode): Answer {
    const refused = (code: string): Answer => ({ outcome: 'refused', code, node: live });
    if (live.placeVersion !== step.basePlaceVersion) return refused('stale');
    const fault = this.#placeFault(step.to, step.objectId);
    if (fault) return refused(fault);
    for (let at = this.tree.get(step.to.parentId); at; at = this.tree.get(at.parentId)) {
      if (at.objectId === step.objectId) return refused('would_cycle');
    }
    if (step.remark === 'name_conflict') this.yielded.add(step.objectId);
    return this.#store({ ...live, ...step.to, placeVersion: live.placeVersion + 1 });
  }

  #placeFault(place: Place, id: ObjectId): string | undefined {
    const parent = this.tree.get(place.parentId);
    if (place.parentId !== this.rootId && (!parent || parent.deleted)) return 'parent_missing';
    const taken = this.tree.childNamed(place);
    return taken && taken.objectId !== id ? 'name_taken' : undefined;
  }

  #store(node: RemoteNode): Answer {
    this.tree.set(node);
    if (node.deleted) this.everDeleted.add(node.objectId);
    this.#journal.push(node.objectId);
    return { outcome: 'done', node };
  }
}

function targetOf(node: RemoteNode | undefined): string | undefined {
  return node?.content.kind === 'symlink' ? node.content.target : undefined;
}
