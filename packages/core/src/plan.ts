import type { ObjectId } from '@satchel/protocol/ids.ts';
import { Claims } from './conflict.ts';
import { Decisions } from './decide.ts';
import { isFolder, isSettled, samePlace } from './diff.ts';
import { draftOf, type Draft, type ProblemCode } from './draft.ts';
import { orderDiskSteps, orderServerSteps, type PlannedStep } from './order.ts';
import type { PlanSettings } from './plan-settings.ts';
import { sideOf, type Step } from './step.ts';
import type { Trees } from './tree.ts';

/**
 * The planner: from the three trees to the work that makes them one (C1, C6). Read in this order:
 * `tree.ts` the three trees, `diff.ts` one object in them, `decide.ts` what becomes of it and where it lies,
 * `conflict.ts` who gets a name, `draft.ts` the steps of one object, `order.ts` what comes before what,
 * `record.ts` what Synced says after a step.
 *
 * The rules; Remote, Local and Synced are trees by object id, content and place (parent and name) are separate.
 *
 * - P1  What both sides have alike is agreed upon; when Synced says so too, it is settled.
 * - P2  Content that one side changed travels. Changed on both: equal is agreed, else the server's keeps the name and
 *       the local one becomes a conflicted copy, a new object.
 * - P3  The executable bit travels like content but never makes a conflict: the last committed wins.
 * - P4  A place that one side changed is followed by the other; changed on both, the server's wins.
 * - P5  A temporary name is nobody's wish and never counts as a change of place.
 * - P6  Where moves of both sides make a circle, the local moves on it are undone.
 * - P7  What one side deleted and the other left alone goes; what the other edited or moved lives.
 * - P8  A deleted folder goes when all that is in it goes; else it lives, for the sake of what lives in it only.
 * - P9  A folder that one side deleted and the other moved lives with everything in it; so does a deleted mount.
 * - P10 Two that want one name: equal contents and two folders become one object, but no folder of one's own and a share
 *       after the first merge; a file makes way for a folder; else the local one makes way.
 * - P11 Where the disk could not be looked at, or earlier work is running, nothing is done and nothing is derived.
 * - P12 What is excluded from this device goes from its disk once the server has it; its absence is no deletion.
 * - P13 Where this account may only read, a local change is a problem and stays.
 * - P14 More deletions than allowed are held, all of them.
 * - P15 The original of a move across workspaces stays until the copy is on the server.
 * - P16 A step is planned only if what it needs is there or made by an earlier step: its parent, a free name, an empty
 *       folder to remove, no circle. Else the object waits.
 * - P17 Circles of names are broken through a temporary name.
 * - P18 A plan is bounded: it decides on about `limit` objects, whole with what they hang on; on more only when
 *       otherwise nothing could be done.
 */
export interface Plan {
  /** In an order in which they can be run one by one; steps of different sides are independent of each other. */
  readonly steps: readonly PlannedStep[];
  /** Nothing to do for these until something changes. */
  readonly settled: readonly ObjectId[];
  /** Could not be planned completely; to be offered again, after the others, when the work under way is done. */
  readonly waiting: readonly ObjectId[];
  /** P14 */
  readonly held: readonly ObjectId[];
  /** To be offered again when something about them has changed. */
  readonly problems: readonly { readonly objectId: ObjectId; readonly code: ProblemCode }[];
  /** Candidates beyond the limit are left for the next plan. */
  readonly more: boolean;
}

/**
 * @param trees Remote must be as of one moment: plan when a listing has been read to its end
 * @param candidates all objects that changed in any tree since they were last settled, parents first if possible
 */
export function plan(trees: Trees, candidates: Iterable<ObjectId>, settings: PlanSettings): Plan {
  const decisions = new Decisions(trees, settings);
  const { objects, taken, more, atRest } = closure(decisions, candidates);
  const claims = new Claims(decisions);
  const drafts = objects.map((id) => draftOf(id, decisions, claims));
  const held = heldDeletes(drafts, settings.deletesAllowed);
  const wanted = drafts.flatMap((draft) => (held.has(draft.objectId) ? [] : draft.steps));
  const state = wanted.filter((step) => sideOf(step) === 'state').map(withoutNeeds);
  const disk = orderDiskSteps(wanted, decisions, state.length);
  const server = orderServerSteps(wanted, decisions, state.length + disk.steps.length);
  const isStuck = state.length + disk.steps.length + server.steps.length === 0 && decisions.needsMore;
  if (isStuck) {
    const larger = plan(trees, taken, { ...settings, limit: 4 * settings.limit });
    return { ...larger, settled: [...atRest, ...larger.settled], more };
  }
  const idle = drafts.filter((draft) => isIdle(draft) && !held.has(draft.objectId));
  const blocked = new Set([...disk.blocked, ...server.blocked]);
  return {
    steps: [...state, ...disk.steps, ...server.steps],
    settled: [...atRest, ...idle.map((draft) => draft.objectId)],
    waiting: drafts.filter((draft) => draft.waits || blocked.has(draft.objectId)).map((draft) => draft.objectId),
    held: [...held],
    problems: drafts.flatMap(({ objectId, problem: code }) => (code ? [{ objectId, code }] : [])),
    more,
  };
}

