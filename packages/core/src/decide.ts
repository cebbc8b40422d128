import type { ObjectId } from '@satchel/protocol/ids.ts';
import { factsOf, isEdited, isFolder, samePlace, slotOf, type Facts } from './diff.ts';
import type { PlanSettings } from './plan-settings.ts';
import type { Place, TreeNode, Trees } from './tree.ts';
import { walkUp } from './walk-up.ts';

export type Fate =
  /** On neither side. */
  | 'gone'
  | 'lives'
  /** One side deleted it and the other agrees. */
  | 'dies'
  /** A folder with two fates: moved by one side, deleted by the other (P9). */
  | 'released'
  /** Not to be told now: busy, unseen, or it hangs on something that is. */
  | 'waits';

/**
 * What shall become of each object and where it shall lie, decided on demand and remembered for one plan. Deciding
 * about one object may ask about others: downwards for a folder that may have to go, upwards for circles.
 */
export class Decisions {
  readonly trees: Trees;
  readonly settings: PlanSettings;
  /** Objects that a decision hangs on; whoever plans must plan them too. */
  readonly pulled: ObjectId[] = [];
  readonly #facts = new Map<ObjectId, Facts>();
  readonly #unseenFolders = new Map<ObjectId, boolean>();
  readonly #inReleased = new Map<ObjectId, boolean>();
  readonly #occupants = {
    local: new Map<string, ObjectId | undefined>(),
    remote: new Map<string, ObjectId | undefined>(),
  };
  readonly #fates = new Map<ObjectId, Fate>();
  /** Folders in which something lives for sure. */
  readonly #sustained = new Set<ObjectId>();
  /** Objects whose way up to the root is free of circles, if they are not in `#tangled`. */
  readonly #anchored = new Set<ObjectId>();
  readonly #tangled = new Set<ObjectId>();
  readonly #undone = new Set<ObjectId>();
  #needsMore = false;

  constructor(trees: Trees, settings: PlanSettings) {
    this.trees = trees;
    this.settings = settings;
  }

  /**
   * The limit cut off the search of a folder that something moves out of, or of one that is excluded. Whether the
   * folder goes may be what the others wait for: when it has to make way for one that wants its name.
   */
  get needsMore(): boolean {
    return this.#needsMore;
  }

  /** The limit cut off a search for what leaves a folder. */
  cutOff(): void {
    this.#needsMore = true;
  }

  get decided(): number {
    return this.#fates.size;
  }

  facts(id: ObjectId): Facts {
    let facts = this.#facts.get(id);
    if (!facts) {
      facts = factsOf(this.trees, id, this.#unseenFolders);
      this.#facts.set(id, facts);
    }
    return facts;
  }

  /** The object that has this place on one side now. */
  occupant(side: 'local' | 'remote', place: Place): ObjectId | undefined {
    const { parentId } = place;
    if (parentId !== this.settings.rootId && !this.facts(parentId)[side]) return undefined;
    const slot = slotOf(place);
    const known = this.#occupants[side];
    if (!known.has(slot)) known.set(slot, this.trees[side].childNamed(place)?.objectId);
    return known.get(slot);
  }

  fate(id: ObjectId): Fate {
    return this.#knownFate(id) ?? this.#searchedFate(id);
  }

  /** Where an object shall lie, names not yet contested (P10); undefined when neither side has it. */
  place(id: ObjectId): Place | undefined {
    if (!this.#anchored.has(id)) this.#anchor(id);
    return this.#mergedPlace(this.facts(id));
  }

  /** Was a local move overruled by the server's place? */
  moveIsUndone(id: ObjectId): boolean {
    const { local, remote, localMoved, remoteMoved } = this.facts(id);
    return localMoved && !!local && !!remote && (remoteMoved || this.#undone.has(id)) && !samePlace(local, remote);
  }

  /** Live in Remote, but its folder is not: the listing is incomplete, either has more to come. */
  isOrphan(id: ObjectId): boolean {
    const parentId = this.facts(id).remote?.parentId;
    return parentId !== undefined && parentId !== this.settings.rootId && !this.facts(parentId).remote;
  }

  /** Something lives in this folder: P8 need not search it. True when that changes what was decided about it. */
  sustain(folderId: ObjectId): boolean {
    if (this.#sustained.has(folderId)) return false;
    this.#sustained.add(folderId);
    if (this.#fates.get(folderId) !== 'waits') return false;
    this.#fates.delete(folderId);
    return true;
  }

  /** Undefined for a deleted folder that has not been searched for life yet (P8). */
  #knownFate(id: ObjectId): Fate | undefined {
    const known = this.#fates.get(id);
    if (known) return known;
    const fate = this.#fateByItself(this.facts(id));
    if (fate) this.#fates.set(id, fate);
    return fate;
  }

  #fateByItself(facts: Facts): Fate | undefined {
    const { id, local, remote, synced } = facts;
    if (this.settings.busy(id) || this.#isTangled(id)) return 'waits';
    if (facts.unseen && !(local && remote)) return 'waits';
    if (local && remote) return 'lives';
    const survivor = local ?? remote;
    if (!survivor) return 'gone';
    if (!synced || (!local && this.settings.excluded(id))) return 'lives';
    return this.#fateOfDeleted(facts, survivor);
  }

  /** P7, P9: one side deleted it since Synced, `survivor` is what the other side still has. */
  #fateOfDeleted(facts: Facts, survivor: TreeNode): Fate | undefined {
    if (this.#isReleased(facts)) return 'released';
    if (isEdited(survivor, facts.synced) || facts.localMoved || facts.remoteMoved) return 'lives';
    const parent = this.facts(survivor.parentId);
    if (isDeletedLike(parent, facts) && this.#liesInReleased(parent.id)) {
      this.pulled.push(parent.id);
      return 'waits';
    }
    if (!isFolder(survivor.content)) return 'dies';
    return this.#sustained.has(facts.id) ? 'lives' : undefined;
  }

  /** P9, itself: a mount counts as moved, so that a share is never emptied by removing its folder. */
  #isReleased(facts: Facts): boolean {
    const { local, remote, synced } = facts;
    const survivor = local ?? remote;
    if (!survivor || !synced || (local && remote) || facts.unseen || !isFolder(survivor.content)) return false;
    return facts.localMoved || facts.remoteMoved || remote?.content.kind === 'mount';
  }

  /** P9, what was in it: nothing may go before the folder is released. */
  #liesInReleased(folderId: ObjectId): boolean {
    return walkUp(this.#inReleased, folderId, (id) => {
      const folder = this.facts(id);
      if (this.#isReleased(folder)) return true;
      const parentId = (folder.local ?? folder.remote)?.parentId;
      return parentId && isDeletedLike(this.facts(parentId), folder) ? parentId : false;
    });
  }

  /** P8, from folder to folder with a stack of its own: folders can be nested deeper than calls. */
  #searchedFate(id: ObjectId): Fate {
    const stack = [{ id, search: this.#searchFolder(id) }];
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const next = top.search.next();
      if (next.done) {
        this.#fates.set(top.id, next.value);
        stack.pop();
      } else stack.push({ id: next.value, search: this.#searchFolder(next.value) });
    }
    return this.#fates.get(id) ?? 'waits';
  }

  /** P8: a deleted folder lives when anything in it does. Yields the folders in it that have to be searched before. */
  *#searchFolder(folderId: ObjectId): Generator<ObjectId, Fate, void> {
    let fate: Fate = 'dies';
    let somethingLeaves = false;
    const tree = this.facts(folderId).local ? this.trees.local : this.trees.remote;
    for (const child of tree.children(folderId)) {
      const { objectId: id } = child;
      if ('deleted' in child && child.deleted) continue;
      if (this.decided >= this.settings.limit && !this.#fates.has(id)) {
        this.#needsMore ||= somethingLeaves;
        return 'waits';
      }
      if (!this.#knownFate(id)) yield id;
      const childFate = this.fate(id);
      this.pulled.push(id);
      if (childFate === 'dies') continue;
      if (this.place(id)?.parentId !== folderId) {
        somethingLeaves = true;
        continue;
      }
      // P11: what cannot be seen now may have left already, or may be gone.
      if (childFate === 'waits' || this.isOrphan(id) || this.facts(id).unseen) fate = 'waits';
      else return 'lives';
    }
    return fate;
  }

  /** P4: the side that moved it wins; the server when both did, or when the local move was part of a circle. */
  #mergedPlace(facts: Facts): Place | undefined {
    const { local, remote } = facts;
    if (!local || !remote) return local ?? remote;
    return facts.localMoved && !facts.remoteMoved && !this.#undone.has(facts.id) ? local : remote;
  }

  /**
   * P6: walks up to the root and undoes the local moves on every circle met. Each object has one parent, so circles
   * never share a member, and the outcome does not depend on where the walk began.
   */
  #anchor(id: ObjectId): void {
    let path: ObjectId[] = [];
    let seen = new Set<ObjectId>();
    let at = id;
    while (at !== this.settings.rootId && !this.#anchored.has(at)) {
      if (seen.has(at)) {
        if (!this.#undoMoves(path.slice(path.indexOf(at)))) break;
        [path, seen, at] = [[], new Set(), id];
        continue;
      }
      seen.add(at);
      path.push(at);
      const place = this.#mergedPlace(this.facts(at));
      if (!place) break;
      at = place.parentId;
    }
    const tangled = seen.has(at) || this.#tangled.has(at);
    for (const member of path) {
      this.#anchored.add(member);
      if (tangled && this.#mergedPlace(this.facts(member))) this.#tangled.add(member);
    }
  }

  #undoMoves(circle: readonly ObjectId[]): boolean {
    let undone = false;
    for (const id of circle) {
      const facts = this.facts(id);
      if (!facts.remote || !facts.localMoved || this.#mergedPlace(facts) !== facts.local) continue;
      this.#undone.add(id);
      undone = true;
    }
    return undone;
  }

  /** The circle is Remote's own, as it can look in the middle of a listing. */
  #isTangled(id: ObjectId): boolean {
    if (!this.#anchored.has(id)) this.#anchor(id);
    return this.#tangled.has(id);
  }
}

/** Was `folder` deleted by the side that deleted `child`? */
function isDeletedLike(folder: Facts, child: Facts): boolean {
  if (!folder.synced || folder.unseen) return false;
  return child.local ? !!folder.local && !folder.remote : !!folder.remote && !folder.local;
}
