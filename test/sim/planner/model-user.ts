import { isFolder, samePlace } from '@satchel/core/diff.ts';
import type { Content, FileContent, LocalNode, Place } from '@satchel/core/tree.ts';
import type { ContentHash, ObjectId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { ModelDevice } from './model-device.ts';

export const WORKSPACE = 'w' as WorkspaceId;
const NAMES = ['a', 'b', 'c', 'd', 'e'] as const;

export const USER_ACTIONS = [
  'createFile',
  'createEqual',
  'createFolder',
  'createSymlink',
  'edit',
  'touchBit',
  'move',
  'rename',
  'remove',
  'swap',
  'invert',
  'replaceByMove',
  'recreateAs',
] as const;
export type UserAction = (typeof USER_ACTIONS)[number];

/** What was done by whom, for the checks at the end. */
export class Ledger {
  /** Contents that someone who had seen them has overwritten or deleted. */
  readonly superseded = new Set<string>();
  readonly written = new Map<string, { times: number; objectId: ObjectId }>();
  /** Objects that a user edited after their creation. */
  readonly edited = new Set<ObjectId>();
  /** Newest place given by a user, by object. */
  readonly movedTo = new Map<ObjectId, Place>();
  readonly everMoved = new Set<ObjectId>();
  readonly movers = new Set<string>();
  readonly deleted: { readonly objectId: ObjectId; readonly hash: string; readonly above: readonly ObjectId[] }[] = [];
  #contents = 0;

  freshContent(objectId: ObjectId, hash = `t${++this.#contents}`): FileContent {
    const known = this.written.get(hash);
    this.written.set(hash, { times: (known?.times ?? 0) + 1, objectId });
    return { kind: 'file', hash: hash as ContentHash, size: 1, executable: false, mtimeMs: 0 };
  }
}

/** Acts on a device's disk; the numbers choose among what is there. What cannot be done is left undone. */
export class ModelUser {
  readonly #device: ModelDevice;
  readonly #ledger: Ledger;

  constructor(device: ModelDevice, ledger: Ledger) {
    this.#device = device;
    this.#ledger = ledger;
  }

  act(action: UserAction, first: number, second: number): void {
    const nodes = [...this.#device.local.values()].filter((node) => node.presence === 'present');
    const node = nodes.length > 0 ? nodes[first % nodes.length] : undefined;
    const folders = nodes.filter((each) => isFolder(each.content)).map((each) => each.objectId);
    const parentId = [this.#device.server.rootId, ...folders][first % (folders.length + 1)]!;
    const free = { parentId, name: NAMES[second % NAMES.length]! };
    if (action.startsWith('create')) return this.#create(action, free, second);
    if (!node) return;
    const other = nodes[second % nodes.length]!;
    switch (action) {
      case 'edit':
        return this.#edit(node);
      case 'touchBit':
        return this.#touchBit(node);
      case 'move': {
        const target = [this.#device.server.rootId, ...folders][second % (folders.length + 1)]!;
        return this.#move(node, { parentId: target, name: node.name });
      }
      case 'rename':
        return this.#move(node, { parentId: node.parentId, name: NAMES[second % NAMES.length]! });
      case 'remove':
        return this.#remove(node);
      case 'swap':
        return this.#swap(node, other);
      case 'invert':
        return this.#invert(node);
      case 'replaceByMove':
        if (node === other || isFolder(node.content) || isFolder(other.content)) return undefined;
        this.#remove(other);
        return this.#move(node, { parentId: other.parentId, name: other.name });
      case 'recreateAs':
        this.#remove(node);
        return this.#create(isFolder(node.content) ? 'createFile' : 'createFolder', node, second);
    }
    return undefined;
  }

  #create(action: string, { parentId, name }: Place, choice: number): void {
    const taken = this.#device.local.childNamed({ parentId, name });
    if (taken) return action === 'createFile' && taken.presence === 'present' ? this.#edit(taken) : undefined;
    const objectId = this.#device.options.freshId();
    let content: Content = { kind: 'folder' };
    if (action === 'createFile') content = this.#ledger.freshContent(objectId);
    if (action === 'createEqual') content = this.#ledger.freshContent(objectId, `same${choice % 2}`);
    if (action === 'createSymlink') content = { kind: 'symlink', target: `target${choice % 3}` };
    this.#put({ objectId, parentId, name, workspaceId: WORKSPACE, content, presence: 'present' });
  }

  #edit(node: LocalNode): void {
    if (isFolder(node.content)) return;
    this.#ledger.edited.add(node.objectId);
    if (node.content.kind !== 'file') return this.#put({ ...node, content: { kind: 'symlink', target: 'edited' } });
    this.#ledger.superseded.add(node.content.hash);
    const fresh = this.#ledger.freshContent(node.objectId);
    this.#put({ ...node, content: { ...fresh, executable: node.content.executable } });
  }

  #touchBit(node: LocalNode): void {
    if (node.content.kind !== 'file') return;
    this.#ledger.edited.add(node.objectId);
    this.#put({ ...node, content: { ...node.content, executable: !node.content.executable } });
  }

  #move(node: LocalNode, place: Place): void {
    if (this.#device.local.childNamed(place) || this.#above(place.parentId).includes(node.objectId)) return;
    this.#noteMove(node.objectId, place);
    this.#put({ ...node, ...place });
  }

  #swap(one: LocalNode, other: LocalNode): void {
    if (this.#above(one.objectId).includes(other.objectId)) return;
    if (this.#above(other.objectId).includes(one.objectId)) return;
    const [here, there] = [one, other].map(({ parentId, name }) => ({ parentId, name }));
    this.#noteMove(one.objectId, there!);
    this.#noteMove(other.objectId, here!);
    this.#put({ ...one, ...there! });
    this.#put({ ...other, ...here! });
  }

  /** A folder in a folder: the inner one takes the outer one's place, the outer one goes into the inner one. */
  #invert(inner: LocalNode): void {
    const outer = this.#device.local.get(inner.parentId);
    if (!outer || !isFolder(inner.content) || outer.presence === 'unknown') return;
    const inside = { parentId: inner.objectId, name: 'outer' };
    if (this.#device.local.childNamed(inside)) return;
    const { parentId, name } = outer;
    this.#noteMove(inner.objectId, { parentId, name });
    this.#noteMove(outer.objectId, inside);
    this.#put({ ...outer, ...inside });
    this.#put({ ...inner, parentId, name });
  }

  #remove(node: LocalNode): void {
    for (const child of Array.from(this.#device.local.children(node.objectId))) {
      if (child.presence === 'unknown') return;
      this.#remove(child);
    }
    if ([...this.#device.local.children(node.objectId)].length > 0) return;
    if (node.content.kind === 'file') {
      const { hash } = node.content;
      this.#ledger.superseded.add(hash);
      const above = this.#above(node.parentId);
      this.#ledger.deleted.push({ objectId: node.objectId, hash, above });
    }
    this.#ledger.movedTo.delete(node.objectId);
    this.#device.local.delete(node.objectId);
    this.#device.dirty.add(node.objectId);
  }

  #put(node: LocalNode): void {
    this.#device.local.set(node);
    this.#device.dirty.add(node.objectId);
  }

  #noteMove(id: ObjectId, place: Place): void {
    const now = this.#device.local.get(id);
    if (now && samePlace(now, place)) return;
    this.#ledger.movedTo.set(id, place);
    this.#ledger.everMoved.add(id);
    this.#ledger.movers.add(this.#device.options.name);
  }

  /** The object itself and the folders above it. */
  #above(id: ObjectId): ObjectId[] {
    const above: ObjectId[] = [];
    for (let at: ObjectId | undefined = id; at; at = this.#device.local.get(at)?.parentId) above.push(at);
    return above;
  }
}
