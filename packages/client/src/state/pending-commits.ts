import { CommitRequest } from '@satchel/protocol/commit.ts';
import type { ClientDatabase } from './database.ts';

/** Commits that were sent and not yet answered (C1). */
export interface PendingCommits {
  add(request: CommitRequest): number;
  remove(id: number): void;
  all(): readonly { readonly id: number; readonly request: CommitRequest }[];
}

export function createPendingCommits(db: ClientDatabase): PendingCommits {
  return {
    add(request) {
      db.run(
        'INSERT INTO pending_commit (workspace_id, request) VALUES (?, ?)',
        request.workspaceId,
        JSON.stringify(request),
      );
      return Number(db.first('SELECT last_insert_rowid() AS id')?.['id']);
    },
    remove(id) {
      db.run('DELETE FROM pending_commit WHERE id = ?', id);
    },
    all() {
      return db.all('SELECT id, request FROM pending_commit ORDER BY id').map((row) => ({
        id: Number(row['id']),
        request: CommitRequest.parse(JSON.parse(String(row['request']))),
      }));
    },
  };
}
