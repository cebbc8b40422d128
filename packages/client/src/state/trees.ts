import type { ObjectId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { SyncedNode, TreeNode, Trees } from '@satchel/core/tree.ts';
import type { ClientDatabase } from './database.ts';
import {
  COLUMNS,
  contentColumns,
  localOf,
  remoteOf,
  syncedOf,
  type ColumnRow,
  type LocalRow,
  type RemoteRow,
  type StandingRow,
} from './rows.ts';
import { StoredTree } from './stored-tree.ts';

type Listener = (id: ObjectId) => void;

const PUT_REMOTE = `INSERT OR REPLACE INTO remote (${COLUMNS.remote}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`;
/** Without the columns that have indexes. */
const PUT_REMOTE_HERE = `UPDATE remote SET workspace_id = ?, kind = ?, hash = ?, size = ?, executable = ?, mtime_ms = ?,
  target = ?, version_id = ?, place_version = ?, seq = ?, deleted = ? WHERE object_id = ?`;
const PUT_SYNCED = `INSERT OR REPLACE INTO synced (${COLUMNS.synced}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)`;
const PUT_LOCAL = `INSERT OR REPLACE INTO local (${COLUMNS.local}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`;

/** Of a row whose object, place and inode stay: no index is touched. */
const PUT_STAT = `UPDATE local SET dev = ?, mtime_ns = ?, ctime_ns = ?, birth_ns = ?, mode = ?, seen_ms = ?
  WHERE object_id = ?`;

/**
 * The three trees of one device (C1), stored; each change of a node is told to the listener, which keeps the set of
 * objects that have to be planned. All ids of a shared workspace's root are already replaced by its mount's id.
 */
export class TreeStore implements Trees {
  readonly remote: StoredTree<RemoteRow>;
  readonly local: StoredTree<LocalRow>;
  readonly synced: StoredTree<SyncedNode>;
  readonly #db: ClientDatabase;
  readonly #changed: Listener;
  #folderChanges = 0;
  #localChanges = 0;

  constructor(db: ClientDatabase, changed: Listener) {
    this.#db = db;
    this.#changed = changed;
    db.rolledBack(() => {
      for (const tree of [this.remote, this.local, this.synced]) tree.forgetAll();
      this.#folderChanges++;
      this.#localChanges++;
    });
    this.remote = new StoredTree(db, 'remote', remoteOf);
    this.local = new StoredTree(db, 'local', localOf);
    this.synced = new StoredTree(db, 'synced', syncedOf);
  }

  putRemote(node: RemoteRow): void {
    const rest = [node.versionId ?? null, node.placeVersion, node.seq, node.deleted === true ? 1 : 0];
    const before = this.remote.inMemory(node.objectId);
    if (before !== undefined && before.mounts === node.mounts && isAtSamePlace(before, node))
      this.#db.run(PUT_REMOTE_HERE, node.workspaceId, ...contentColumns(node.content), ...rest, node.objectId);
    else this.#db.run(PUT_REMOTE, ...keyColumns(node), ...contentColumns(node.content), ...rest, node.mounts ?? null);
    this.remote.remember(node.objectId, node);
    this.#changed(node.objectId);
  }

  putSynced(node: SyncedNode): void {
    const rest = [node.versionId ?? null, node.placeVersion];
    this.#db.run(PUT_SYNCED, ...keyColumns(node), ...contentColumns(node.content), ...rest);
    this.synced.remember(node.objectId, node);
    this.#changed(node.objectId);
  }

  putLocal(node: LocalRow): void {
    const { dev, ino, mtimeNs, ctimeNs, birthNs, mode } = node.stat;
    const before = this.local.inMemory(node.objectId);
    if (before !== undefined && isOnlySeenAgain(before, node)) {
      this.#db.run(PUT_STAT, dev, mtimeNs, ctimeNs, birthNs ?? null, mode, node.seenMs, node.objectId);
    } else {
      const seen = [node.presence, node.movedFrom ?? null, node.diskName ?? null];
      const rest = [...seen, dev, ino, mtimeNs, ctimeNs, birthNs ?? null, mode, node.seenMs];
      this.#db.run(PUT_LOCAL, ...keyColumns(node), ...contentColumns(node.content), ...rest);
    }
    if (node.content.kind !== 'file') this.#folderChanges++;
    this.#localChanges++;
    this.local.remember(node.objectId, node);
    this.#changed(node.objectId);
  }

  /** It could not be found where it lay: a mass deletion does this to thousands, so no more is written than that. */
  doubt(row: LocalRow): void {
    if (row.presence === 'unknown') return;
    this.#db.run("UPDATE local SET presence = 'unknown' WHERE object_id = ?", row.objectId);
    if (row.content.kind !== 'file') this.#folderChanges++;
    this.#localChanges++;
    this.local.remember(row.objectId, { ...row, presence: 'unknown' });
    this.#changed(row.objectId);
  }

  /** Lets go of what is kept in memory: there is nothing to be done. */
  rest(): void {
    for (const tree of [this.remote, this.local, this.synced]) tree.forgetAll();
    this.#db.rest();
  }

  /** Counts changes of local folders: whoever remembers paths asks whether they still hold. */
  get folderChanges(): number {
    return this.#folderChanges;
  }

  removeRemote(id: ObjectId): void {
    if (this.remote.remove(id)) this.#changed(id);
  }

  removeSynced(id: ObjectId): void {
    if (this.synced.remove(id)) this.#changed(id);
  }

  /** @param kind where the caller knows it: the row need not be read */
  removeLocal(id: ObjectId, kind = this.local.get(id)?.content.kind): void {
    if (kind !== 'file') this.#folderChanges++;
    this.#localChanges++;
    if (this.local.remove(id)) this.#changed(id);
    this.#db.run('DELETE FROM chunk_source WHERE object_id = ?', id);
  }

  /** Counts changes of local rows: whether those that were read before still hold. */
  get localChanges(): number {
    return this.#localChanges;
  }

  /** What Local has in a folder, by name on disk: 100,000 of these are cheap, as rows they are not. */
  standingIn(parentId: ObjectId): Map<string, StandingRow> {
    const rows = new Map<string, StandingRow>();
    for (const [id, name, diskName, kind, presence, dev, ino, size, mtimeNs, ctimeNs, mode, seenMs] of this.#db.columns(
      STANDING,
      parentId,
    )) {
      const row = {
        objectId: id as ObjectId,
        diskName: (diskName ?? name) as string,
        kind: kind as StandingRow['kind'],
        presence: presence as StandingRow['presence'],
        stat: {
          dev: dev as number,
          ino: ino as number,
          size: (size ?? 0) as number,
          mtimeNs: mtimeNs as string,
          ctimeNs: ctimeNs as string,
          mode: mode as number,
        },
        seenMs: seenMs as number,
      };
      rows.set(row.diskName, row);
    }
    return rows;
  }

  /** Names on disk of the folders that Local has in one. */
  foldersIn(parentId: ObjectId): string[] {
    const rows = this.#db.columns(
      "SELECT coalesce(disk_name, name) FROM local WHERE parent_id = ? AND kind = 'folder' AND presence = 'present'",
      parentId,
    );
    return rows.map(([name]) => name as string);
  }

  /** Local objects with this inode number; candidates for a move. */
  localByInode(ino: number): LocalRow[] {
    return this.#db.columns(BY_INODE, ino).map(localOf);
  }

  /** Local objects that were recorded with this ctime, a page at a time. */
  localWithCtime(ctimeNs: string, after: ObjectId | undefined, limit: number): ObjectId[] {
    const rows = this.#db.columns(
      'SELECT object_id FROM local WHERE object_id > ? AND ctime_ns = ? ORDER BY object_id LIMIT ?',
      after ?? '',
      ctimeNs,
      limit,
    );
    return rows.map(([id]) => id as ObjectId);
  }

  /** The mount at which a shared workspace appears. */
  mountOf(workspaceId: WorkspaceId): ObjectId | undefined {
    const row = this.#db.first('SELECT object_id FROM remote WHERE mounts = ? AND deleted = 0', workspaceId);
    return row === undefined ? undefined : (row['object_id'] as ObjectId);
  }

  /** The object that another one became by a move across workspaces, while that is not on the server yet. */
  awaitedCopy(id: ObjectId): ObjectId | undefined {
    const row = this.#db.first(
      'SELECT l.object_id FROM local l LEFT JOIN synced s ON s.object_id = l.object_id WHERE l.moved_from = ? AND s.object_id IS NULL',
      id,
    );
    return row === undefined ? undefined : (row['object_id'] as ObjectId);
  }

  /** Every object of a workspace, known there or here. */
  idsIn(workspaceId: WorkspaceId): ObjectId[] {
    const sql =
      'SELECT object_id FROM remote WHERE workspace_id = ?1 UNION SELECT object_id FROM local WHERE workspace_id = ?1';
    return this.#db.columns(sql, workspaceId).map(([id]) => id as ObjectId);
  }

  /** Nothing of the node changed, but what may be done with it: plan it again. */
  touch(id: ObjectId): void {
    this.#changed(id);
  }

  /** Gives a local object another id, its children included: a join with a remote object, or a copy on its own. */
  renumberLocal(from: ObjectId, to: ObjectId): void {
    const node = this.local.get(from);
    if (node === undefined) return;
    for (const child of this.local.children(from)) this.putLocal({ ...child, parentId: to });
    this.#db.run('UPDATE OR IGNORE chunk_source SET object_id = ? WHERE object_id = ?', to, from);
    this.removeLocal(from);
    this.putLocal({ ...node, objectId: to });
  }

  /**
   * A folder has become the mount of a shared workspace: what lies below it changes workspace in all three trees. Seqs
   * of the old workspace say nothing about what is older in the new one.
   */
  moveBelowToWorkspace(folderId: ObjectId, workspaceId: WorkspaceId): void {
    for (const tree of [this.remote, this.local, this.synced]) tree.forgetAll();
    this.#folderChanges++;
    this.#localChanges++;
    for (const table of ['remote', 'local', 'synced'] as const) {
      const forgotten = table === 'remote' ? ', seq = 0' : '';
      this.#db.run(
        `WITH RECURSIVE below(id) AS (SELECT object_id FROM ${table} WHERE parent_id = ?1
           UNION ALL SELECT t.object_id FROM ${table} t JOIN below ON t.parent_id = below.id)
         UPDATE ${table} SET workspace_id = ?2${forgotten} WHERE object_id IN (SELECT id FROM below)`,
        folderId,
        workspaceId,
      );
    }
  }

  /** Objects that Local has in another workspace than the server. */
  localAcrossBorders(): ObjectId[] {
    return this.#db
      .all('SELECT object_id FROM local JOIN remote USING (object_id) WHERE local.workspace_id <> remote.workspace_id')
      .map((row) => row['object_id'] as ObjectId);
  }

  /** Every file of the Local tree, a page at a time. */
  *localFiles(): Generator<LocalRow> {
    for (const row of this.#paged(
      `SELECT ${COLUMNS.local} FROM local WHERE kind = ? AND object_id > ? ORDER BY object_id LIMIT 500`,
      'file',
    ))
      yield localOf(row);
  }

  /** Every row of a workspace in the Remote tree, tombstones included, and what lies in no folder that is known too. */
  *remoteIn(workspaceId: WorkspaceId): Generator<RemoteRow> {
    for (const row of this.#paged(
      `SELECT ${COLUMNS.remote} FROM remote WHERE workspace_id = ? AND object_id > ? ORDER BY object_id LIMIT 500`,
      workspaceId,
    ))
      yield remoteOf(row);
  }

  /** Rows may be changed meanwhile. */
  *#paged(sql: string, of: string): Generator<ColumnRow> {
    for (let after = ''; ;) {
      const rows = this.#db.columns(sql, of, after);
      yield* rows;
      const last = rows.at(-1);
      if (last === undefined) return;
      after = String(last[0]);
    }
  }

  /** Every object on which the three trees do not agree; parents before their children as far as ids tell. */
  differing(): ObjectId[] {
    return this.#isAllAlike() ? [] : this.#db.all(DIFFERING).map((row) => row['object_id'] as ObjectId);
  }

  /** The usual case after a start, in half the time: where all that is in Synced is alike, others have no more nodes. */
  #isAllAlike(): boolean {
    const [all, ...others] = [this.synced, this.local, this.remote].map((tree) => tree.count());
    return others.every((count) => count === all) && this.#db.first(UNLIKE) === undefined;
  }
}

