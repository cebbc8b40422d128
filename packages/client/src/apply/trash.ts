import type { ObjectId } from '@satchel/protocol/ids.ts';
import type { Disk, DiskStat } from '../ports/disk.ts';
import type { StatIdentity } from '../ports/disk.ts';
import type { ClientDatabase } from '../state/database.ts';

export const TRASH_FOLDER = '.satchel/trash';

export interface TrashDeps {
  readonly disk: Disk;
  readonly db: ClientDatabase;
  /** Wall time, ms. */
  readonly now: () => number;
  /** Whether this inode has a name in the synced folder too. */
  readonly isInSight: (ino: number) => boolean;
}

export interface TrashLimits {
  readonly maxAgeMs: number;
  readonly maxBytes: number;
}

/** The size that is noted of a folder. */
const FOLDER = -1;

/** A file or folder that rests in the trash: where it lay, and as what it was put there. */
export interface TrashedFile {
  readonly trashPath: string;
  readonly path: string;
  readonly size: number;
  readonly mtimeNs: string;
  readonly at: number;
}

/**
 * The local trash (S12, C4): what a remote change replaces or deletes rests here for some days. A program may still
 * hold such a file open and write to it, or work in a folder that came here whole and make a file in it: then it is no
 * longer what was put here, and has to come back (H15).
 */
export class Trash {
  readonly #deps: TrashDeps;
  #serial = 0;

  constructor(deps: TrashDeps) {
    this.#deps = deps;
  }

  /** A free path for a file that is to be put here; its folder exists. */
  slotFor(objectId: ObjectId, path: string): string {
    return `${this.#newFolder(objectId)}/${nameOf(path)}`;
  }

  /** The same for many at once: files of one folder, whose names differ, share a folder here. */
  slotsByFolder(): (parentId: ObjectId, path: string) => string {
    const folders = new Map<ObjectId, string>();
    return (parentId, path) => `${folders.getOrInsertComputed(parentId, (id) => this.#newFolder(id))}/${nameOf(path)}`;
  }

  #newFolder(id: ObjectId): string {
    const { disk } = this.#deps;
    const day = new Date(this.#deps.now()).toISOString().slice(0, 10);
    const folder = `${TRASH_FOLDER}/${day}/${id}-${this.#deps.now().toString(36)}-${(this.#serial++).toString(36)}`;
    if (disk.makeFolder(folder) === 'missing') {
      for (const above of [TRASH_FOLDER, `${TRASH_FOLDER}/${day}`]) disk.makeFolder(above);
      disk.makeFolder(folder);
    }
    return folder;
  }

