import type { ObjectId } from '@satchel/protocol/ids.ts';
import type { Decisions } from './decide.ts';
import { isFolder, slotOf } from './diff.ts';
import { dependencies } from './step-dependencies.ts';
import { sideOf, type DiskStep, type ServerStep, type Step } from './step.ts';
import { otherTemporaryName, temporaryName } from './temporary-name.ts';
import type { Place, TreeNode } from './tree.ts';

/** `after`: indices, in the plan's list, of the steps that must have succeeded before; a step whose need failed is dropped. */
export type PlannedStep = Step & { readonly after: readonly number[] };

export interface Ordered {
  readonly steps: readonly PlannedStep[];
  /** Objects with a step that cannot be run now (P16). */
  readonly blocked: readonly ObjectId[];
}

/** One side as it is before the first step. */
interface SideView {
  /** Can something be put into this folder? */
  readonly holds: (folderId: ObjectId) => boolean;
  readonly place: (id: ObjectId) => TreeNode | undefined;
  readonly occupant: (place: Place) => ObjectId | undefined;
  readonly children: (folderId: ObjectId) => Iterable<ObjectId>;
  /** The step that renames an object to its temporary name. */
  readonly stepAside: (id: ObjectId, from: Place, to: Place) => Step | undefined;
  /** The object that has to be there before this one may go (P15). */
  readonly awaits: (id: ObjectId) => ObjectId | undefined;
}

export function orderServerSteps(steps: readonly Step[], decisions: Decisions, firstIndex: number): Ordered {
  const { remote } = decisions.trees;
  const live = (id: ObjectId) => decisions.facts(id).remote;
  const mine = steps.filter((step): step is ServerStep => sideOf(step) === 'server');
  const view: SideView = {
    holds: (id) => id === decisions.settings.rootId || !!live(id),
    place: live,
    occupant: (place) => decisions.occupant('remote', place),
    *children(id) {
      for (const child of remote.children(id)) if (!child.deleted) yield child.objectId;
    },
    stepAside(id, _from, to) {
      const node = live(id);
      if (!node || !decisions.settings.canWrite(node.workspaceId)) return undefined;
      const { workspaceId, placeVersion: basePlaceVersion } = node;
      return { kind: 'move', objectId: id, workspaceId, to, basePlaceVersion, agrees: true };
    },
    awaits: (id) => (decisions.facts(id).local ? undefined : decisions.settings.awaitedCopy(id)),
  };
  return new Ordering(mine, view).run(firstIndex);
}

export function orderDiskSteps(steps: readonly Step[], decisions: Decisions, firstIndex: number): Ordered {
  const { local } = decisions.trees;
  const node = (id: ObjectId) => decisions.facts(id).local;
  const mine = steps.filter((step): step is DiskStep => sideOf(step) === 'disk');
  const view: SideView = {
    holds: (id) => id === decisions.settings.rootId || node(id)?.presence === 'present',
    place: node,
    occupant: (place) => decisions.occupant('local', place),
    *children(id) {
      for (const child of local.children(id)) yield child.objectId;
    },
    stepAside(id, from, to) {
      const workspaceId = node(id)?.workspaceId;
      return workspaceId && { kind: 'moveLocal', objectId: id, workspaceId, from, to };
    },
    awaits: () => undefined,
  };
  return new Ordering(mine, view).run(firstIndex);
}

/** What a step does to names; undefined: it takes none. */
export function placeTaken(step: Step): Place | undefined {
  if (step.kind === 'move' || step.kind === 'moveLocal' || step.kind === 'keepCopy') return step.to;
  return 'place' in step ? step.place : undefined;
}

export function removes(step: Step): boolean {
  return step.kind === 'delete' || step.kind === 'removeLocal';
}

function moves(step: Step): boolean {
  return step.kind === 'move' || step.kind === 'moveLocal' || step.kind === 'keepCopy';
}

type Outcome =
  | 'done'
  /** It needs what nobody provides. */
  | 'blocked'
  /** It needs a step that is waiting for it. */
  | 'circle';