/** An object, and all that the server has below it, is to be planned again. */
export function touchBelow(trees: Pick<TreeStore, 'touch' | 'remote'>, id: ObjectId): void {
  const stack = [id];
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    trees.touch(at);
    for (const { objectId } of trees.remote.children(at)) stack.push(objectId);
  }
}

/** Nothing differs but the stat, and the inode is the same. */
function isOnlySeenAgain(before: LocalRow, now: LocalRow): boolean {
  const columns = (row: LocalRow) => [
    ...keyColumns(row),
    ...contentColumns(row.content),
    row.presence,
    row.movedFrom,
    row.diskName,
    row.stat.ino,
  ];
  const known = columns(before);
  return columns(now).every((value, at) => value === known[at]);
}

function isAtSamePlace(one: TreeNode, other: TreeNode): boolean {
  return one.parentId === other.parentId && one.name === other.name;
}

function keyColumns(node: TreeNode): string[] {
  return [node.objectId, node.workspaceId, node.parentId, node.name];
}

const same = (a: string, b: string, columns: readonly string[]) =>
  columns.map((column) => `${a}.${column} IS ${b}.${column}`).join(' AND ');
const PLACE_AND_CONTENT = ['parent_id', 'name', 'hash', 'target', 'executable'];

const BY_INODE = `SELECT ${COLUMNS.local} FROM local WHERE ino = ?`;