  /** Notes what is put into a slot. */
  record(trashPath: string, path: string, stat: Pick<StatIdentity, 'size' | 'mtimeNs'>): void {
    this.#deps.db.run(
      'INSERT OR REPLACE INTO trashed (trash_path, path, size, mtime_ns, at) VALUES (?,?,?,?,?)',
      trashPath,
      path,
      stat.size,
      stat.mtimeNs,
      this.#deps.now(),
    );
  }

  /** Notes a folder that is put into a slot with what is in it, which is noted apart. */
  recordFolder(trashPath: string, path: string, mtimeNs: string): void {
    this.record(trashPath, path, { size: FOLDER, mtimeNs });
  }

  /** Names came and went in it, and what is there is noted. */
  noteFolderTime(trashPath: string, mtimeNs: string): void {
    this.#deps.db.run('UPDATE trashed SET mtime_ns = ? WHERE trash_path = ?', mtimeNs, trashPath);
  }

  /** Files that were written to after they had been put here, or made in what was; they are local edits (H15). */
  editedSince(since: number): readonly TrashedFile[] {
    const rows = this.#deps.db.all('SELECT * FROM trashed WHERE at >= ?', since);
    return rows.map(trashedOf).flatMap((file) => {
      const stat = this.#deps.disk.stat(file.trashPath);
      if (stat === undefined) return [];
      if (file.size === FOLDER) return stat.mtimeNs === file.mtimeNs ? [] : this.#madeIn(file, stat.mtimeNs);
      if (stat.size === file.size && stat.mtimeNs === file.mtimeNs) return [];
      // A hard link: what is written by the other name is seen there, and is none the less when that goes (H17).
      const isSeen = stat.links > 1 && this.#deps.isInSight(stat.ino);
      if (isSeen) this.#noteAsNow(file.trashPath, stat);
      return isSeen ? [] : [file];
    });
  }

  #noteAsNow(trashPath: string, { size, mtimeNs }: DiskStat): void {
    this.#deps.db.run('UPDATE trashed SET size = ?, mtime_ns = ? WHERE trash_path = ?', size, mtimeNs, trashPath);
  }

  /** What was made in a folder that rests here. Its time is as of before the listing. */
  #madeIn(folder: TrashedFile, mtimeNs: string): readonly TrashedFile[] {
    const { db, disk } = this.#deps;
    const made = (disk.list(folder.trashPath)?.entries ?? []).flatMap(({ name }) => {
      const trashPath = `${folder.trashPath}/${name}`;
      if (db.first('SELECT 1 FROM trashed WHERE trash_path = ?', trashPath) !== undefined) return [];
      return [{ ...folder, trashPath, path: `${folder.path}/${name}`, size: 0, mtimeNs: '' }];
    });
    if (made.length === 0) this.noteFolderTime(folder.trashPath, mtimeNs);
    return made;
  }

  /** All that is noted, by the path where it lay. */
  slotsByPath(): ReadonlyMap<string, readonly string[]> {
    const slots = this.#deps.db.columns('SELECT path, trash_path FROM trashed');
    const byPath = Map.groupBy(slots, ([path]) => String(path));
    return new Map([...byPath].map(([path, rows]) => [path, rows.map(([, slot]) => String(slot))]));
  }

  /** What was noted did not come to rest here. */
  dismiss(trashPath: string): void {
    this.#deps.db.run('DELETE FROM trashed WHERE trash_path = ?', trashPath);
  }

  /** The same for a folder and all that was noted in it. */
  dismissWhole(trashPath: string): void {
    this.dismiss(trashPath);
    this.#deps.db.run('DELETE FROM trashed WHERE trash_path > ? AND trash_path < ?', `${trashPath}/`, `${trashPath}0`);
  }

  /** It was taken out again. */
  forget(trashPath: string): void {
    this.dismiss(trashPath);
    this.#removeEmpty(trashPath.slice(0, trashPath.lastIndexOf('/')));
  }

  /** What is in it stays, and the folder with it. */
  #removeEmpty(folder: string): void {
    const { disk } = this.#deps;
    if (disk.stat(folder)?.type === 'folder') disk.removeFolder(folder);
  }

  /** Removes the oldest files past the limits, but none that was edited here. */
  purge({ maxAgeMs, maxBytes }: TrashLimits): void {
    // A folder comes after what is in it.
    const files = this.#deps.db.all('SELECT * FROM trashed ORDER BY at DESC, trash_path DESC').map(trashedOf);
    const edited = new Set(this.editedSince(0).map(({ trashPath }) => trashPath));
    let bytes = 0;
    for (const file of files) {
      bytes += Math.max(file.size, 0);
      const isOver = bytes > maxBytes || this.#deps.now() - file.at > maxAgeMs;
      if (!isOver || edited.has(file.trashPath)) continue;
      const isFolder = this.#deps.disk.stat(file.trashPath)?.type === 'folder';
      if (isFolder) this.#removeEmpty(file.trashPath);
      else this.#deps.disk.removeFile(file.trashPath);
      if (isFolder && this.#deps.disk.stat(file.trashPath) !== undefined) continue;
      this.forget(file.trashPath);
    }
  }
}

function trashedOf(row: Readonly<Record<string, string | number | null>>): TrashedFile {
  return {
    trashPath: String(row['trash_path']),
    path: String(row['path']),
    size: Number(row['size']),
    mtimeNs: String(row['mtime_ns']),
    at: Number(row['at']),
  };
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
