import type { z } from 'zod';
import { CodedError } from '@satchel/protocol/errors.ts';
import type { ListAnswer, ListQuery } from '@satchel/protocol/objects.ts';
import type { Caller } from '../ports/chunk-ledger.ts';
import type { WorkspaceRow } from '../ports/schema.ts';
import { expectReader } from './access.ts';
import { EPOCH_LENGTH } from './epochs.ts';
import { OBJECTS } from './object-statements.ts';
import type { MetaParts } from './parts.ts';
import { recordOf } from './records.ts';
import { shardOfWorkspace } from './shards.ts';
import { WORKSPACES } from './workspace-statements.ts';

const PAGE = 1000;

/**
 * Where a listing stands. A first listing shows live objects only, so its cursors carry in their first part, after
 * the epoch and in base 36, the head at which it began: tombstones up to there were never shown to the client, and
 * those after it may be of objects that it has seen.
 */
interface Position {
  readonly seq: number;
  readonly tombstonesAfter: number;
  /** The head at which a first listing began; undefined for one that follows changes. */
  readonly firstUntil: number | undefined;
}

/**
 * The change set since a cursor, in one snapshot: its digest, given on the last page, is that of the state that the
 * page leads to (S9).
 *
 * For clients: a record that turns from folder into mount takes everything below it out of this workspace; the
 * objects keep their ids and are listed by the workspace that the mount names.
 * @throws CodedError('not_found' | 'cursor_expired')
 */
export async function list(parts: MetaParts, caller: Caller, query: z.output<typeof ListQuery>): Promise<ListAnswer> {
  const { workspace_id: workspaceId, cursor, limit = PAGE } = query;
  await expectReader(parts, caller, workspaceId);
  const shard = await shardOfWorkspace(parts, workspaceId);
  return parts.database.read(shard, async (reader) => {
    const workspace = await reader.first(WORKSPACES.find, { workspaceId });
    if (workspace === undefined) throw new CodedError('not_found', `There is no workspace ${workspaceId} for you.`);
    const { head_seq: head, epoch } = workspace;
    const position = cursor === undefined ? firstPosition(head) : positionOf(cursor, workspace);
    const { seq, tombstonesAfter, firstUntil } = position;
    const rows =
      seq >= head ? [] : await reader.all(OBJECTS.since, { workspaceId, seq, tombstonesAfter, limit: limit + 1 });
    const page = rows.length > limit ? rows.slice(0, limit) : rows;
    const hasMore = rows.length > limit;
    const reached = hasMore ? (page.at(-1)?.seq ?? seq) : head;
    const isFirst = hasMore && firstUntil !== undefined;
    return {
      workspaceId,
      rootId: workspace.root_id,
      cursor: `${epoch}${isFirst ? firstUntil.toString(36) : ''}.${reached}`,
      head,
      hasMore,
      ...(hasMore ? {} : { digest: workspace.digest }),
      objects: page.map(recordOf),
    };
  });
}

function firstPosition(head: number): Position {
  return { seq: 0, tombstonesAfter: head, firstUntil: head };
}

function positionOf(cursor: string, workspace: WorkspaceRow): Position {
  const [first = '', last = ''] = cursor.split('.');
  const seq = Number(last);
  const until = first.slice(EPOCH_LENGTH);
  const firstUntil = until === '' ? undefined : Number.parseInt(until, 36);
  if (first.slice(0, EPOCH_LENGTH) !== workspace.epoch) throw expired('The server was restored from a backup since.');
  if (seq > workspace.head_seq || (firstUntil ?? 0) > workspace.head_seq) throw expired('It lies in the future.');
  // What a client may have missed begins where it was last complete.
  if ((firstUntil ?? seq) < workspace.floor_seq) throw expired('Deletions since then are not remembered any more.');
  return { seq, tombstonesAfter: firstUntil ?? seq, firstUntil };
}

function expired(why: string): CodedError {
  return new CodedError('cursor_expired', `The cursor cannot be followed. ${why} List anew, without a cursor.`);
}