function withoutNeeds(step: Step): PlannedStep {
  return { ...step, after: [] };
}

function isIdle(draft: Draft): boolean {
  return draft.steps.length === 0 && !draft.waits && !draft.problem;
}

/** P14 */
function heldDeletes(drafts: readonly Draft[], allowed: number): ReadonlySet<ObjectId> {
  const deleted = drafts.filter((draft) => draft.steps.some((step) => step.kind === 'delete'));
  return new Set(deleted.length > allowed ? deleted.map((draft) => draft.objectId) : []);
}

/** P18: the candidates up to the limit, and all that their steps can hang on. */
function closure(decisions: Decisions, candidates: Iterable<ObjectId>) {
  const { limit } = decisions.settings;
  const objects = new Set<ObjectId>();
  const taken: ObjectId[] = [];
  const atRest: ObjectId[] = [];
  let more = false;
  for (const candidate of candidates) {
    if (objects.size >= limit || atRest.length >= AT_REST_PER_DECIDED * limit) {
      more = true;
      break;
    }
    if (isAtRest(candidate, decisions)) {
      atRest.push(candidate);
      continue;
    }
    taken.push(candidate);
    const queue = [candidate];
    for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
      if (objects.has(id)) continue;
      objects.add(id);
      for (const needed of surroundings(id, decisions)) {
        if (needed.again) objects.delete(needed.id);
        queue.push(needed.id);
      }
      queue.push(...decisions.pulled.splice(0));
    }
  }
  return { objects: [...objects], taken, more, atRest };
}

/** Looking at one that is at rest costs so much less than deciding on one. */
const AT_REST_PER_DECIDED = 4;

/** P1 of a file whose folder stays where it is, told without its surroundings: after a step most candidates are such. */
function isAtRest(id: ObjectId, decisions: Decisions): boolean {
  const { settings } = decisions;
  const { local, remote, synced, unseen } = decisions.facts(id);
  if (!local || !remote || unseen || local.content.kind !== 'file' || !isSettled(local, remote, synced)) return false;
  return !settings.busy(id) && !settings.excluded(id) && isInPlace(remote.parentId, decisions);
}

function isInPlace(folderId: ObjectId, decisions: Decisions): boolean {
  if (folderId === decisions.settings.rootId) return true;
  const { local, remote } = decisions.facts(folderId);
  return local !== undefined && remote !== undefined && samePlace(local, remote);
}

/** The folder an object shall lie in, where a side lacks it or has it elsewhere, and whoever has the name it needs. */
function surroundings(id: ObjectId, decisions: Decisions): { readonly id: ObjectId; readonly again: boolean }[] {
  const needed: { id: ObjectId; again: boolean }[] = [];
  const { trees, settings } = decisions;
  const fate = decisions.fate(id);
  const place = decisions.place(id);
  if (fate !== 'lives' || !place) return needed;
  const { local, remote, unseen } = decisions.facts(id);
  const { parentId } = place;
  if (parentId !== settings.rootId) {
    const atRest = isInPlace(parentId, decisions);
    const again = !atRest && !unseen && !decisions.isOrphan(id) && decisions.sustain(parentId);
    if (!atRest) needed.push({ id: parentId, again });
  }
  for (const [side, node] of [
    ['local', local],
    ['remote', remote],
  ] as const) {
    if (node && samePlace(node, place)) continue;
    const occupant = decisions.occupant(side, place);
    if (!occupant) continue;
    needed.push({ id: occupant, again: false });
    const copy = side === 'remote' ? settings.awaitedCopy(occupant) : undefined;
    if (copy) needed.push({ id: copy, again: false });
  }
  if (local && remote && isFolder(local.content) && settings.excluded(id)) {
    for (const child of trees.local.children(id)) {
      if (decisions.decided >= settings.limit) {
        decisions.cutOff();
        break;
      }
      needed.push({ id: child.objectId, again: false });
    }
  }
  return needed;
}
