import { DEVICE_PLACES, type ObjectId, type WorkspaceId } from '@satchel/protocol/ids.ts';
import type { Content, Place } from '@satchel/core/tree.ts';
import type { Disk, DiskStat } from '../ports/disk.ts';
import { diskNameOf, pathOf } from '../state/paths.ts';
import type { LocalRow } from '../state/rows.ts';
import type { TreeStore } from '../state/trees.ts';
import { forgetLeftAlone, isLeftAlone } from './left-alone.ts';
import { identityOf, isExecutable, sameInode } from './observation.ts';
import { isBackupName } from './quiet.ts';

/** Where rows rest whose path was taken by something else and whose own fate is not known yet. Never a folder's id. */
const LIMBO = DEVICE_PLACES.limbo;

const REMEMBERED_FOLDERS = 1000;

/** A folder of the Local tree, or the root. */
export interface KnownFolder {
  readonly objectId: ObjectId;
  /** What its contents belong to: at a mount, the shared workspace. */
  readonly workspaceId: WorkspaceId;
}

export interface LocalTreeDeps {
  readonly trees: TreeStore;
  readonly disk: Disk;
  readonly root: KnownFolder;
  readonly newId: () => ObjectId;
  /** Wall time in ms. */
  readonly now: () => number;
  /** An object vanished or changed place: its fate is not to be planned before it has settled (H9). */
  readonly unsettled: (id: ObjectId, how: 'vanished' | 'moved' | 'backup') => void;
  /** What becomes of it is known now. */
  readonly settled: (id: ObjectId) => void;
  /** Whether a commit that names the object is on its way. */
  readonly isSent: (id: ObjectId) => boolean;
}

/** Keeps the Local tree: which object a thing on disk is (identity survives moves and save-by-replace), and no more. */
export class LocalTree {
  readonly #deps: LocalTreeDeps;
  readonly #folders = new Map<string, KnownFolder>();
  readonly #paths = new Map<ObjectId, string>();
  #rememberedAt = -1;
  #reserved: { readonly ino: number; readonly objectId: ObjectId } | undefined;

  constructor(deps: LocalTreeDeps) {
    this.#deps = deps;
  }

  /** The folder at a path as Local knows it; undefined when it does not. */
  folderAt(path: string): KnownFolder | undefined {
    if (path === '') return this.#deps.root;
    this.#forgetOutdated();
    const known = this.#folders.get(path) ?? this.#findFolder(path);
    if (known !== undefined) this.#folders.set(path, known);
    return known;
  }

