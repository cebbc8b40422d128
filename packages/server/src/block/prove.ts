import { createHash, timingSafeEqual } from 'node:crypto';
import { CodedError } from '@satchel/protocol/errors.ts';
import type { ChunkId } from '@satchel/protocol/ids.ts';
import type { ChunkResults, ProveRequest } from '@satchel/protocol/transfer.ts';
import type { Caller, ChunkLedger, StoredChunk } from '../ports/chunk-ledger.ts';
import { breathe } from './breathe.ts';
import type { ByteBudget, SharedByteBudget } from './byte-budget.ts';
import type { ChunkReader } from './chunk-reader.ts';
import type { FailureLimit } from './failure-limit.ts';
import type { ProofNonces } from './proof-nonces.ts';

export interface ProvePorts {
  readonly ledger: ChunkLedger;
  readonly reader: ChunkReader;
  readonly nonces: ProofNonces;
  readonly budget: SharedByteBudget;
  readonly failures: FailureLimit;
}

type Proof = ProveRequest['proofs'][number];

/** The same answer whether the chunk is unknown, gone or simply not what was proved: nothing is learnt by trying. */
function refusal(chunkId: ChunkId): ChunkResults['results'][number] {
  return { chunkId, stored: false, code: 'forbidden', detail: 'The proof does not hold; send the chunk in a batch' };
}

async function proofHolds(
  ports: Pick<ProvePorts, 'ledger' | 'reader'>,
  budget: ByteBudget,
  proof: Proof,
  chunk: StoredChunk,
): Promise<boolean> {
  using memory = new DisposableStack();
  memory.use(await budget.take(2 * chunk.size));
  const read = await ports.reader.readRaw(chunk, async (id) => (await ports.ledger.locateAny([id])).get(id), memory);
  if ('fault' in read) return false;
  const digest = createHash('sha256').update(`${proof.nonce}\n`);
  for (const part of read.raw) digest.update(part);
  return timingSafeEqual(digest.digest(), Buffer.from(proof.proof, 'hex'));
}

/** Links chunks that are stored for somebody else, to whoever shows that they have the bytes (S7). */
export async function proveChunks(ports: ProvePorts, caller: Caller, request: ProveRequest): Promise<ChunkResults> {
  const { workspaceId, proofs } = request;
  if (ports.failures.isReached(caller.userId))
    throw new CodedError('rate_limited', 'Too many proofs failed; send the chunks in batches', { retryAfterS: 600 });
  const located = await ports.ledger.locateAny(proofs.map(({ chunkId }) => chunkId));
  const proved = new Set<ChunkId>();
  for (const proof of proofs) {
    const { chunkId, nonce } = proof;
    const chunk = located.get(chunkId);
    const holds =
      ports.nonces.accepts(nonce, { caller, workspaceId, chunkId }) &&
      chunk !== undefined &&
      (await proofHolds(ports, ports.budget.of(caller.userId), proof, chunk));
    if (holds) proved.add(chunkId);
    else ports.failures.add(caller.userId);
    if (ports.failures.isReached(caller.userId)) break;
    await breathe();
  }
  if (proved.size > 0) await ports.ledger.linkProved(caller, workspaceId, [...proved]);
  return { results: proofs.map(({ chunkId }) => (proved.has(chunkId) ? { chunkId, stored: true } : refusal(chunkId))) };
}
