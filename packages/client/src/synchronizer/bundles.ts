import type { PlannedStep } from '@satchel/core/order.ts';
import { sideOf, type DiskStep, type ServerStep, type Step } from '@satchel/core/step.ts';
import type { WorkspaceId } from '@satchel/protocol/ids.ts';
import type { StepOf } from '../apply/applier.ts';
import type { MakingStep } from '../apply/making.ts';
import type { RearrangingStep } from '../apply/rearranging.ts';

/** Contents of this size and more are transferred each on its own, beside the small ones (H58). */
export const LARGE_BYTES = 8 * 1024 * 1024;
const BUNDLE_BYTES = 16 * 1024 * 1024;
const BUNDLE_STEPS = 500;

/** Steps of one workspace that are run together. */
export interface Bundle<S extends Step> {
  readonly workspaceId: WorkspaceId;
  readonly steps: readonly S[];
  readonly large: boolean;
}

export interface Dispatch {
  readonly state: readonly Extract<Step, { readonly kind: 'agree' | 'join' | 'forget' | 'release' }>[];
  /** In order, before the downloads; `index` in the plan is what `after` refers to. */
  readonly rearranging: readonly (PlannedStep &
    (RearrangingStep | MakingStep | StepOf<'removeLocal'>) & { readonly index: number })[];
  readonly downloads: readonly Bundle<StepOf<'download'>>[];
  /** Bundles of a workspace in the order in which they must be committed; large ones on their own. */
  readonly commits: readonly Bundle<ServerStep>[];
  /** Hang on a large transfer: for a later plan. */
  readonly later: readonly Step[];
}

/** Sorts the steps of a plan into what is run together. */
export function dispatchOf(steps: readonly PlannedStep[]): Dispatch {
  const slow = new Set<number>();
  const later: Step[] = [];
  const state: Dispatch['state'][number][] = [];
  const rearranging: Dispatch['rearranging'][number][] = [];
  const downloads = new Bundler<StepOf<'download'>>();
  const commits = new Bundler<ServerStep>();
  for (const [index, step] of steps.entries()) {
    const waits = step.after.some((at) => slow.has(at));
    if (waits) {
      slow.add(index);
      later.push(step);
    } else if (isStateStep(step)) state.push(step);
    else if (step.kind === 'download') {
      slow.add(index);
      downloads.add(step, contentBytes(step));
    } else if (sideOf(step) === 'disk') rearranging.push({ ...step, index } as Dispatch['rearranging'][number]);
    else {
      if (contentBytes(step) >= LARGE_BYTES) slow.add(index);
      commits.add(step as ServerStep, contentBytes(step));
    }
  }
  return { state, rearranging, downloads: downloads.bundles(), commits: commits.bundles(), later };
}

function isStateStep(step: Step): step is Dispatch['state'][number] {
  return sideOf(step) === 'state';
}

export function contentBytes(step: Step): number {
  if (step.kind === 'put') return step.content.size;
  if (step.kind === 'download' && step.remote.content.kind === 'file') return step.remote.content.size;
  return 0;
}

class Bundler<S extends ServerStep | DiskStep> {
  readonly #done: Bundle<S>[] = [];
  readonly #open = new Map<WorkspaceId, { steps: S[]; bytes: number }>();

  add(step: S, bytes: number): void {
    const { workspaceId } = step;
    if (bytes >= LARGE_BYTES) {
      this.#done.push({ workspaceId, steps: [step], large: true });
      return;
    }
    const open = this.#open.get(workspaceId) ?? { steps: [], bytes: 0 };
    this.#open.set(workspaceId, open);
    open.steps.push(step);
    open.bytes += bytes;
    if (open.bytes < BUNDLE_BYTES && open.steps.length < BUNDLE_STEPS) return;
    this.#done.push({ workspaceId, steps: open.steps, large: false });
    this.#open.delete(workspaceId);
  }

  bundles(): readonly Bundle<S>[] {
    const rest = [...this.#open].map(([workspaceId, { steps }]) => ({ workspaceId, steps, large: false }));
    return [...this.#done, ...rest];
  }
}
