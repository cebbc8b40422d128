import type { ObjectId } from '@satchel/protocol/ids.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import type { Tree, TreeNode } from '@satchel/core/tree.ts';
import type { LocalRow } from './rows.ts';

/** The path of a folder or object relative to the tree's root with `/` between names; '' is the root itself. */
export function pathOf(tree: Tree<TreeNode>, id: ObjectId, rootId: ObjectId): string | undefined {
  const names: string[] = [];
  let at = id;
  for (let depth = 0; depth <= LIMITS.depth; depth++) {
    if (at === rootId) return names.reverse().join('/');
    const node = tree.get(at);
    if (node === undefined) return undefined;
    names.push(diskNameOf(node));
    at = node.parentId;
  }
  return undefined;
}

/** The object at a path of names as the disk spells them, or undefined. */
export function objectAt(tree: Tree<LocalRow>, path: string, rootId: ObjectId): LocalRow | undefined {
  let at: ObjectId = rootId;
  let node: LocalRow | undefined;
  for (const name of path.split('/')) {
    node = tree.childNamed({ parentId: at, name: name.normalize('NFC') });
    if (node === undefined || diskNameOf(node) !== name) return undefined;
    at = node.objectId;
  }
  return node;
}

/** The name on disk: as it was found there, else the NFC name. */
export function diskNameOf(node: TreeNode & { readonly diskName?: string }): string {
  return node.diskName ?? node.name;
}
