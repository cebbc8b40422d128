import type { ObjectId } from '@satchel/protocol/ids.ts';
import { pathOf } from '../state/paths.ts';
import type { ClientDatabase } from '../state/database.ts';
import { touchBelow, type TreeStore } from '../state/trees.ts';

export interface ExclusionsDeps {
  readonly db: ClientDatabase;
  readonly trees: TreeStore;
  readonly rootId: ObjectId;
}

/** Selective sync: folders that are not wanted on this device, by id, so that a rename elsewhere keeps them out. */
export class Exclusions {
  readonly #deps: ExclusionsDeps;
  readonly #ids: Set<ObjectId>;

  constructor(deps: ExclusionsDeps) {
    this.#deps = deps;
    this.#ids = new Set(deps.db.all('SELECT object_id FROM excluded').map((row) => row['object_id'] as ObjectId));
  }

  /** Whether the object, or a folder above it on the server, is excluded. */
  has(id: ObjectId): boolean {
    if (this.#ids.size === 0) return false;
    const { remote } = this.#deps.trees;
    for (let at: ObjectId | undefined = id, depth = 0; at !== undefined && depth < 300; depth++) {
      if (this.#ids.has(at)) return true;
      at = remote.get(at)?.parentId;
    }
    return false;
  }

  /** Of those that the server still has. */
  paths(): readonly string[] {
    const { trees, rootId } = this.#deps;
    const live = [...this.#ids].filter((id) => trees.remote.get(id)?.deleted !== true);
    return live.flatMap((id) => pathOf(trees.remote, id, rootId) ?? []);
  }

  /** Durable before anything is removed, so that an absence made by us is never taken for a deletion (H74). */
  add(id: ObjectId, path: string): void {
    this.#deps.db.run('INSERT OR REPLACE INTO excluded (object_id, path) VALUES (?, ?)', id, path);
    this.#deps.db.makeDurable();
    this.#ids.add(id);
    touchBelow(this.#deps.trees, id);
  }

  remove(id: ObjectId): void {
    this.#deps.db.run('DELETE FROM excluded WHERE object_id = ?', id);
    this.#ids.delete(id);
    touchBelow(this.#deps.trees, id);
  }

  areAny(): boolean {
    return this.#ids.size > 0;
  }
}
