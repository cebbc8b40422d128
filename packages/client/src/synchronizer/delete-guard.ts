import { DELETE_WINDOW_MS, deletesAllowed } from '@satchel/core/mass-deletes.ts';
import type { ObjectId, WorkspaceId } from '@satchel/protocol/ids.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';

/** What is held back until the user decides (H69). */
export interface Held {
  readonly deletes: number;
  /** Some of the paths, for showing. */
  readonly sample: readonly string[];
  readonly since: number;
}

export interface DeleteGuardDeps {
  /** 'off', or the number of deletions within the window from which on they are held. */
  readonly limit: () => number | 'off';
  readonly treeSize: () => number;
  /** Wall time, ms. */
  readonly now: () => number;
}

/**
 * Mass deletions are held and shown: more than the limit, or a tenth of the tree (and at least 50), within five
 * minutes. Everything else goes on. What the server holds of this device is held here too, and decided with the rest.
 */
export class DeleteGuard {
  readonly #deps: DeleteGuardDeps;
  /** Objects deleted here and not yet on the server. */
  readonly #wanted = new Set<ObjectId>();
  readonly #held = new Set<ObjectId>();
  readonly #accepted = new Set<ObjectId>();
  /** When the server was told that the user has accepted. */
  readonly #told = new Map<WorkspaceId, number>();
  #sent: number[] = [];
  #since = 0;

  constructor(deps: DeleteGuardDeps) {
    this.#deps = deps;
  }

  /** An object is gone from this disk, proved. */
  deleted(id: ObjectId): void {
    this.#wanted.add(id);
  }

  /** It is there again, or its deletion is over. */
  settled(id: ObjectId): void {
    this.#wanted.delete(id);
    this.#held.delete(id);
    this.#accepted.delete(id);
  }

  /** How many deletions a plan may contain now. */
  allowed(): number {
    const limit = this.#deps.limit();
    if (limit === 'off') return Infinity;
    const horizon = this.#deps.now() - DELETE_WINDOW_MS;
    this.#sent = this.#sent.filter((at) => at > horizon);
    const size = this.#deps.treeSize() + this.#sent.length;
    const undecided = this.#wanted.size - this.#accepted.size;
    return undecided + this.#sent.length > deletesAllowed(limit, size) ? 0 : Infinity;
  }

  /** These deletions were done on the server; those that the user has accepted do not count any more. */
  sent(ids: readonly ObjectId[]): void {
    for (const id of ids) {
      if (!this.#accepted.has(id)) this.#sent.push(this.#deps.now());
      this.settled(id);
    }
  }

  hold(ids: readonly ObjectId[]): void {
    if (this.#held.size === 0 && ids.length > 0) this.#since = this.#deps.now();
    for (const id of ids) {
      this.#wanted.add(id);
      this.#held.add(id);
      this.#accepted.delete(id);
    }
  }

  isHolding(): boolean {
    return this.#held.size > 0;
  }

  isHeld(id: ObjectId): boolean {
    return this.#held.has(id);
  }

  /** The user lets them through: all that would be held, too. */
  accept(): readonly ObjectId[] {
    const ids = this.#undecided();
    for (const id of ids) this.#accepted.add(id);
    this.#held.clear();
    this.#told.clear();
    return ids;
  }

  /** Whether the server has to hear that the user has accepted, before it gets these deletions. */
  mustTell(workspaceId: WorkspaceId, deletions: readonly ObjectId[]): boolean {
    const at = this.#told.get(workspaceId);
    const lasts = at !== undefined && this.#deps.now() - at < LIMITS.heldAcceptanceMs / 2;
    return !lasts && deletions.some((id) => this.#accepted.has(id));
  }

  told(workspaceId: WorkspaceId): void {
    this.#told.set(workspaceId, this.#deps.now());
  }

  /** The user wants them back: all that would be held, too. */
  undo(): readonly ObjectId[] {
    const ids = this.#undecided();
    for (const id of ids) this.settled(id);
    return ids;
  }

  /** What a decision is about: all that is deleted here, once any of it is held. */
  #undecided(): readonly ObjectId[] {
    return this.#held.size === 0 ? [] : [...this.#wanted].filter((id) => !this.#accepted.has(id));
  }

  held(pathOf: (id: ObjectId) => string | undefined): Held | undefined {
    if (this.#held.size === 0) return undefined;
    const sample: string[] = [];
    for (const id of this.#held) {
      const path = pathOf(id);
      if (path !== undefined) sample.push(path);
      if (sample.length >= 20) break;
    }
    return { deletes: this.#held.size, sample, since: this.#since };
  }
}
