import type { WorkspaceId } from '@satchel/protocol/ids.ts';

/**
 * The seqs that this device's own commits have made beyond the cursor. Where they join on to the cursor it may move
 * over them without a listing; a gap is somebody else's change.
 */
export class OwnSeqs {
  readonly #byWorkspace = new Map<WorkspaceId, Set<number>>();
  readonly #highest = new Map<WorkspaceId, number>();

  add(workspaceId: WorkspaceId, seq: number): void {
    const seqs = this.#byWorkspace.get(workspaceId) ?? new Set();
    this.#byWorkspace.set(workspaceId, seqs.add(seq));
    this.#highest.set(workspaceId, Math.max(seq, this.highest(workspaceId)));
  }

  /** The last seq that is reached from `cursor` over own ones only; forgets those up to it. */
  reach(workspaceId: WorkspaceId, cursor: number): number {
    const seqs = this.#byWorkspace.get(workspaceId);
    if (seqs === undefined) return cursor;
    let at = cursor;
    while (seqs.delete(at + 1)) at++;
    for (const seq of seqs) if (seq <= at) seqs.delete(seq);
    return at;
  }

  /** The workspace counts anew: the server was restored (S10). */
  forget(workspaceId: WorkspaceId): void {
    this.#byWorkspace.delete(workspaceId);
    this.#highest.delete(workspaceId);
  }

  highest(workspaceId: WorkspaceId): number {
    return this.#highest.get(workspaceId) ?? 0;
  }
}
