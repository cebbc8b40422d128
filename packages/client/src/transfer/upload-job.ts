import type { Manifest } from '@satchel/core/manifest.ts';
import type { ChunkId, ObjectId, UploadId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { ChunkSource, Hashing } from '../ports/hashing.ts';
import type { ServerApi } from '../ports/server-api.ts';
import { createDeltaBases } from './delta-base.ts';
import type { Lane } from './lane.ts';

export interface UploadDeps {
  /** With retries. */
  readonly api: ServerApi;
  readonly hashing: Hashing;
  readonly newUploadId: () => UploadId;
  /** Block signatures of a chunk, where they are kept. */
  readonly signature: (id: ChunkId) => Uint8Array | undefined;
}

export interface FileToUpload {
  /** Absolute. */
  readonly path: string;
  readonly objectId: ObjectId;
  readonly chunks: Manifest;
  /** Where in the file these chunks begin (0). */
  readonly from?: number;
  /** Chunk list of a version that the server has: its chunks are not sent, and the others as differences. */
  readonly base?: Manifest;
}

/** `changed`: the file no longer holds the bytes of its chunk list. Nothing of a mix was sent (H13). */
export type UploadOutcome = 'sent' | 'changed';

/** So many more bytes of the files are on the server. */
export type Progress = (bytes: number) => void;

/** The lanes of a device: small ones never wait behind large ones. */
export interface UploadLanes {
  readonly small: Lane;
  readonly large: Lane;
}

export interface UploadContext extends UploadDeps {
  readonly lanes: UploadLanes;
  readonly workspaceId: WorkspaceId;
  readonly progress: Progress;
}

/** A chunk to be brought to the server, once, for all files that have it. */
export interface ChunkJob {
  readonly source: ChunkSource;
  readonly file: FileJob;
  readonly index: number;
}

export interface FileJob {
  readonly uploadId: UploadId;
  readonly file: FileToUpload;
  outcome: UploadOutcome;
}

/** The chunks that the server may lack, each once, in the order of the files. */
export function chunkJobsOf(context: UploadContext, files: readonly FileJob[]): readonly ChunkJob[] {
  const seen = new Set<ChunkId>();
  const jobs: ChunkJob[] = [];
  for (const file of files) {
    const { path, chunks, base, from = 0 } = file.file;
    const bases = base === undefined ? undefined : createDeltaBases(base, chunks);
    let offset = from;
    for (const [index, { id, size }] of chunks.entries()) {
      if (!seen.has(id) && bases?.has(id) !== true) {
        seen.add(id);
        const origin = bases?.baseOf({ offset, size });
        const blocks = origin === undefined ? undefined : context.signature(origin.id);
        const against = origin === undefined || blocks === undefined ? {} : { against: { id: origin.id, blocks } };
        jobs.push({ file, index, source: { path, id, size, offset, ...against } });
      }
      offset += size;
    }
  }
  return jobs;
}
