import { CodedError } from '@satchel/protocol/errors.ts';
import type { Version } from '@satchel/protocol/objects.ts';
import type { Calls } from './calls.ts';
import { asBytes } from './chunk-routes.ts';
import { attachment } from './content-disposition.ts';
import { spanOf } from './range-header.ts';
import { sendRuns } from './send-runs.ts';
import type { Services } from './services.ts';

/** `GET /files/:id/content`: a file's bytes, whole or a range, chunk by chunk with bounded memory. */
export function contentRoute(calls: Calls, { meta, blocks }: Services): void {
  calls.on('content', async ({ caller, params, query, request, reply }) => {
    const { workspace_id: workspaceId, version_id } = query;
    const answer = await meta.metadata(caller, {
      workspace_id: workspaceId,
      file_id: params.id,
      ...(version_id === undefined ? {} : { version_id }),
    });
    const { object, chunkList } = answer;
    if (!object?.version || !chunkList || !('chunks' in chunkList))
      throw new CodedError('not_found', `${params.id} is no file of this workspace.`);
    const version: Version = object.version;
    const etag = `"${version.contentHash}"`;
    void asBytes(reply)
      .header('etag', etag)
      .header('accept-ranges', 'bytes')
      .header('content-disposition', attachment(object.name));
    if (request.headers['if-none-match'] === etag) {
      void reply.code(304).send();
      return;
    }
    const ifRange = request.headers['if-range'];
    const span = ifRange === undefined || ifRange === etag ? spanOf(request.headers.range, version.size) : undefined;
    const { from, to } = span ?? { from: 0, to: version.size };
    if (span) void reply.code(206).header('content-range', `bytes ${from}-${to - 1}/${version.size}`);
    void reply.header('content-length', String(to - from));
    const range = { offset: from, length: to - from };
    const bytes = blocks.readContent(caller, { workspaceId, chunks: chunkList.chunks, range });
    await sendRuns(reply, bytes);
  });
}
