import type { ObjectId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { Role } from '@satchel/protocol/accounts.ts';
import type { ClientDatabase } from './database.ts';
import type { SqlRow } from './rows.ts';

/** A workspace as this device follows it. */
export interface FollowedWorkspace {
  readonly workspaceId: WorkspaceId;
  /** The root's id on the wire; the trees know it as `mountId`. */
  readonly rootId: ObjectId;
  /** Where it appears: a mount's object id, or the tree's root id for the personal workspace. */
  readonly mountId: ObjectId;
  readonly role: Role;
  readonly epoch: string;
  /** Absent: nothing listed yet. */
  readonly cursor?: string;
  /** The newest seq that the server has told of. */
  readonly head: number;
  /** Sum over the live Remote objects, as `core/digest.ts` has it. */
  readonly digest: string;
}

export interface WorkspaceStore {
  get(id: WorkspaceId): FollowedWorkspace | undefined;
  all(): readonly FollowedWorkspace[];
  put(workspace: FollowedWorkspace): void;
  remove(id: WorkspaceId): void;
}

/** They are few and asked for all the time: kept in memory, written through. */
export function createWorkspaceStore(db: ClientDatabase): WorkspaceStore {
  const known = new Map<WorkspaceId, FollowedWorkspace>();
  const load = () => {
    known.clear();
    for (const row of db.all('SELECT * FROM workspace'))
      known.set(row['workspace_id'] as WorkspaceId, workspaceOf(row));
  };
  load();
  db.rolledBack(load);
  return {
    get: (id) => known.get(id),
    all: () => [...known.values()],
    put(w) {
      known.set(w.workspaceId, w);
      db.run(
        'INSERT OR REPLACE INTO workspace (workspace_id, root_id, mount_id, role, epoch, cursor, head, digest) VALUES (?,?,?,?,?,?,?,?)',
        w.workspaceId,
        w.rootId,
        w.mountId,
        w.role,
        w.epoch,
        w.cursor ?? null,
        w.head,
        w.digest,
      );
    },
    remove(id) {
      known.delete(id);
      db.run('DELETE FROM workspace WHERE workspace_id = ?', id);
    },
  };
}

function workspaceOf(row: SqlRow): FollowedWorkspace {
  return {
    workspaceId: row['workspace_id'] as WorkspaceId,
    rootId: row['root_id'] as ObjectId,
    mountId: row['mount_id'] as ObjectId,
    role: row['role'] as Role,
    epoch: String(row['epoch']),
    ...(row['cursor'] === null ? {} : { cursor: String(row['cursor']) }),
    head: Number(row['head']),
    digest: String(row['digest']),
  };
}
