import type { FastifyReply, FastifyRequest } from 'fastify';
import { CodedError } from '@satchel/protocol/errors.ts';
import type { ChunkId, WorkspaceId } from '@satchel/protocol/ids.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import type { ReadBody } from '../block/gather.ts';
import type { Caller } from '../ports/chunk-ledger.ts';
import type { Calls } from './calls.ts';
import { sendRuns } from './send-runs.ts';
import type { Services } from './services.ts';

/** Bytes up and down: batches, single chunks, signed addresses. */
export function chunkRoutes(calls: Calls, { blocks }: Services): void {
  calls.on('uploadRequest', ({ caller, body }) => blocks.uploadRequest(caller, body));
  calls.on('prove', ({ caller, body }) => blocks.prove(caller, body));
  calls.on('batch', ({ caller, query, body, request }) => {
    const length = request.headers['content-length'];
    const bodyBytes = length === undefined ? undefined : Number(length);
    return blocks.acceptBatch(caller, { workspaceId: query.workspace_id, body, bodyBytes });
  });
  calls.on('fetch', async ({ caller, body, reply }) => {
    await sendRuns(asBytes(reply), await blocks.fetch(caller, body));
  });

  const put = async (call: {
    readonly caller: Caller;
    readonly params: { readonly chunk_id: ChunkId };
    readonly query: { readonly workspace_id: WorkspaceId };
    readonly body: ReadBody;
    readonly request: FastifyRequest;
  }): Promise<void> => {
    const chunk = { id: call.params.chunk_id, size: announcedLength(call.request) };
    await blocks.putChunk(call.caller, { workspaceId: call.query.workspace_id, chunk, body: call.body });
  };
  const get = async (reply: FastifyReply, caller: Caller, workspaceId: WorkspaceId, id: ChunkId): Promise<void> => {
    const acceptsZstd = /\bzstd\b/.test(String(reply.request.headers['accept-encoding'] ?? ''));
    const { encoding, length, bytes } = await blocks.getChunk(caller, { workspaceId, id, acceptsZstd });
    if (encoding === 'zstd') void reply.header('content-encoding', 'zstd');
    void asBytes(reply)
      .header('vary', 'accept-encoding')
      .header('content-length', length)
      .header('content-disposition', `attachment; filename="${id}"`);
    await sendRuns(reply, bytes);
  };
  calls.on('putChunk', put);
  calls.on('postChunk', put);
  calls.on('getChunk', ({ caller, params, query, reply }) => get(reply, caller, query.workspace_id, params.chunk_id));

  calls.on('putBlock', async ({ request, body }) => {
    const { caller, workspaceId, chunk } = blocks.verify('PUT', request.url);
    const length = announcedLength(request);
    if (length !== chunk.size)
      throw new CodedError('length_mismatch', `The address was signed for ${chunk.size} bytes, not for ${length}.`);
    await blocks.putChunk(caller, { workspaceId, chunk, body });
  });
  calls.on('getBlock', async ({ request, reply }) => {
    const { caller, workspaceId, chunk } = blocks.verify('GET', request.url);
    await get(reply, caller, workspaceId, chunk.id);
  });
}

/** The length that a single chunk is announced with. Chunked transfer has none, and nothing could be checked early. */
function announcedLength(request: FastifyRequest): number {
  const length = Number(request.headers['content-length'] ?? Number.NaN);
  if (Number.isSafeInteger(length) && length >= 1 && length <= LIMITS.chunkBytes) return length;
  throw new CodedError('length_mismatch', `Send Content-Length: 1 to ${LIMITS.chunkBytes} bytes.`);
}

/** Bytes that no browser is to guess a type of, or to show. */
export function asBytes(reply: FastifyReply): FastifyReply {
  return reply
    .header('content-type', 'application/octet-stream')
    .header('cache-control', 'no-store')
    .header('content-security-policy', "sandbox; default-src 'none'");
}
