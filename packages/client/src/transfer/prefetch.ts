import type { UploadId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { ChunkAt } from '../ports/hashing.ts';
import type { ServerApi } from '../ports/server-api.ts';
import type { Downloader } from './download.ts';

export interface PrefetchDeps {
  readonly api: ServerApi;
  readonly downloader: Downloader;
  /** Told of bytes that lie in the staging file. */
  readonly wrote?: (bytes: number) => void;
}

/**
 * Fetches the chunks of a file that another device is still uploading, to their offsets in a staging file. The file
 * itself is built and shown only after its commit (S1): whoever builds it asks for what `arrived` does not have.
 */
export interface Prefetch {
  /** Brings what has arrived on the server since the last call; returns how many bytes that were. One call at a time. */
  advance(signal: AbortSignal): Promise<number>;
  /** Chunks that lie in the staging file, verified, by their offset. */
  readonly arrived: ReadonlyMap<number, ChunkAt>;
}

export interface PrefetchOf {
  readonly workspaceId: WorkspaceId;
  readonly uploadId: UploadId;
  readonly stagingPath: string;
}

export function createPrefetch(deps: PrefetchDeps, of: PrefetchOf): Prefetch {
  const { workspaceId, uploadId, stagingPath } = of;
  const arrived = new Map<number, ChunkAt>();
  let after: number | undefined;
  let running: Promise<unknown> = Promise.resolve();

  async function step(signal: AbortSignal): Promise<number> {
    const query = { workspace_id: workspaceId, upload_id: uploadId, ...(after === undefined ? {} : { after }) };
    const { uploads } = await deps.api.call('uploads', { query }, signal);
    const upload = uploads.find((candidate) => candidate.uploadId === uploadId);
    if (upload === undefined) return 0;
    const fresh = upload.arrived.filter(({ offset }) => !arrived.has(offset));
    const wanted = fresh.map(({ id, size, offset }) => ({ id, size, targets: [{ path: stagingPath, offset }] }));
    let bytes = 0;
    await deps.downloader.fetchChunks(
      {
        workspaceId,
        wanted,
        done: (indices) => {
          for (const index of indices) {
            const chunk = fresh[index];
            if (chunk === undefined) continue;
            arrived.set(chunk.offset, chunk);
            bytes += chunk.size;
            deps.wrote?.(chunk.size);
          }
        },
      },
      signal,
    );
    after = upload.position;
    return bytes;
  }

  return {
    arrived,
    advance(signal) {
      const mine = running.then(() => step(signal));
      running = mine.catch(() => undefined); // the failure belongs to the caller
      return mine;
    },
  };
}
