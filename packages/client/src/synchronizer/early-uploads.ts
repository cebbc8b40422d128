import type { ContentHash, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { ReadAndSend } from '../indexer/reading.ts';
import type { ScanResult } from '../ports/hashing.ts';
import type { Uploader } from '../transfer/upload.ts';

export interface EarlyUploadsDeps {
  readonly uploader: Pick<Uploader, 'uploadStream'>;
  /** Whether this device may send to the workspace at this moment. */
  readonly maySend: (workspaceId: WorkspaceId) => boolean;
  /** Bytes of files that are on the server now. */
  readonly progress: (bytes: number) => void;
}

const REMEMBERED = 64;

/**
 * Sends long new files while they are read for the first time: one pass over the bytes in place of two, and receivers
 * can begin at once. It commits nothing, and nothing relies on it: what it could not send goes the usual way, and what
 * it sent in vain is collected on the server like every chunk without a version (S5).
 */
export class EarlyUploads {
  readonly #deps: EarlyUploadsDeps;
  readonly #sent = new Map<ContentHash, WorkspaceId>();
  readonly #running = new Set<ReadAndSend>();

  constructor(deps: EarlyUploadsDeps) {
    this.#deps = deps;
  }

  /** Undefined: the file is to be read without being sent. */
  readAndSend(file: ReadAndSend, signal: AbortSignal): Promise<ScanResult> | undefined {
    return this.#deps.maySend(file.workspaceId) ? this.#send(file, signal) : undefined;
  }

  async #send(file: ReadAndSend, signal: AbortSignal): Promise<ScanResult> {
    const { uploader, maySend, progress } = this.#deps;
    const { path, objectId, workspaceId } = file;
    this.#running.add(file);
    try {
      const isWanted = (): boolean => maySend(workspaceId);
      const { scan, isSent } = await uploader.uploadStream({ path, objectId, workspaceId, isWanted, progress }, signal);
      if (isSent && scan.outcome === 'scanned') this.#note(scan.hash, workspaceId);
      return scan;
    } finally {
      this.#running.delete(file);
    }
  }

  #note(hash: ContentHash, workspaceId: WorkspaceId): void {
    this.#sent.delete(hash);
    this.#sent.set(hash, workspaceId);
    const oldest = this.#sent.keys().next();
    if (this.#sent.size > REMEMBERED && !oldest.done) this.#sent.delete(oldest.value);
  }

  /** Whether the server has taken all of this content. Told once: after a commit that misses chunks they are sent. */
  take(workspaceId: WorkspaceId, hash: ContentHash): boolean {
    if (this.#sent.get(hash) !== workspaceId) return false;
    return this.#sent.delete(hash);
  }

  /** Under way, with the bytes of their contents. */
  running(): { readonly uploads: number; readonly bytesUp: number } {
    let bytesUp = 0;
    for (const { sizeBytes } of this.#running) bytesUp += sizeBytes;
    return { uploads: this.#running.size, bytesUp };
  }
}
