import { plan, type Plan } from '@satchel/core/plan.ts';
import type { PlanSettings } from '@satchel/core/plan-settings.ts';
import type { ObjectId } from '@satchel/protocol/ids.ts';
import type { Clock } from '../ports/clock.ts';
import type { TreeStore } from '../state/trees.ts';
import { Waker } from '../indexer/waker.ts';
import { dispatchOf } from './bundles.ts';
import type { DeleteGuard } from './delete-guard.ts';
import type { ObjectProblems } from './object-problems.ts';
import { runStateStep } from './state-steps.ts';
import type { Tasks } from './tasks.ts';

export interface EngineDeps {
  readonly trees: TreeStore;
  readonly tasks: Tasks;
  readonly guard: DeleteGuard;
  readonly problems: ObjectProblems;
  readonly clock: Clock;
  readonly settings: Omit<PlanSettings, 'limit' | 'busy' | 'deletesAllowed' | 'excluded'>;
  /** For one plan. */
  readonly excluded: () => PlanSettings['excluded'];
  /** Whether planning makes sense now: scanned, listed, online, not paused, the root in its place. */
  readonly isReady: () => boolean;
  /** Places that the indexer has not made up its mind about (H9). */
  readonly isUnsettled: (id: ObjectId) => boolean;
  /** Nothing is to be done about it until the indexer looks after it again (H73). */
  readonly isLeftAlone: (id: ObjectId) => boolean;
  /** Of these, what is left alone and has nothing to do any more with what the server has is of this device only. */
  readonly part: (ids: readonly ObjectId[]) => void;
  readonly newId: () => ObjectId;
  readonly transaction: <T>(work: () => T) => T;
  readonly breathe: () => Promise<void>;
  readonly log: (message: string, details: Readonly<Record<string, unknown>>) => void;
}

/** Objects decided on in one plan: some milliseconds of the control thread. */
const PLAN_LIMIT = 500;

/** After a plan of much that came to nothing: how many times as long as it took. */
const REST_PER_VAIN_PLAN = 4;
const MUCH = 100;

/** The loop of the daemon: plan what differs, run it, record it, until nothing differs. */
export class Engine {
  readonly #deps: EngineDeps;
  readonly #waker = new Waker();
  /** Objects on which the trees may differ, oldest change first. */
  readonly #dirty = new Set<ObjectId>();
  /** Since the last turn something changed that planning could use. */
  #news = false;
  #isStuck = false;
  /** Objects offered to plans that came to nothing, since the last one that came to something. */
  #fruitless = 0;
  /** Monotonic ms; it is not planned before. */
  #planAfter = 0;

  constructor(deps: EngineDeps) {
    this.#deps = deps;
  }

  /** A node of some tree changed. */
  touched(id: ObjectId): void {
    const { problems, trees } = this.#deps;
    this.#dirty.add(id);
    problems.changed(id);
    // A folder that could not go for what was in it, and not seen yet, may have another fate now.
    const parentId = problems.size === 0 ? undefined : trees.local.get(id)?.parentId;
    if (parentId !== undefined && problems.changed(parentId)) this.#dirty.add(parentId);
    this.wake();
  }

  /** Work on it is over; whether it came to something or not, it is planned again. */
  touchedAgain(id: ObjectId): void {
    this.#dirty.add(id);
    this.wake();
  }