  #findFolder(path: string): KnownFolder | undefined {
    const { trees, root } = this.#deps;
    let at = root.objectId;
    let row: LocalRow | undefined;
    for (const name of path.split('/')) {
      row = this.rowAt(at, name);
      if (row === undefined || row.content.kind !== 'folder') return undefined;
      at = row.objectId;
    }
    if (row === undefined) return undefined;
    return {
      objectId: row.objectId,
      workspaceId: trees.remote.get(row.objectId)?.mounts ?? row.workspaceId,
    };
  }

  rowAt(parentId: ObjectId, diskName: string): LocalRow | undefined {
    const row = this.#deps.trees.local.childNamed({ parentId, name: diskName.normalize('NFC') });
    return row !== undefined && diskNameOf(row) === diskName ? row : undefined;
  }

  pathOf(id: ObjectId): string | undefined {
    const { trees, root } = this.#deps;
    this.#forgetOutdated();
    const row = trees.local.get(id);
    if (row === undefined) return id === root.objectId ? '' : undefined;
    const folder = this.#paths.get(row.parentId) ?? pathOf(trees.local, row.parentId, root.objectId);
    if (folder === undefined) return undefined;
    this.#paths.set(row.parentId, folder);
    return folder === '' ? diskNameOf(row) : `${folder}/${diskNameOf(row)}`;
  }

  /** Of the folder that it lies in, where that is known. */
  folderPathOf(id: ObjectId): readonly string[] {
    const row = this.#deps.trees.local.get(id);
    const path = row === undefined ? undefined : this.pathOf(row.parentId);
    return path === undefined ? [] : [path];
  }

  /** Paths are remembered until some folder changes. */
  #forgetOutdated(): void {
    const { folderChanges } = this.#deps.trees;
    const isFull = this.#folders.size > REMEMBERED_FOLDERS || this.#paths.size > REMEMBERED_FOLDERS;
    if (folderChanges === this.#rememberedAt && !isFull) return;
    this.#rememberedAt = folderChanges;
    this.#folders.clear();
    this.#paths.clear();
  }

  /** Records what stands at a name now. `content` is known by hash for files. Returns the row as it stands. */
  observe(folder: KnownFolder, diskName: string, stat: DiskStat, content: Content): LocalRow {
    const name = diskName.normalize('NFC');
    const place = { parentId: folder.objectId, name };
    const id = this.#identify(folder, place, stat, content);
    const before = id.isNew === true ? undefined : this.#deps.trees.local.get(id.objectId);
    const row: LocalRow = {
      objectId: id.objectId,
      workspaceId: folder.workspaceId,
      ...place,
      content,
      presence: 'present',
      ...(id.movedFrom === undefined ? {} : { movedFrom: id.movedFrom }),
      ...(diskName === name ? {} : { diskName }),
      stat: identityOf(stat),
      seenMs: this.#deps.now(),
    };
    this.#deps.trees.putLocal(row);
    if (before !== undefined && (before.parentId !== place.parentId || before.name !== name)) {
      this.#deps.unsettled(row.objectId, isBackupName(before.name, name) ? 'backup' : 'moved');
    }
    return row;
  }

  /** The id that the next new file gets if it has this inode: it can be told of before the content is known. */
  reserveId(ino: number): ObjectId {
    if (this.#reserved?.ino !== ino) this.#reserved = { ino, objectId: this.#deps.newId() };
    return this.#reserved.objectId;
  }

  #freshId(ino: number): ObjectId {
    const reserved = this.#reserved;
    if (reserved?.ino !== ino) return this.#deps.newId();
    this.#reserved = undefined;
    return reserved.objectId;
  }

  /** The content of the file that seems to have moved to where this stat was taken; to be verified by reading it. */
  movedContent(stat: DiskStat): Content | undefined {
    const kept = this.#deps.trees.localByInode(stat.ino).find((row) => {
      if (row.content.kind !== 'file' || row.stat.size !== stat.size || row.stat.mtimeNs !== stat.mtimeNs) return false;
      const path = this.pathOf(row.objectId);
      return path === undefined || this.#deps.disk.stat(path)?.ino !== stat.ino;
    });
    return kept?.content.kind === 'file' ? { ...kept.content, executable: isExecutable(stat) } : undefined;
  }

  /**
   * Paths of further hard links of a file that was written to: the watcher tells only of the name that was used (H17).
   * A ctime says nothing here, since each new link changes that of all the others.
   */
  staleLinks(written: LocalRow): readonly string[] {
    const { ino, size, mtimeNs, mode } = written.stat;
    return this.#deps.trees.localByInode(ino).flatMap(({ objectId, content, presence, stat }) => {
      const isCurrent = stat.size === size && stat.mtimeNs === mtimeNs && stat.mode === mode;
      const isCandidate = objectId !== written.objectId && content.kind === 'file' && presence === 'present';
      const path = isCandidate && !isCurrent ? this.pathOf(objectId) : undefined;
      return path === undefined ? [] : [path];
    });
  }

  /** Paths at which Local has the same inode too. */
  otherNames({ objectId, stat }: LocalRow): readonly string[] {
    const others = this.#deps.trees.localByInode(stat.ino).filter((row) => row.objectId !== objectId);
    return others.flatMap((row) => this.pathOf(row.objectId) ?? []);
  }

  /** Whether something that Local knows has this inode, and is where it was seen. */
  hasName(ino: number): boolean {
    return this.#deps.trees.localByInode(ino).some((row) => {
      const path = this.pathOf(row.objectId);
      return path !== undefined && this.#deps.disk.stat(path)?.ino === ino;
    });
  }

  /** The path of this row is absent or taken: unknown until proved (C3). */
  vanish(row: LocalRow): void {
    this.#deps.trees.doubt(row);
    this.#deps.unsettled(row.objectId, 'vanished');
  }

  /** Rows whose path was taken by something else, left over from before a restart too. */
  displaced(): readonly ObjectId[] {
    return Array.from(this.#deps.trees.local.children(LIMBO), ({ objectId }) => objectId);
  }

  /**
   * The row goes, and all below it; returns their ids. Contents come before their folders: they are planned in this
   * order, and a deleted folder would be searched for life by each plan until it is empty.
   */
  remove(id: ObjectId): readonly ObjectId[] {
    const { local } = this.#deps.trees;
    const first = local.get(id);
    if (first === undefined) return [id];
    const found: LocalRow[] = [];
    const stack = [first];
    for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
      found.push(at);
      if (at.content.kind === 'folder') stack.push(...local.children(at.objectId));
    }
    found.reverse();
    for (const { objectId, content } of found) this.#deps.trees.removeLocal(objectId, content.kind);
    return found.map(({ objectId }) => objectId);
  }

  /** Whether an absent row may be believed deleted: absent at its path, in a folder that is there (C3). */
  absence(row: LocalRow): 'absent' | 'there' | 'unknown' {
    if (row.parentId === LIMBO) return 'absent';
    const path = this.pathOf(row.objectId);
    if (path === undefined) return 'unknown';
    const cut = path.lastIndexOf('/');
    const above = this.#deps.disk.stat(cut < 0 ? '' : path.slice(0, cut));
    const folder = this.#deps.trees.local.get(row.parentId);
    const isSameFolder = folder === undefined || folder.stat.ino === above?.ino;
    if (above?.type !== 'folder' || !isSameFolder) return 'unknown';
    return this.#deps.disk.stat(path) === undefined ? 'absent' : 'there';
  }

  /** Which object this is: the one at this place, one that moved here, or a new one. */
  #identify(
    folder: KnownFolder,
    place: Place,
    stat: DiskStat,
    content: Content,
  ): { objectId: ObjectId; movedFrom?: ObjectId; isNew?: true } {
    const { trees } = this.#deps;
    const occupant = trees.local.childNamed(place);
    const sameKind = occupant !== undefined && occupant.content.kind === content.kind;
    if (sameKind && sameInode(occupant.stat, stat)) return { objectId: occupant.objectId, ...carried(occupant) };
    const mover = this.#mover(place, stat, content);
    if (mover !== undefined) {
      // What the server has, or will have in a moment, others see as an object of its own.
      const isShared = trees.synced.get(mover.objectId) !== undefined || this.#deps.isSent(mover.objectId);
      if (isShared || !sameKind || content.kind === 'folder') {
        if (occupant !== undefined) this.#displace(occupant);
        return this.#arrive(mover, folder);
      }
      // H8: a temporary file renamed over the original; the original stays who it is.
      this.remove(mover.objectId);
    }
    if (sameKind) return { objectId: occupant.objectId, ...carried(occupant) };
    if (occupant !== undefined) this.#displace(occupant);
    const formerOwner = this.#formerOwner(place, content);
    return formerOwner === undefined ? { objectId: this.#freshId(stat.ino), isNew: true } : { objectId: formerOwner };
  }

  /** The object with this inode that is no longer where it was. */
  #mover(place: Place, stat: DiskStat, content: Content): LocalRow | undefined {
    const { trees, disk } = this.#deps;
    const occupant = trees.local.childNamed(place);
    return trees.localByInode(stat.ino).find((row) => {
      if (row.content.kind !== content.kind || row.objectId === occupant?.objectId) return false;
      const isSameBytes =
        content.kind === 'file' &&
        row.content.kind === 'file' &&
        row.content.hash === content.hash &&
        row.content.size === content.size;
      // An inode number is given out again after a deletion.
      if (!isSameBytes && !sameInode(row.stat, stat) && !this.#isSameFolder(row, stat, place)) return false;
      const path = this.pathOf(row.objectId);
      if (path === undefined) return true;
      const there = disk.stat(path);
      return there === undefined || there.ino !== stat.ino;
    });
  }

  /**
   * Where no birth times are told, and the folder's own time has changed with what is in it since it was seen first: by
   * something that it still holds.
   */
  #isSameFolder(row: LocalRow, stat: DiskStat, place: Place): boolean {
    if (row.content.kind !== 'folder' || row.stat.birthNs !== undefined || stat.birthNs !== undefined) return false;
    const above = this.pathOf(place.parentId);
    if (above === undefined) return false;
    const path = above === '' ? place.name : `${above}/${place.name}`;
    for (const child of this.#deps.trees.local.children(row.objectId))
      if (this.#deps.disk.stat(`${path}/${diskNameOf(child)}`)?.ino === child.stat.ino) return true;
    return false;
  }

  /** A move keeps the id within a workspace; across a border it is a new object that refers to the old one. */
  #arrive(mover: LocalRow, folder: KnownFolder): { objectId: ObjectId; movedFrom?: ObjectId } {
    const isWithin = mover.workspaceId === folder.workspaceId && !this.#isGoneMount(mover);
    if (isWithin) return { objectId: mover.objectId, ...carried(mover) };
    const objectId = this.#deps.newId();
    this.#renumber(mover, objectId, folder.workspaceId);
    return { objectId, movedFrom: mover.objectId };
  }

  /** Where a shared folder was that is gone: moving it makes what is left in it the user's own (H98). */
  #isGoneMount({ objectId }: LocalRow): boolean {
    const { remote, synced } = this.#deps.trees;
    const there = remote.get(objectId);
    const isThere = there !== undefined && there.deleted !== true;
    return !isThere && (there ?? synced.get(objectId))?.content.kind === 'mount';
  }

  #renumber(row: LocalRow, to: ObjectId, workspaceId: WorkspaceId): void {
    const { trees, newId } = this.#deps;
    const stack = [{ row, to }];
    for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
      for (const child of trees.local.children(at.row.objectId)) {
        const id = newId();
        const moved = {
          ...child,
          objectId: id,
          parentId: at.to,
          workspaceId,
          movedFrom: child.objectId,
        };
        trees.putLocal(moved);
        stack.push({ row: child, to: id });
      }
      trees.removeLocal(at.row.objectId);
    }
  }

  /** Something stands at this place now that is not what Local has there: that one's own fate is open. */
  makeWay(place: Place, forId: ObjectId): void {
    const occupant = this.#deps.trees.local.childNamed(place);
    if (occupant !== undefined && occupant.objectId !== forId) this.#displace(occupant);
  }

  #displace(row: LocalRow): void {
    // Nothing would ever prove what became of it.
    if (isLeftAlone(row)) return forgetLeftAlone(this.#deps.trees, row.objectId, this.remove(row.objectId));
    this.#deps.trees.putLocal({ ...row, presence: 'unknown', parentId: LIMBO, name: row.objectId });
    this.#deps.unsettled(row.objectId, 'vanished');
  }

  /**
   * H9: a name that comes back after its owner was renamed to a backup name: the owner's id returns to the name, and
   * the backup becomes an object of its own. Now it is the backup that is waited for: most are deleted soon, and one
   * that reached the server before the new content would stand there beside itself.
   */
  #formerOwner(place: Place, content: Content): ObjectId | undefined {
    const { trees, newId } = this.#deps;
    const owner = trees.synced.childNamed(place);
    if (owner === undefined || owner.content.kind !== content.kind || content.kind !== 'file') return undefined;
    const now = trees.local.get(owner.objectId);
    if (now === undefined || now.parentId !== place.parentId || !isBackupName(place.name, now.name)) return undefined;
    const backupId = newId();
    trees.renumberLocal(owner.objectId, backupId);
    // The backup may be gone already: its absence is proved under its own id.
    this.#deps.unsettled(backupId, now.presence === 'unknown' ? 'vanished' : 'backup');
    this.#deps.settled(owner.objectId);
    return owner.objectId;
  }
}

function carried(row: LocalRow): { movedFrom?: ObjectId } {
  return row.movedFrom === undefined ? {} : { movedFrom: row.movedFrom };
}
