import type { WorkspaceId } from '@satchel/protocol/ids.ts';
import type { Database, ShardId } from '../ports/database.ts';
import { WORKSPACES } from './workspace-statements.ts';

const PAGE = 200;

/** All workspaces, shard by shard, until the signal aborts. Ones made meanwhile may be left out. */
export async function* eachWorkspace(
  database: Database,
  signal?: AbortSignal,
): AsyncGenerator<{ readonly shard: ShardId; readonly workspaceId: WorkspaceId }> {
  for (const shard of database.shards) {
    let after = '';
    for (;;) {
      const from = after;
      const page = await database.read(shard, async (reader) =>
        reader.all(WORKSPACES.after, { after: from, limit: PAGE }),
      );
      for (const { workspace_id: workspaceId } of page) {
        if (signal?.aborted) return;
        yield { shard, workspaceId };
        after = workspaceId;
      }
      if (page.length < PAGE) break;
    }
  }
}