/**
 * P16, P17: runs the steps of one side in thought. Each step asks for the steps that it needs to come first; a circle
 * of needs always goes through a name that is not free yet, and there its owner steps aside to a temporary name.
 */
class Ordering {
  readonly #view: SideView;
  readonly #steps: readonly Step[];
  readonly #creating = new Map<ObjectId, Step>();
  readonly #leaving = new Map<ObjectId, Step>();
  readonly #outcomes = new Map<Step, Outcome | 'running'>();
  readonly #ordered: { step: Step; from: Place | undefined }[] = [];
  /** What the steps so far have changed: where objects lie (undefined: nowhere), who has a name, what exists. */
  readonly #places = new Map<ObjectId, Place | undefined>();
  readonly #names = new Map<string, ObjectId | undefined>();
  readonly #movesSoFar = new Map<ObjectId, number>();

  constructor(steps: readonly Step[], view: SideView) {
    this.#view = view;
    this.#steps = steps;
    for (const step of steps) {
      if (moves(step) || removes(step)) this.#leaving.set(step.objectId, step);
      else if (placeTaken(step)) this.#creating.set(step.objectId, step);
    }
  }

  run(firstIndex: number): Ordered {
    for (const step of this.#steps) this.#runWithNeeds(step);
    const after = dependencies(this.#ordered, firstIndex);
    const steps = this.#ordered.map(({ step }, index) => ({ ...step, after: after[index] ?? [] }));
    const blocked = this.#steps.filter((step) => this.#outcomes.get(step) !== 'done').map((step) => step.objectId);
    return { steps, blocked };
  }

  /** Depth first with a stack of its own: a chain of renames can be as long as a folder. */
  #runWithNeeds(first: Step): void {
    if (this.#outcomes.has(first)) return;
    const stack = [{ step: first, needs: this.#needs(first) }];
    this.#outcomes.set(first, 'running');
    let answer: Outcome = 'done';
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const next = top.needs.next(answer);
      if (!next.done) {
        const known = this.#outcomes.get(next.value);
        answer = known === 'running' ? 'circle' : (known ?? 'done');
        if (known) continue;
        this.#outcomes.set(next.value, 'running');
        stack.push({ step: next.value, needs: this.#needs(next.value) });
        continue;
      }
      answer = next.value;
      // One in a circle is tried again once the circle is broken.
      if (answer === 'circle' && stack.length > 1) this.#outcomes.delete(top.step);
      else this.#outcomes.set(top.step, answer);
      if (answer === 'done') this.#emit(top.step);
      stack.pop();
    }
  }

  /** Yields what has to be done before a step, is told how that went, and returns how it stands with the step. */
  *#needs(step: Step): Generator<Step, Outcome, Outcome> {
    if (removes(step)) return yield* this.#needsEmpty(step.objectId);
    const to = placeTaken(step);
    if (!to) return 'done';
    if (!this.#holds(to.parentId)) {
      const creator = this.#creating.get(to.parentId);
      const outcome = creator ? yield creator : 'blocked';
      if (outcome !== 'done') return outcome;
    }
    const nesting = moves(step) ? yield* this.#needsNoCircle(step.objectId, to.parentId) : 'done';
    return nesting === 'done' ? yield* this.#needsFree(to, step.objectId) : nesting;
  }

  /** A folder is removed when all that is in it has left. */
  *#needsEmpty(folderId: ObjectId): Generator<Step, Outcome, Outcome> {
    const node = this.#view.place(folderId);
    if (node && !isFolder(node.content)) return 'done';
    for (const child of this.#view.children(folderId)) {
      if (this.#placeOf(child)?.parentId !== folderId) continue;
      const leaving = this.#leaving.get(child);
      const outcome = leaving ? yield leaving : 'blocked';
      if (outcome !== 'done') return outcome;
    }
    return 'done';
  }

  /** A folder that shall go into one of its descendants: first, top down, the folders above its goal find their places. */
  *#needsNoCircle(id: ObjectId, parentId: ObjectId): Generator<Step, Outcome, Outcome> {
    if (!this.#liesBelow(parentId, id)) return 'done';
    const chain: Step[] = [];
    const seen = new Set<ObjectId>();
    for (let at: ObjectId | undefined = parentId; at && at !== id && !seen.has(at);) {
      seen.add(at);
      const move = this.#leaving.get(at);
      if (move && this.#outcomes.get(move) !== 'done') chain.unshift(move);
      at = (move && placeTaken(move)?.parentId) ?? this.#placeOf(at)?.parentId;
    }
    for (const move of chain) {
      const outcome = yield move;
      if (outcome !== 'done') return outcome;
    }
    return this.#liesBelow(parentId, id) ? 'blocked' : 'done';
  }

  *#needsFree(place: Place, id: ObjectId): Generator<Step, Outcome, Outcome> {
    const owner = this.#ownerOf(place);
    if (!owner || owner === id) return 'done';
    const leaving = this.#leaving.get(owner);
    const outcome = leaving ? yield leaving : yield* this.#needsCopy(owner);
    if (outcome !== 'circle') return outcome;
    const to = [temporaryName(owner), otherTemporaryName(owner)]
      .map((name) => ({ parentId: place.parentId, name }))
      .find((free) => !this.#ownerOf(free));
    const aside = to && this.#view.stepAside(owner, place, to);
    if (!aside) return 'blocked';
    this.#emit(aside);
    return 'done';
  }

  /** One that goes when its copy is on the server (P15) may have to make way for that copy: two swapped across a border. */
  *#needsCopy(owner: ObjectId): Generator<Step, Outcome, Outcome> {
    const copy = this.#view.awaits(owner);
    const creator = copy && this.#creating.get(copy);
    if (!creator) return 'blocked';
    // It is there only when the server has answered: the owner goes in a later plan.
    return (yield creator) === 'circle' ? 'circle' : 'blocked';
  }

  #emit(step: Step): void {
    const id = step.objectId;
    const from = this.#placeOf(id);
    const to = placeTaken(step);
    this.#ordered.push({ step: this.#asOfNow(step, from), from });
    if (!to && !removes(step)) return;
    if (from && this.#hasName(id, slotOf(from))) this.#names.set(slotOf(from), undefined);
    if (to) this.#names.set(slotOf(to), id);
    this.#places.set(id, to);
    this.#movesSoFar.set(id, (this.#movesSoFar.get(id) ?? 0) + 1);
  }

  /** A step of an object that has stepped aside expects it where it is then. */
  #asOfNow(step: Step, from: Place | undefined): Step {
    const moved = this.#movesSoFar.get(step.objectId) ?? 0;
    if (moved === 0 || !from) return step;
    const { parentId, name } = from;
    switch (step.kind) {
      case 'move':
      case 'delete':
        return { ...step, basePlaceVersion: step.basePlaceVersion + moved };
      case 'moveLocal':
        return { ...step, from: { parentId, name } };
      case 'removeLocal':
      case 'keepCopy':
        return { ...step, expected: { ...step.expected, parentId, name } };
      default:
        return step;
    }
  }

  #placeOf(id: ObjectId): Place | undefined {
    return this.#places.has(id) ? this.#places.get(id) : this.#view.place(id);
  }

  /** Of the slot in which the object lies: nobody else had it before the first step. */
  #hasName(id: ObjectId, slot: string): boolean {
    return !this.#names.has(slot) || this.#names.get(slot) === id;
  }

  #ownerOf(place: Place): ObjectId | undefined {
    const slot = slotOf(place);
    return this.#names.has(slot) ? this.#names.get(slot) : this.#view.occupant(place);
  }

  #holds(folderId: ObjectId): boolean {
    return this.#places.has(folderId) ? this.#places.get(folderId) !== undefined : this.#view.holds(folderId);
  }

  #liesBelow(id: ObjectId, folderId: ObjectId): boolean {
    const seen = new Set<ObjectId>();
    for (let at: ObjectId | undefined = id; at && !seen.has(at); at = this.#placeOf(at)?.parentId) {
      if (at === folderId) return true;
      seen.add(at);
    }
    return false;
  }
}
