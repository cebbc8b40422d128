import type { UserId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { ChunkRef } from '@satchel/protocol/objects.ts';
import type { Caller, ChunkStanding } from '../../ports/chunk-ledger.ts';
import { statement, type Reader } from '../../ports/database.ts';
import { expectRole } from '../access.ts';
import type { MetaParts } from '../parts.ts';
import {
  DIRECTORY,
  readerOf,
  shardOfChunk,
  shardOfWorkspace,
  transactAll,
  type OnShard,
  type TransactionOf,
} from '../shards.ts';
import { createTurns } from '../turns.ts';
import { WORKSPACE_CHUNKS } from '../workspace-statements.ts';
import { CHUNKS } from './chunk-statements.ts';
import { damagedChunks } from './damage.ts';

const CHUNKS_PER_TURN = 256;
/** Other workspaces that are asked for a chunk. Who has more shows by a proof that they have the bytes. */
const MOST_OTHERS = 64;

const workspacesOfUser = statement<{ userId: UserId }>()((q, arg) =>
  q
    .selectFrom('members')
    .select('workspace_id')
    .where('user_id', '=', arg('userId'))
    .limit(MOST_OTHERS + 1),
);

/** Everything that is known while chunks of one request are looked at. */
interface Looking {
  readonly parts: MetaParts;
  readonly on: OnShard;
  readonly txOf: TransactionOf;
  readonly workspaceId: WorkspaceId;
  readonly now: number;
  readonly damaged: ReadonlySet<string>;
  /** Other workspaces of the same user, each with a reader of its shard. */
  readonly others: readonly { readonly workspaceId: WorkspaceId; readonly reader: Reader }[];
}

/** The shards of a workspace and of these chunks. */
export async function shardsOf(
  parts: MetaParts,
  workspaceId: WorkspaceId,
  chunkIds: readonly Uint8Array[],
): Promise<{ readonly own: OnShard['shard']; readonly all: ReadonlySet<OnShard['shard']> }> {
  const own = await shardOfWorkspace(parts, workspaceId);
  return { own, all: new Set([own, ...chunkIds.map((chunkId) => shardOfChunk(parts.database, chunkId))]) };
}

/**
 * `ChunkLedger.stand`. Chunks that are recorded as damaged are not there, so that they are sent again (H93). A link that a
 * power cut takes back is missed by the commit, which is refused and asks for the chunk.
 */
export async function stand(
  parts: MetaParts,
  caller: Caller,
  workspaceId: WorkspaceId,
  chunks: readonly ChunkRef[],
): Promise<readonly ChunkStanding[]> {
  const ids = chunks.map(({ id }) => Uint8Array.fromHex(id));
  const { own, all } = await shardsOf(parts, workspaceId, ids);
  const look = async (txOf: TransactionOf) => {
    const on = { shard: own, tx: txOf(own) };
    await expectRole(parts, on, { caller, workspaceId }, 'editor');
    const looking = {
      parts,
      on,
      txOf,
      workspaceId,
      now: parts.clock.now(),
      damaged: await damagedChunks(parts, on),
      others: await otherWorkspaces(parts, on, caller, workspaceId),
    };
    const standings: ChunkStanding[] = [];
    const step = createTurns(CHUNKS_PER_TURN);
    for (const chunkId of ids) {
      await step();
      standings.push(await standOf(looking, chunkId));
    }
    return standings;
  };
  return transactAll(parts.database, all, look, 'relaxed');
}

async function otherWorkspaces(
  parts: MetaParts,
  on: OnShard,
  { userId }: Caller,
  workspaceId: WorkspaceId,
): Promise<Looking['others']> {
  const members = await readerOf(parts.database, DIRECTORY, on).all(workspacesOfUser, { userId });
  const others = members.filter((member) => member.workspace_id !== workspaceId).slice(0, MOST_OTHERS);
  return Promise.all(
    others.map(async (member) => ({
      workspaceId: member.workspace_id,
      reader: readerOf(parts.database, await shardOfWorkspace(parts, member.workspace_id), on),
    })),
  );
}

async function standOf(looking: Looking, chunkId: Uint8Array): Promise<ChunkStanding> {
  const { on, workspaceId, now } = looking;
  const link = await on.tx.first(WORKSPACE_CHUNKS.find, { workspaceId, chunkId });
  if (looking.damaged.size > 0 && looking.damaged.has(chunkId.toHex()))
    return link !== undefined && link.refs > 0 ? 'damaged' : 'unknown';
  if (link !== undefined) {
    // An unused link that a client is told to rely on must outlive its upload (S5).
    if (link.refs === 0 && link.touched_at !== now)
      await on.tx.run(WORKSPACE_CHUNKS.touch, { workspaceId, chunkId, now });
    return 'linked';
  }
  const chunkTx = looking.txOf(shardOfChunk(looking.parts.database, chunkId));
  const chunk = await chunkTx.first(CHUNKS.find, { chunkId });
  if (chunk === undefined) return 'unknown';
  for (const other of looking.others) {
    if ((await other.reader.first(WORKSPACE_CHUNKS.find, { workspaceId: other.workspaceId, chunkId })) === undefined)
      continue;
    await chunkTx.run(CHUNKS.addLink, { chunkId });
    await on.tx.run(WORKSPACE_CHUNKS.insert, { workspaceId, chunkId, size: chunk.size, refs: 0, now });
    return 'linked';
  }
  return 'elsewhere';
}
