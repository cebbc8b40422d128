import type { IgnoreRules } from '@satchel/core/ignore-rules.ts';
import { isFolder, samePlace } from '@satchel/core/diff.ts';
import type { TreeNode } from '@satchel/core/tree.ts';
import type { ObjectId } from '@satchel/protocol/ids.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import { forgetLeftAlone, isLeftAlone } from '../indexer/left-alone.ts';
import type { LocalTree } from '../indexer/local-tree.ts';
import type { TreeStore } from '../state/trees.ts';

export interface IgnoredPlacesDeps {
  readonly trees: TreeStore;
  readonly tree: Pick<LocalTree, 'pathOf' | 'remove'>;
  readonly rules: () => IgnoreRules;
  readonly rootId: ObjectId;
  readonly transaction: <T>(work: () => T) => T;
}

/**
 * What the ignore rules say of the places that objects shall have. Nothing is brought to a place that is ignored on
 * this device, and nothing that lies there keeps the server's object away from a place that is not (H73).
 */
export class IgnoredPlaces {
  readonly #deps: IgnoredPlacesDeps;

  constructor(deps: IgnoredPlacesDeps) {
    this.#deps = deps;
  }

  /**
   * For one plan, in which nothing moves: which objects are not wanted on this device, since the place is ignored that
   * they have on the server. What lies at an ignored place on this disk is left alone instead.
   */
  unwanted(): (id: ObjectId) => boolean {
    const folders = new Map<ObjectId, string | undefined>();
    return (id) => {
      const { remote, local } = this.#deps.trees;
      const there = remote.get(id);
      if (there === undefined || there.deleted === true) return false;
      if (!this.#isIgnoredAt(this.#shallBe(id) ?? there, folders)) return false;
      const here = local.get(id);
      return here === undefined || (!isLeftAlone(here) && !this.#isIgnoredHere(here));
    };
  }

  /**
   * What is left alone here and has nothing to do any more with what the server has: that has gone, or lies elsewhere,
   * or its folder goes from this disk. It is of this device only from now on; what the server has is brought to its
   * place, if that is not ignored.
   */
  part(ids: readonly ObjectId[], isExcluded: (id: ObjectId) => boolean): void {
    const { trees, tree } = this.#deps;
    const parted = ids.filter((id) => this.#isParted(id, isExcluded));
    if (parted.length === 0) return;
    this.#deps.transaction(() => {
      for (const id of parted) forgetLeftAlone(trees, id, trees.local.get(id) === undefined ? [id] : tree.remove(id));
    });
  }

  #isParted(id: ObjectId, isExcluded: (id: ObjectId) => boolean): boolean {
    const here = this.#deps.trees.local.get(id);
    if (here === undefined) return this.#isMovedOut(id);
    if (!isLeftAlone(here)) return false;
    if (isExcluded(here.parentId)) return true;
    if (!this.#isIgnoredHere(here)) return false;
    const there = this.#deps.trees.remote.get(id);
    if (there === undefined || there.deleted === true || !samePlace(here, there)) return true;
    return !this.#isIgnoredAt(there, new Map());
  }

  /** It went from a folder before that was left alone, and was moved on the server: there it lives on (P7, P9). */
  #isMovedOut(id: ObjectId): boolean {
    const { remote, local, synced } = this.#deps.trees;
    const [there, before] = [remote.get(id), synced.get(id)];
    if (there === undefined || before === undefined || there.deleted === true || samePlace(there, before)) return false;
    let at: ObjectId | undefined = before.parentId;
    for (let depth = 0; at !== undefined && depth <= LIMITS.depth; depth++) {
      const folder = local.get(at);
      if (folder !== undefined) return isLeftAlone(folder);
      at = synced.get(at)?.parentId;
    }
    return false;
  }

  #isIgnoredHere(here: TreeNode): boolean {
    const path = this.#deps.tree.pathOf(here.objectId);
    return path !== undefined && this.#deps.rules().ignores(path, isFolder(here.content));
  }

  #isIgnoredAt(node: TreeNode, folders: Map<ObjectId, string | undefined>): boolean {
    const above = this.#folderPath(node.parentId, folders);
    if (above === undefined) return false;
    return this.#deps.rules().ignores(above + node.name, isFolder(node.content));
  }

  /** With a `/` at its end; undefined: it is not known where it lies. */
  #folderPath(id: ObjectId, known: Map<ObjectId, string | undefined>): string | undefined {
    if (id === this.#deps.rootId) return '';
    if (known.has(id)) return known.get(id);
    known.set(id, undefined); // moves of both sides can make a circle
    const node = this.#shallBe(id);
    const above = node === undefined ? undefined : this.#folderPath(node.parentId, known);
    const path = above === undefined || node === undefined ? undefined : `${above}${node.name}/`;
    known.set(id, path);
    return path;
  }

  /** The side whose place counts (P4). */
  #shallBe(id: ObjectId): TreeNode | undefined {
    const { remote, local, synced } = this.#deps.trees;
    const [there, here] = [remote.get(id), local.get(id)];
    if (there === undefined || here === undefined || samePlace(here, there)) return there ?? here;
    const before = synced.get(id);
    return before !== undefined && samePlace(there, before) ? here : there;
  }
}
