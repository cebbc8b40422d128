import type { ContentHash, ObjectId, UploadId, WorkspaceId } from '@satchel/protocol/ids.ts';
import { EarlyFlush } from '../apply/early-flush.ts';
import type { Clock } from '../ports/clock.ts';
import type { Disk } from '../ports/disk.ts';
import type { ServerApi } from '../ports/server-api.ts';
import { LARGE_BYTES } from '../synchronizer/bundles.ts';
import type { Exclusions } from '../synchronizer/exclusions.ts';
import { prefetchPathOf, type Prefetched } from '../synchronizer/file-downloads.ts';
import type { Downloader } from '../transfer/download.ts';
import type { TreeStore } from '../state/trees.ts';
import { createPrefetch, type Prefetch } from '../transfer/prefetch.ts';

export interface PrefetchingDeps {
  readonly api: ServerApi;
  readonly downloader: Downloader;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly exclusions: Exclusions;
  readonly trees: TreeStore;
}

interface Followed {
  readonly objectId: ObjectId;
  /** Of its file in the staging folder. */
  readonly path: string;
  readonly prefetch: Prefetch;
  readonly early: EarlyFlush;
  /** What the server had of the object when this began. */
  readonly before: ContentHash | undefined;
  running: Promise<unknown> | undefined;
  /** A ping came while it was running. */
  again: boolean;
  /** Its file was handed over, or another upload of the same object has begun. */
  isOver: boolean;
  hasFailed: boolean;
  heardAt: number;
}

/** Between two chunks of a slow upload less time passes. */
const SILENT_MS = 60_000;
/** Room that is left to everything else on the disk. */
const SPARE_BYTES = 1024 ** 3;

/** `later`: too small so far, say. `never`: one of this device's own, or one that is over. */
type Beginning = Followed | 'later' | 'never';

const KNOWN_UPLOADS = 1000;

/** Fetches what other devices are still uploading, so that the two hops of a long file overlap. */
export class Prefetching {
  readonly #deps: PrefetchingDeps;
  readonly #byUpload = new Map<UploadId, Promise<Beginning>>();
  /** The upload of each object that was begun last. */
  readonly #byObject = new Map<ObjectId, Followed>();

  constructor(deps: PrefetchingDeps) {
    this.#deps = deps;
  }

  async heard(workspaceId: WorkspaceId, uploadId: UploadId, signal: AbortSignal): Promise<void> {
    const followed = await (this.#byUpload.get(uploadId) ?? this.#follow(workspaceId, uploadId, signal));
    if (typeof followed === 'string' || followed.isOver) return;
    followed.heardAt = this.#deps.clock.monotonic();
    if (followed.running !== undefined) {
      followed.again = true;
      return;
    }
    try {
      do {
        followed.again = false;
        followed.running = followed.prefetch.advance(signal);
        await followed.running;
      } while (followed.again && !followed.isOver && !signal.aborted);
    } catch (error) {
      followed.hasFailed = true;
      throw error;
    } finally {
      followed.running = undefined;
    }
  }

  /** Ends the prefetch of an object; resolves when nothing writes to its file any more. Undefined: none can be relied on. */
  async take(objectId: ObjectId): Promise<Prefetched | undefined> {
    const followed = this.#byObject.get(objectId);
    if (followed === undefined) return undefined;
    await this.#end(followed);
    return followed.hasFailed ? undefined : { path: followed.path, chunks: followed.prefetch.arrived };
  }

  /** Whether its file in the staging folder is being written. */
  isFollowing(objectId: ObjectId): boolean {
    return this.#byObject.has(objectId);
  }

  /**
   * Gives up what nobody will take: this device has everything that the server lists, so a file whose version has come
   * in another way, or whose upload has fallen silent, is not asked for any more. Its room on the disk is free again.
   */
  dropUnwanted(): void {
    const oldest = this.#deps.clock.monotonic() - SILENT_MS;
    for (const followed of this.#byObject.values()) {
      const isOutdated = this.#listed(followed.objectId) !== followed.before;
      if (followed.running === undefined && (isOutdated || followed.heardAt < oldest)) void this.#end(followed);
    }
  }

  async #end(followed: Followed): Promise<void> {
    followed.isOver = true;
    if (this.#byObject.get(followed.objectId) === followed) this.#byObject.delete(followed.objectId);
    // Its failure was told to whoever heard the ping.
    await Promise.allSettled([followed.running]);
    await followed.early.end().catch(() => (followed.hasFailed = true));
  }

  async #follow(workspaceId: WorkspaceId, uploadId: UploadId, signal: AbortSignal): Promise<Beginning> {
    const beginning = this.#begin(workspaceId, uploadId, signal);
    this.#byUpload.set(uploadId, beginning);
    for (const oldest of this.#byUpload.keys()) {
      if (this.#byUpload.size <= KNOWN_UPLOADS) break;
      this.#byUpload.delete(oldest);
    }
    let followed: Beginning = 'later';
    try {
      followed = await beginning;
      return followed;
    } finally {
      if (followed === 'later') this.#byUpload.delete(uploadId);
    }
  }

  async #begin(workspaceId: WorkspaceId, uploadId: UploadId, signal: AbortSignal): Promise<Beginning> {
    const { api, disk, exclusions, downloader, clock } = this.#deps;
    const query = { workspace_id: workspaceId, upload_id: uploadId };
    const { uploads } = await api.call('uploads', { query }, signal);
    const upload = uploads.find((one) => one.uploadId === uploadId);
    if (upload === undefined) return 'never';
    // Small files are fetched as quickly after their commit; they may still grow past the limit.
    const reach = Math.max(0, ...upload.arrived.map(({ offset, size }) => offset + size));
    const hasRoom = reach >= LARGE_BYTES && (await disk.freeBytes()) > SPARE_BYTES;
    const { objectId } = upload;
    if (!hasRoom || exclusions.has(objectId)) return 'later';
    const previous = this.#byObject.get(objectId);
    if (previous !== undefined) {
      await this.#end(previous);
      disk.removeFile(previous.path);
    }
    const path = prefetchPathOf(objectId, uploadId);
    const stagingPath = disk.absolute(path);
    const early = new EarlyFlush(() => disk.flush([path]));
    const wrote = (bytes: number) => early.wrote(bytes);
    const prefetch = createPrefetch({ api, downloader, wrote }, { workspaceId, uploadId, stagingPath });
    const before = this.#listed(objectId);
    const state = { before, running: undefined, again: false, isOver: false, hasFailed: false };
    const followed: Followed = { objectId, path, prefetch, early, ...state, heardAt: clock.monotonic() };
    this.#byObject.set(objectId, followed);
    return followed;
  }

  /** Of a file that the server lists. */
  #listed(objectId: ObjectId): ContentHash | undefined {
    const content = this.#deps.trees.remote.get(objectId)?.content;
    return content?.kind === 'file' ? content.hash : undefined;
  }
}
