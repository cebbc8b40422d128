import { isFolder } from '@satchel/core/diff.ts';
import type { Content, LocalNode } from '@satchel/core/tree.ts';
import type { ContentHash, ObjectId } from '@satchel/protocol/ids.ts';
import type { ModelDevice } from './model-device.ts';
import { WORKSPACE } from './model-user.ts';

/** A device's disk by path, for scenes that a person can read. Parents are made as needed. */
export class PathDisk {
  readonly device: ModelDevice;

  constructor(device: ModelDevice) {
    this.device = device;
  }

  /** A new file, or new bytes for one. */
  write(path: string, bytes: string): void {
    const hash = bytes.replace('*', '') as ContentHash;
    this.#put(path, { kind: 'file', hash, size: 1, executable: bytes.endsWith('*'), mtimeMs: 0 });
  }

  mkdir(path: string): void {
    this.#put(path, { kind: 'folder' });
  }

  link(path: string, target: string): void {
    this.#put(path, { kind: 'symlink', target });
  }

  /** As rename(2): a file at the new path is replaced. */
  mv(from: string, to: string): void {
    const node = this.#at(from);
    const taken = this.#find(to);
    if (taken) this.#remove(taken);
    const cut = to.lastIndexOf('/');
    this.#set({ ...node, parentId: this.#folder(to.slice(0, Math.max(0, cut))), name: to.slice(cut + 1) });
  }

  rm(path: string): void {
    this.#remove(this.#at(path));
  }

  /** All objects as `path=bytes`, `path->target`, `path/`; a folder with something in it shows by its contents. */
  list(): string[] {
    const lines: string[] = [];
    const visit = (folderId: ObjectId, prefix: string): number => {
      let count = 0;
      for (const node of this.device.local.children(folderId)) {
        count++;
        const path = `${prefix}${node.name}`;
        if (node.content.kind === 'file')
          lines.push(`${path}=${node.content.hash}${node.content.executable ? '*' : ''}`);
        else if (node.content.kind === 'symlink') lines.push(`${path}->${node.content.target}`);
        else if (visit(node.objectId, `${path}/`) === 0) lines.push(`${path}/`);
      }
      return count;
    };
    visit(this.device.server.rootId, '');
    return lines.toSorted();
  }

  #put(path: string, content: Content): void {
    const known = this.#find(path);
    if (known) return this.#set({ ...known, content });
    const cut = path.lastIndexOf('/');
    const parentId = this.#folder(path.slice(0, Math.max(0, cut)));
    const objectId = this.device.options.freshId();
    const name = path.slice(cut + 1);
    return this.#set({ objectId, parentId, name, workspaceId: WORKSPACE, content, presence: 'present' });
  }

  #folder(path: string): ObjectId {
    if (path === '') return this.device.server.rootId;
    if (!this.#find(path)) this.mkdir(path);
    const node = this.#at(path);
    if (!isFolder(node.content)) throw new Error(`${path} is no folder`);
    return node.objectId;
  }

  #find(path: string): LocalNode | undefined {
    let node: LocalNode | undefined;
    let parentId = this.device.server.rootId;
    for (const name of path.split('/')) {
      node = this.device.local.childNamed({ parentId, name });
      if (!node) return undefined;
      parentId = node.objectId;
    }
    return node;
  }

  #at(path: string): LocalNode {
    const node = this.#find(path);
    if (!node) throw new Error(`nothing at ${path}`);
    return node;
  }

  #remove(node: LocalNode): void {
    for (const child of Array.from(this.device.local.children(node.objectId))) this.#remove(child);
    this.device.local.delete(node.objectId);
    this.device.dirty.add(node.objectId);
  }

  #set(node: LocalNode): void {
    this.device.local.set(node);
    this.device.dirty.add(node.objectId);
  }
}
