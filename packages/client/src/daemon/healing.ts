import { CodedError } from '@satchel/protocol/errors.ts';
import type { ChunkId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { DamagedChunks } from '@satchel/protocol/transfer.ts';
import type { LocalTree } from '../indexer/local-tree.ts';
import { Waker } from '../indexer/waker.ts';
import type { Clock, Random } from '../ports/clock.ts';
import type { Disk } from '../ports/disk.ts';
import type { ServerApi } from '../ports/server-api.ts';
import type { ChunkIndex } from '../state/chunk-index.ts';
import type { WorkspaceStore } from '../state/workspaces.ts';
import type { FileToUpload } from '../transfer/upload-job.ts';
import type { Uploader } from '../transfer/upload.ts';

export interface HealingDeps {
  readonly api: Pick<ServerApi, 'call'>;
  readonly uploader: Pick<Uploader, 'sendAgain'>;
  readonly chunks: Pick<ChunkIndex, 'sources'>;
  readonly tree: Pick<LocalTree, 'pathOf'>;
  readonly disk: Pick<Disk, 'absolute'>;
  readonly workspaces: Pick<WorkspaceStore, 'all'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly canWrite: (workspaceId: WorkspaceId) => boolean;
  /** Online, not paused, and the folder is known. */
  readonly maySend: () => boolean;
  readonly log: (message: string, details?: Readonly<Record<string, unknown>>) => void;
}

/** Between two questions that nothing in particular gives rise to. */
const ROUTINE_MS = 60_000;
/** After a hint of the server each device waits its part of this, so that mostly one of them sends. */
const SPREAD_MS = 3000;
/** Between two questions at least. */
const REST_MS = 5000;
/** When nothing may be sent now. */
const AGAIN_MS = 10_000;
/** Chunks sent before it is asked again whether any may be sent. */
const GROUP = 4;

/**
 * Sends chunks again that are damaged in the server's store and whole on this disk (H93). It commits nothing; the bytes
 * are checked against the chunk's id as they are read, and once more by the server. One group at a time: synchronizing
 * goes on beside it.
 */
export class Healing {
  readonly #deps: HealingDeps;
  readonly #waker = new Waker();
  #askedAt = -Infinity;
  #dueAt: number | undefined;

  constructor(deps: HealingDeps) {
    this.#deps = deps;
  }

  /** The server is asked what it has lost: `soon` where it says so or pings may have been missed, else now and then. */
  ask(when: 'soon' | 'routinely'): void {
    if (when === 'routinely') {
      this.#beDue(this.#askedAt + ROUTINE_MS);
      return;
    }
    const soon = this.#deps.clock.monotonic() + SPREAD_MS * this.#deps.random.fraction();
    this.#beDue(Math.max(soon, this.#askedAt + REST_MS));
  }

  #beDue(at: number): void {
    if (this.#dueAt !== undefined && this.#dueAt <= at) return;
    this.#dueAt = at;
    this.#waker.wake();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    while (!signal.aborted) {
      await this.#waker.sleep(clock, this.#dueAt, signal);
      const isDue = this.#dueAt !== undefined && this.#dueAt <= clock.monotonic();
      if (isDue && !signal.aborted) await this.#healAll(signal);
    }
  }

  async #healAll(signal: AbortSignal): Promise<void> {
    const { clock, workspaces, canWrite, maySend, log } = this.#deps;
    this.#dueAt = undefined;
    if (!maySend()) {
      this.#beDue(clock.monotonic() + AGAIN_MS);
      return;
    }
    this.#askedAt = clock.monotonic();
    for (const { workspaceId } of workspaces.all()) {
      if (!canWrite(workspaceId)) continue;
      try {
        await this.#heal(workspaceId, signal);
      } catch (error) {
        if (signal.aborted) return;
        log('damaged chunks of the server could not be sent again', { workspaceId, error: String(error) });
        this.ask('routinely');
      }
    }
  }

  async #heal(workspaceId: WorkspaceId, signal: AbortSignal): Promise<void> {
    const { log } = this.#deps;
    let after: ChunkId | undefined;
    do {
      const { chunks, next } = await this.#damaged(workspaceId, after, signal);
      const places = chunks.map(({ id, size }) => this.#placesOf(id, size)).filter((found) => found.length > 0);
      const sent = await this.#send(workspaceId, places, signal);
      if (chunks.length > 0) log('the server has damaged chunks', { workspaceId, damaged: chunks.length, sent });
      after = next;
    } while (after !== undefined && this.#deps.maySend());
    // What was left undone is done later.
    if (!this.#deps.maySend()) this.ask('routinely');
  }

  /** A server that is older than the question has no answer to it. */
  async #damaged(workspaceId: WorkspaceId, after: ChunkId | undefined, signal: AbortSignal): Promise<DamagedChunks> {
    const input = { params: { workspace_id: workspaceId }, query: after === undefined ? {} : { after } };
    try {
      const { chunks, next } = await this.#deps.api.call('damaged', input, signal);
      return { chunks: [...chunks], ...(next === undefined ? {} : { next }) };
    } catch (error) {
      if (error instanceof CodedError && error.code === 'not_found') return { chunks: [] };
      throw error;
    }
  }

  /** Where on this disk the chunk should be. */
  #placesOf(id: ChunkId, size: number): readonly FileToUpload[] {
    const { chunks, tree, disk } = this.#deps;
    return chunks.sources(id).flatMap(({ objectId, offset }) => {
      const path = tree.pathOf(objectId);
      return path === undefined ? [] : [{ path: disk.absolute(path), objectId, chunks: [{ id, size }], from: offset }];
    });
  }

  /** @param places of each chunk; where the first does not hold it any more the next is tried. Returns how many went. */
  async #send(
    workspaceId: WorkspaceId,
    places: readonly (readonly FileToUpload[])[],
    signal: AbortSignal,
  ): Promise<number> {
    const waiting = [...places];
    let sent = 0;
    while (waiting.length > 0 && this.#deps.maySend()) {
      const group = waiting.splice(0, GROUP);
      const files = group.flatMap(([first]) => (first === undefined ? [] : [first]));
      const outcomes = await this.#deps.uploader.sendAgain({ workspaceId, files }, signal);
      for (const [index, [, ...others]] of group.entries()) {
        if (outcomes[index] === 'sent') sent++;
        else if (others.length > 0) waiting.push(others);
      }
    }
    return sent;
  }
}
