import type { ChunkId } from '@satchel/protocol/ids.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import type { ChunkNeed, UploadAnswer, UploadRequest } from '@satchel/protocol/transfer.ts';
import type { Caller, ChunkLedger, ChunkStanding } from '../ports/chunk-ledger.ts';
import { breathe } from './breathe.ts';
import type { ProofNonces } from './proof-nonces.ts';
import type { AddressSigner } from './signed-address.ts';

export interface UploadRequestPorts {
  readonly ledger: ChunkLedger;
  readonly signer: AddressSigner;
  readonly nonces: ProofNonces;
  readonly deduplication: 'global' | 'account';
}

/** Shorter files are not worth announcing for prefetch: they are committed before another device hears of them. */
const ANNOUNCED_BYTES = 1024 * 1024;
const NEEDS_PER_TURN = 256;

type File = UploadRequest['files'][number];
type Chunk = File['chunks'][number];

function needOf(
  ports: UploadRequestPorts,
  asking: { readonly caller: Caller; readonly workspaceId: UploadRequest['workspaceId'] },
  chunk: Chunk,
  standing: ChunkStanding | undefined,
): ChunkNeed {
  if (standing === 'linked') return { need: 'nothing' };
  if (chunk.size < LIMITS.smallChunkBytes) return { need: 'batch' };
  if (standing === 'elsewhere' && ports.deduplication === 'global')
    return { need: 'prove', nonce: ports.nonces.issue({ ...asking, chunkId: chunk.id }) };
  return { need: 'put', ...ports.signer.sign({ method: 'PUT', ...asking, chunk }) };
}

function isWorthAnnouncing(file: File): boolean {
  let bytes = 0;
  for (const { size } of file.chunks) bytes += size;
  return file.chunks.length > 0 && (file.firstChunk > 0 || bytes >= ANNOUNCED_BYTES);
}

/** What versions of the workspace use already is counted (S8). */
export function needsRoom(standing: ChunkStanding | undefined): boolean {
  return standing !== 'linked' && standing !== 'damaged';
}

/** Refuses early what cannot fit. Several files are checked one by one as their bytes come. */
async function expectRoom(
  ports: UploadRequestPorts,
  caller: Caller,
  request: UploadRequest,
  standings: readonly ChunkStanding[],
): Promise<void> {
  if (request.files.length !== 1) return;
  let bytes = 0;
  request.files[0]?.chunks.forEach(({ size }, index) => (bytes += needsRoom(standings[index]) ? size : 0));
  if (bytes > 0) await ports.ledger.expectRoom(caller, request.workspaceId, bytes);
}

/** What is needed of each chunk of the files to be uploaded. */
export async function answerUploadRequest(
  ports: UploadRequestPorts,
  caller: Caller,
  request: UploadRequest,
): Promise<UploadAnswer> {
  const { workspaceId, files } = request;
  const standings = await ports.ledger.stand(
    caller,
    workspaceId,
    files.flatMap((file) => file.chunks),
  );
  await expectRoom(ports, caller, request, standings);
  const asked = new Set<ChunkId>();
  const answers: { uploadId: File['uploadId']; needs: ChunkNeed[] }[] = [];
  let index = 0;
  for (const file of files) {
    const needs: ChunkNeed[] = [];
    for (const chunk of file.chunks) {
      const standing = asked.has(chunk.id) ? 'linked' : standings[index];
      needs.push(needOf(ports, { caller, workspaceId }, chunk, standing));
      asked.add(chunk.id);
      if (++index % NEEDS_PER_TURN === 0) await breathe();
    }
    answers.push({ uploadId: file.uploadId, needs });
  }
  await Promise.all(
    files.filter(isWorthAnnouncing).map((file) => ports.ledger.announceUpload(caller, { workspaceId, ...file })),
  );
  return { files: answers };
}