  /** What has to be planned after a start: everything on which the trees differ. */
  loadDirty(): void {
    const { trees, guard } = this.#deps;
    for (const id of trees.differing()) {
      this.#dirty.add(id);
      if (this.#isDeletedHere(id)) guard.deleted(id);
    }
    this.wake();
  }

  wake(): void {
    this.#news = true;
    this.#isStuck = false;
    this.#waker.wake();
  }

  /** Nothing to plan and nothing running; objects with problems or held are left out. */
  isIdle(): boolean {
    return this.#deps.tasks.isIdle() && this.#candidates().next().done === true && !this.#hasUnsettled();
  }

  /** Idle, or the last plan could do nothing about what is left: it hangs on something that has a problem. */
  isAtRest(): boolean {
    return this.isIdle() || (this.#isStuck && this.#deps.tasks.isIdle() && !this.#hasUnsettled());
  }

  isOutstanding(id: ObjectId): boolean {
    return this.#dirty.has(id) || this.#deps.tasks.isBusy(id);
  }

  /** Objects that are to be planned or worked on. */
  *outstanding(): Generator<ObjectId> {
    yield* this.#dirty;
  }

  /** Resolves after the loop's next turn. */
  turned(signal: AbortSignal): Promise<void> {
    return this.#waker.turned(signal);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, problems, tasks } = this.#deps;
    while (!signal.aborted) {
      this.#news = false;
      const isEarly = clock.monotonic() < this.#planAfter;
      if (!isEarly && this.#deps.isReady() && !tasks.isFull()) await this.#turn(signal);
      this.#waker.turn();
      const until = isEarly ? this.#planAfter : problems.nextRetryAt();
      if (!this.#news) await this.#waker.sleep(clock, until, signal);
      await this.#deps.breathe();
    }
  }

  async #turn(signal: AbortSignal): Promise<void> {
    const began = this.#deps.clock.monotonic();
    // Nothing is written: within a transaction SQLite asks the system for its lock once, not with each read.
    const made = this.#deps.transaction(() =>
      plan(this.#deps.trees, this.#candidates(), {
        ...this.#deps.settings,
        excluded: this.#deps.excluded(),
        limit: PLAN_LIMIT,
        busy: (id) => this.#mustWait(id),
        deletesAllowed: this.#deps.guard.allowed(),
      }),
    );
    this.#note(made);
    const dispatch = dispatchOf(made.steps);
    if (dispatch.state.length > 0) {
      this.#deps.transaction(() => {
        for (const step of dispatch.state) runStateStep(this.#deps.trees, step, this.#deps.newId);
      });
    }
    for (const { steps } of [...dispatch.commits, ...dispatch.downloads])
      for (const { objectId } of steps) this.#dirty.delete(objectId);
    for (const { objectId } of dispatch.rearranging) this.#dirty.delete(objectId);
    await this.#deps.tasks.start(dispatch, signal);
    const progressed = made.settled.length > 0 || made.steps.length > dispatch.later.length;
    this.#fruitless = progressed ? 0 : this.#fruitless + PLAN_LIMIT;
    // Those that wait stand at the end: every other one is offered before they are offered again (H102).
    const isMoreToOffer = made.more && this.#fruitless < this.#dirty.size;
    if (isMoreToOffer) this.#news = true;
    this.#isStuck = !progressed && !this.#news;
    // While a deletion goes on, say, and much waits for its end: not all the time is spent on looking at that.
    const took = this.#deps.clock.monotonic() - began;
    const isInVain = !progressed && !isMoreToOffer;
    if (isInVain && made.waiting.length >= MUCH) this.#planAfter = began + took + REST_PER_VAIN_PLAN * took;
  }

  #note({ settled, waiting, held, problems }: Plan): void {
    const { guard, problems: known } = this.#deps;
    for (const id of settled) {
      this.#dirty.delete(id);
      known.succeeded(id);
      guard.settled(id);
    }
    for (const id of waiting) if (this.#dirty.delete(id) && !this.#deps.isLeftAlone(id)) this.#dirty.add(id);
    // What the server is being asked for is over when it answers.
    this.#deps.part([...settled, ...waiting].filter((id) => !this.#deps.tasks.isBusy(id)));
    guard.hold(held);
    // What is deleted here and waits, waits for the contents that are held: it goes or comes back with them.
    const hanging = guard.isHolding() ? waiting.filter((id) => this.#isDeletedHere(id)) : [];
    guard.hold(hanging);
    for (const id of [...held, ...hanging]) this.#dirty.delete(id);
    for (const { objectId, code } of problems) {
      this.#dirty.delete(objectId);
      known.addLasting(objectId, code, MESSAGES[code]);
    }
  }

  /** Its fate is open, or another one would pull it in before its time. */
  #mustWait(id: ObjectId): boolean {
    const { tasks, problems, isUnsettled } = this.#deps;
    return tasks.isBusy(id) || isUnsettled(id) || problems.isWaiting(id);
  }

  #isDeletedHere(id: ObjectId): boolean {
    const { local, remote, synced } = this.#deps.trees;
    return local.get(id) === undefined && synced.get(id) !== undefined && remote.get(id)?.deleted === undefined;
  }

  *#candidates(): Generator<ObjectId> {
    for (const id of this.#dirty) if (!this.#mustWait(id) && !this.#deps.guard.isHeld(id)) yield id;
  }

  #hasUnsettled(): boolean {
    for (const id of this.#dirty) if (this.#deps.isUnsettled(id)) return true;
    return false;
  }
}

const MESSAGES = {
  read_only: 'you may only view this shared folder: the change stays on this device; ask its owner for the editor role',
  mount_gone:
    'the shared folder that was here is gone, and there are changes of yours in it: move them to keep them in sync',
  kinds_differ: 'the server knows this object as another kind of thing: rename the local one',
} as const;
