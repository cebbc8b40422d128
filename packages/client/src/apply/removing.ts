import type { Disk } from '../ports/disk.ts';
import { isStill, type Applied, type Applier, type StepOf } from './applier.ts';

type Removal = StepOf<'removeLocal'>;

/**
 * Removals of one plan: files into the trash, each checked right before and right after its rename (C4), folders by
 * rmdir. One transaction notes the trash slots before, another one records the removals after (docs/decisions/0012).
 * When the process dies between the two, what is gone is gone on both sides, and what rests in the trash is known there.
 */
export class Removals {
  readonly #applier: Applier;
  readonly #files: readonly Removal[];
  /** Where files shall rest; undefined until it is noted. */
  #slots: Map<Removal, string> | undefined;
  #done: Removal[] = [];

  constructor(applier: Applier, steps: readonly Removal[]) {
    this.#applier = applier;
    this.#files = steps.filter((step) => !isFolder(step));
  }

  async remove(step: Removal): Promise<Applied> {
    const outcome = isFolder(step) ? removeFolder(this.#applier, step) : await this.#removeFile(step);
    if (outcome !== 'done') return outcome;
    this.#done.push(step);
    this.#slots?.delete(step);
    return outcome;
  }

  /** Records what was removed since the last call. */
  record(): void {
    const { trees, tree, transaction } = this.#applier.deps;
    if (this.#done.length === 0) return;
    transaction(() => {
      for (const step of this.#done) {
        tree.remove(step.objectId);
        this.#applier.recordSynced(step);
        if (!step.excluded && trees.remote.get(step.objectId)?.deleted === true) trees.removeRemote(step.objectId);
      }
    });
    this.#done = [];
  }

  /** Nothing more is removed: slots that nothing was put into are forgotten. */
  close(): void {
    const { disk, trash } = this.#applier.deps;
    this.record();
    // What could not go back where it was rests there still, and is brought from there (H15).
    for (const slot of this.#slots?.values() ?? []) if (isFree(disk, slot)) trash.dismiss(slot);
  }

  async #removeFile(step: Removal): Promise<Applied> {
    const { disk, recheck } = this.#applier.deps;
    this.#slots ??= this.#noteSlots();
    const slot = this.#slots.get(step);
    const standing = this.#applier.untouched(step.objectId);
    if (slot === undefined || standing === undefined) return 'dropped';
    const { row, path } = standing;
    if (
      row.content.kind === 'file' &&
      step.expected.content.kind === 'file' &&
      row.content.hash !== step.expected.content.hash
    )
      return 'dropped';
    const outcome = await disk.rename(path, slot);
    const resting = outcome === 'renamed' ? disk.stat(slot) : undefined;
    if (resting !== undefined && isStill(row, resting)) return 'done';
    // It was changed in the last moment: it goes back where it was (C4).
    if (resting !== undefined) await disk.rename(slot, path);
    recheck([path]);
    return 'dropped';
  }

  /** Notes for each file what will rest where, as Local knows it: only a file that is still so is put there. */
  #noteSlots(): Map<Removal, string> {
    const { trees, tree, trash, transaction } = this.#applier.deps;
    const slots = new Map<Removal, string>();
    const slotFor = trash.slotsByFolder();
    transaction(() => {
      for (const step of this.#files) {
        const row = trees.local.get(step.objectId);
        const path = row === undefined ? undefined : tree.pathOf(step.objectId);
        if (row === undefined || path === undefined) continue;
        const slot = slotFor(row.parentId, path);
        trash.record(slot, path, row.stat);
        slots.set(step, slot);
      }
    });
    return slots;
  }
}

function isFree(disk: Disk, path: string): boolean {
  try {
    return disk.stat(path) === undefined;
  } catch {
    return false; // not proved
  }
}

function isFolder({ expected }: Removal): boolean {
  return expected.content.kind === 'folder' || expected.content.kind === 'mount';
}

function removeFolder(applier: Applier, step: Removal): Applied {
  const { disk, recheck, keepFolder } = applier.deps;
  // The very folder: another one may have taken its name, and not be seen yet.
  const standing = applier.standing(step.objectId);
  if (standing === undefined) return 'dropped';
  const { path } = standing;
  const outcome = disk.removeFolder(path);
  if (outcome === 'missing') {
    recheck([path]);
    return 'dropped';
  }
  if (outcome === 'not-empty') {
    if (!holdsOnlyIgnored(applier, path)) {
      recheck(disk.list(path)?.entries.map(({ name }) => `${path}/${name}`) ?? [path]);
      return 'dropped';
    }
    keepFolder(path);
  }
  return 'done';
}

/** An empty folder in it is somebody's, and not seen yet. */
function holdsOnlyIgnored(applier: Applier, path: string): boolean {
  const { disk, rules } = applier.deps;
  const entries = disk.list(path)?.entries ?? [];
  if (entries.length === 0) return false;
  return entries.every(({ name, type }) => {
    const below = `${path}/${name}`;
    return rules().ignores(below, type === 'folder') || (type === 'folder' && holdsOnlyIgnored(applier, below));
  });
}
