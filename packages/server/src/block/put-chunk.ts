import { createHash } from 'node:crypto';
import { CodedError } from '@satchel/protocol/errors.ts';
import type { WorkspaceId } from '@satchel/protocol/ids.ts';
import type { ChunkRef } from '@satchel/protocol/objects.ts';
import type { Caller } from '../ports/chunk-ledger.ts';
import type { SharedByteBudget } from './byte-budget.ts';
import { encoded } from './content.ts';
import type { ReadBody } from './gather.ts';
import { giveBack } from './memory.ts';
import { createChunkWriter, recordWritten, type StoringPorts } from './storing.ts';
import { needsRoom } from './upload-request.ts';

export interface PutChunk {
  readonly workspaceId: WorkspaceId;
  /** Named by the address; the body has to be it (S6). */
  readonly chunk: ChunkRef;
  readonly body: ReadBody;
}

function lengthMismatch(chunk: ChunkRef, length: number): CodedError {
  return new CodedError('length_mismatch', `The chunk was announced with ${chunk.size} bytes and came with ${length}`);
}

/** Put together in one piece: it is written to receivers many times cheaper than the pieces that it came in. */
async function readVerified({ chunk, body }: PutChunk): Promise<Uint8Array> {
  const digest = createHash('sha256');
  const raw = Buffer.allocUnsafeSlow(chunk.size);
  let length = 0;
  await body((piece) => {
    if (length + piece.length > chunk.size) throw lengthMismatch(chunk, length + piece.length);
    digest.update(piece);
    raw.set(piece, length);
    length += piece.length;
    giveBack([piece]);
  });
  if (length !== chunk.size) throw lengthMismatch(chunk, length);
  if (digest.digest('hex') !== chunk.id)
    throw new CodedError('hash_mismatch', `The bytes received are not chunk ${chunk.id}; send it again`);
  return raw;
}

/** Reads on to the end, so that the connection can be used again. */
async function readAway({ chunk, body }: PutChunk): Promise<void> {
  let length = 0;
  await body((piece) => {
    length += piece.length;
    giveBack([piece]);
    if (length > chunk.size) throw lengthMismatch(chunk, length);
  });
}

/** Stores one raw chunk. A chunk that the workspace has is not stored again. */
export async function putChunk(
  ports: StoringPorts & { readonly budget: SharedByteBudget },
  caller: Caller,
  put: PutChunk,
): Promise<void> {
  const { workspaceId, chunk } = put;
  const [standing] = await ports.ledger.stand(caller, workspaceId, [chunk]);
  if (standing === 'linked') return readAway(put);
  if (needsRoom(standing)) await ports.ledger.expectRoom(caller, workspaceId, chunk.size);
  using memory = new DisposableStack();
  memory.use(await ports.budget.of(caller.userId).take(2 * chunk.size));
  const raw = [await readVerified(put)];
  const content = await encoded(raw);
  if (content.parts !== raw) giveBack(raw);
  using near = ports.recorder.expect();
  const writer = createChunkWriter(ports);
  await writer.add({ chunk, content });
  const stored = await writer.finish();
  near[Symbol.dispose]();
  await recordWritten(ports, { caller, workspaceId }, stored, new Set(standing === 'elsewhere' ? [chunk.id] : []));
  ports.recent.set(chunk.id, content, memory);
}
