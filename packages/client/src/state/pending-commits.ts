import { CommitRequest } from '@satchel/protocol/commit.ts';
import type { ObjectId, OperationId } from '@satchel/protocol/ids.ts';
import type { ClientDatabase } from './database.ts';

export interface PendingCommit {
  readonly request: CommitRequest;
  /** Moves on which the two sides do not agree afterwards: the server's object was only put out of the way. */
  readonly aside: Iterable<OperationId>;
}

/** Commits that were sent and not yet answered (C1). */
export interface PendingCommits {
  add(commit: PendingCommit): number;
  remove(id: number): void;
  /** Whether one of them names this object: the server may have it already. */
  name(objectId: ObjectId): boolean;
  all(): readonly { readonly id: number; readonly request: CommitRequest; readonly aside: ReadonlySet<OperationId> }[];
}

export function createPendingCommits(db: ClientDatabase): PendingCommits {
  return {
    add({ request, aside }) {
      db.run(
        'INSERT INTO pending_commit (workspace_id, request) VALUES (?, ?)',
        request.workspaceId,
        JSON.stringify({ ...request, aside: [...aside] }),
      );
      return Number(db.first('SELECT last_insert_rowid() AS id')?.['id']);
    },
    remove(id) {
      db.run('DELETE FROM pending_commit WHERE id = ?', id);
    },
    name: (objectId) => db.first('SELECT 1 FROM pending_commit WHERE instr(request, ?)', objectId) !== undefined,
    all() {
      return db.all('SELECT id, request FROM pending_commit ORDER BY id').map((row) => {
        const noted: { readonly aside?: readonly OperationId[] } = JSON.parse(String(row['request']));
        return { id: Number(row['id']), request: CommitRequest.parse(noted), aside: new Set(noted.aside) };
      });
    },
  };
}
