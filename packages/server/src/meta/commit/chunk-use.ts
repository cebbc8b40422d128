import type { Manifest } from '@satchel/core/manifest.ts';
import type { ChunkId } from '@satchel/protocol/ids.ts';
import type { ObjectRow } from '../../ports/schema.ts';
import { damagedChunks } from '../ledger/damage.ts';
import { createTurns } from '../turns.ts';
import { WORKSPACE_CHUNKS } from '../workspace-statements.ts';
import { refused, type Refusal } from './outcome.ts';
import type { CommitState } from './state.ts';

const MOST_NAMED = 1000;

const CHUNKS_PER_TURN = 4096;

/** Each chunk once, with its size. */
function distinct(list: Manifest): ReadonlyMap<ChunkId, number> {
  return new Map(list.map(({ id, size }) => [id, size]));
}

/**
 * Why the chunks cannot be used: S1, S7. A chunk that the workspace is linked to is stored, since the link is written
 * after the bytes are durable; links and chunks may lie on different shards, and a link keeps its chunk from being
 * collected (S5).
 */
async function chunksFault(
  state: CommitState,
  list: Manifest,
  present: ObjectRow | undefined,
): Promise<Refusal | undefined> {
  const missing: string[] = [];
  const step = createTurns(CHUNKS_PER_TURN);
  for (const { id, size } of list) {
    await step();
    const chunkId = Uint8Array.fromHex(id);
    const link = await state.tx.first(WORKSPACE_CHUNKS.find, { workspaceId: state.workspaceId, chunkId });
    if (link === undefined || state.damaged?.has(id)) missing.push(id);
    else if (link.size !== size)
      return refused('manifest_invalid', `Chunk ${id} has ${link.size} bytes, and the list says ${size}.`, { present });
  }
  if (missing.length === 0) return undefined;
  const named = [...new Set(missing)].slice(0, MOST_NAMED);
  return refused(
    'chunk_missing',
    `${missing.length} chunks of the file are not on the server; send them and try again.`,
    {
      present,
      missing: named,
    },
  );
}

/**
 * Counts one more version that uses each of the chunks, or says why it cannot; then nothing has changed. To be called
 * when everything else is found in order.
 */
export async function useChunks(
  state: CommitState,
  list: Manifest,
  present: ObjectRow | undefined,
): Promise<Refusal | undefined> {
  const [only] = list;
  state.damaged ??= await damagedChunks(state.parts, state.on);
  // Most files have one chunk: the change that counts it is the check.
  const isChecked = list.length === 1 && only !== undefined && !state.damaged.has(only.id);
  if (isChecked && (await addRef(state, only))) return undefined;
  const fault = await chunksFault(state, list, present);
  if (fault !== undefined) return fault;
  const step = createTurns(CHUNKS_PER_TURN);
  for (const [id, size] of distinct(list)) {
    await step();
    if (!(await addRef(state, { id, size }))) throw new Error(`Chunk ${id} went missing within a transaction.`);
  }
  return undefined;
}

async function addRef({ tx, workspaceId }: CommitState, { id, size }: Manifest[number]): Promise<boolean> {
  return (await tx.run(WORKSPACE_CHUNKS.addRef, { workspaceId, chunkId: Uint8Array.fromHex(id), size })) === 1;
}