const STANDING = `SELECT object_id, name, disk_name, kind, presence, dev, ino, size, mtime_ns, ctime_ns, mode, seen_ms
  FROM local WHERE parent_id = ?`;

const AGREED = [...PLACE_AND_CONTENT, 'kind', 'version_id', 'place_version'];

const UNLIKE = `SELECT 1 FROM synced s LEFT JOIN local l ON l.object_id = s.object_id
    LEFT JOIN remote r ON r.object_id = s.object_id
  WHERE l.object_id IS NULL OR r.object_id IS NULL OR r.deleted = 1
    OR NOT (${same('r', 's', AGREED)}) OR NOT (${same('l', 's', PLACE_AND_CONTENT)}) LIMIT 1`;

const DIFFERING = `
  SELECT r.object_id FROM remote r LEFT JOIN synced s ON s.object_id = r.object_id
    WHERE s.object_id IS NULL OR r.deleted = 1 OR NOT (${same('r', 's', AGREED)})
  UNION SELECT l.object_id FROM local l LEFT JOIN synced s ON s.object_id = l.object_id
    WHERE s.object_id IS NULL OR NOT (${same('l', 's', PLACE_AND_CONTENT)})
  UNION SELECT s.object_id FROM synced s LEFT JOIN local l ON l.object_id = s.object_id
    LEFT JOIN remote r ON r.object_id = s.object_id
    WHERE l.object_id IS NULL OR r.object_id IS NULL
  ORDER BY 1`;
