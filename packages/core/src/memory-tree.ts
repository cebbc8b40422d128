import { slotOf } from './diff.ts';
import type { Place, Tree, TreeNode } from './tree.ts';
import type { ObjectId } from '@satchel/protocol/ids.ts';

/** A tree in memory. A tombstone (`deleted`) has no name, but is still a child of its folder. */
export class MemoryTree<Node extends TreeNode & { readonly deleted?: boolean }> implements Tree<Node> {
  readonly #nodes = new Map<ObjectId, Node>();
  readonly #children = new Map<ObjectId, Map<ObjectId, Node>>();
  readonly #names = new Map<string, ObjectId>();

  get(id: ObjectId): Node | undefined {
    return this.#nodes.get(id);
  }

  children(parentId: ObjectId): Iterable<Node> {
    return this.#children.get(parentId)?.values() ?? [];
  }

  childNamed(place: Place): Node | undefined {
    const id = this.#names.get(slotOf(place));
    return id === undefined ? undefined : this.#nodes.get(id);
  }

  values(): Iterable<Node> {
    return this.#nodes.values();
  }

  keys(): Iterable<ObjectId> {
    return this.#nodes.keys();
  }

  set(node: Node): void {
    this.delete(node.objectId);
    this.#nodes.set(node.objectId, node);
    let siblings = this.#children.get(node.parentId);
    if (!siblings) this.#children.set(node.parentId, (siblings = new Map()));
    siblings.set(node.objectId, node);
    if (!node.deleted) this.#names.set(slotOf(node), node.objectId);
  }

  delete(id: ObjectId): void {
    const node = this.#nodes.get(id);
    if (!node) return;
    this.#nodes.delete(id);
    this.#children.get(node.parentId)?.delete(id);
    const slot = slotOf(node);
    if (this.#names.get(slot) === id) this.#names.delete(slot);
  }
}
