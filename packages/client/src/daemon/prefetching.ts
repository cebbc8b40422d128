import type { UploadId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { Clock } from '../ports/clock.ts';
import type { Disk } from '../ports/disk.ts';
import type { ServerApi } from '../ports/server-api.ts';
import { LARGE_BYTES } from '../synchronizer/bundles.ts';
import type { Exclusions } from '../synchronizer/exclusions.ts';
import { prefetchPathOf } from '../synchronizer/file-downloads.ts';
import type { Downloader } from '../transfer/download.ts';
import { createPrefetch, type Prefetch } from '../transfer/prefetch.ts';

export interface PrefetchingDeps {
  readonly api: ServerApi;
  readonly downloader: Downloader;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly exclusions: Exclusions;
}

interface Followed {
  readonly prefetch: Prefetch;
  running: Promise<unknown> | undefined;
  /** A ping came while it was running. */
  again: boolean;
  heardAt: number;
}

const FORGET_MS = 30 * 60_000;
/** Room that is left to everything else on the disk. */
const SPARE_BYTES = 1024 ** 3;

/** Fetches what other devices are still uploading, so that the two hops of a long file overlap. */
export class Prefetching {
  readonly #deps: PrefetchingDeps;
  readonly #followed = new Map<UploadId, Followed | 'small'>();

  constructor(deps: PrefetchingDeps) {
    this.#deps = deps;
  }

  async heard(workspaceId: WorkspaceId, uploadId: UploadId, signal: AbortSignal): Promise<void> {
    const known = this.#followed.get(uploadId) ?? (await this.#begin(workspaceId, uploadId, signal));
    if (known === 'small') return;
    known.heardAt = this.#deps.clock.monotonic();
    if (known.running !== undefined) {
      known.again = true;
      return;
    }
    do {
      known.again = false;
      known.running = known.prefetch.advance(signal);
      await known.running.finally(() => (known.running = undefined));
    } while (known.again && !signal.aborted);
    this.#forgetOld();
  }

  async #begin(workspaceId: WorkspaceId, uploadId: UploadId, signal: AbortSignal): Promise<Followed | 'small'> {
    const { api, disk, exclusions, downloader, clock } = this.#deps;
    const { uploads } = await api.call(
      'uploads',
      { query: { workspace_id: workspaceId, upload_id: uploadId } },
      signal,
    );
    const upload = uploads.find((one) => one.uploadId === uploadId);
    const reach = Math.max(0, ...(upload?.arrived.map(({ offset, size }) => offset + size) ?? []));
    const hasRoom = (await disk.freeBytes()) > SPARE_BYTES;
    if (upload === undefined || !hasRoom || exclusions.has(upload.objectId)) return 'small';
    // Small files are fetched as quickly after their commit; they may still grow past the limit.
    if (reach < LARGE_BYTES) return 'small';
    const stagingPath = disk.absolute(prefetchPathOf(upload.objectId));
    const prefetch = createPrefetch({ api, downloader }, { workspaceId, uploadId, stagingPath });
    const followed: Followed = { prefetch, running: undefined, again: false, heardAt: clock.monotonic() };
    this.#followed.set(uploadId, followed);
    return followed;
  }

  #forgetOld(): void {
    const oldest = this.#deps.clock.monotonic() - FORGET_MS;
    for (const [id, followed] of this.#followed) {
      if (followed !== 'small' && followed.heardAt < oldest) this.#followed.delete(id);
    }
  }
}
