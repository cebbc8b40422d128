import { samePlace } from '@satchel/core/diff.ts';
import type { ObjectId } from '@satchel/protocol/ids.ts';
import type { Disk } from '../ports/disk.ts';
import type { LocalRow } from '../state/rows.ts';
import { isStill, type Applied, type Applier } from './applier.ts';
import { holdsOnlyLocal } from '../indexer/local-only.ts';
import { isExpected, wholeFolders, type PlannedRemoval, type WholeFolder } from './whole-folder.ts';

/** Where a file shall rest, and as what it is noted there. */
interface Slot {
  readonly path: string;
  readonly noted: LocalRow;
}

type Slots = (parentId: ObjectId, path: string) => string;

/**
 * Removals of one plan: a folder whole where that can be, else files into the trash, each checked right before and
 * right after its rename (C4), and folders by rmdir. Transactions note the trash slots before, another one records the
 * removals after (docs/decisions/0012). When the process dies between the two, what is gone is gone on both sides, and
 * what rests in the trash is known there.
 */
export class Removals {
  readonly #applier: Applier;
  readonly #wholes: ReadonlyMap<PlannedRemoval, WholeFolder>;
  readonly #ofNoWhole: readonly PlannedRemoval[];
  /** What is to be removed, as Local had it. */
  readonly #rows: ReadonlyMap<PlannedRemoval, LocalRow | undefined>;
  readonly #slots = new Map<PlannedRemoval, Slot>();
  #slotFor: Slots | undefined;
  #areWholesNoted = false;
  #done: PlannedRemoval[] = [];

  constructor(applier: Applier, steps: readonly PlannedRemoval[]) {
    this.#applier = applier;
    this.#wholes = wholeFolders(applier, steps);
    this.#ofNoWhole = steps.filter((step) => !this.#wholes.has(step));
    this.#rows = new Map(steps.map((step) => [step, applier.deps.trees.local.get(step.objectId)]));
  }

  async remove(step: PlannedRemoval): Promise<Applied> {
    const outcome = await this.#remove(step);
    if (outcome !== 'done') return outcome;
    this.#done.push(step);
    this.#slots.delete(step);
    return outcome;
  }

  async #remove(step: PlannedRemoval): Promise<Applied> {
    const whole = this.#wholes.get(step);
    if (whole !== undefined) {
      if (!this.#areWholesNoted) this.#noteWholes();
      const outcome = await whole.remove();
      if (outcome !== 'apart') return outcome;
    }
    if (isFolder(step)) return removeFolder(this.#applier, step);
    if (!this.#slots.has(step)) this.#noteSlots(whole?.removals ?? this.#ofNoWhole);
    return this.#removeFile(step);
  }

  /** Records what was removed since the last call. */
  record(): void {
    const { trees, tree, transaction } = this.#applier.deps;
    if (this.#done.length === 0) return;
    transaction(() => {
      for (const step of this.#done) {
        this.#applier.recordSynced(step);
        if (this.#isMadeAnew(step)) continue;
        tree.remove(step.objectId);
        if (!step.excluded && trees.remote.get(step.objectId)?.deleted === true) trees.removeRemote(step.objectId);
      }
    });
    this.#done = [];
  }

  /** Something else has its name by now, was seen and passes for it, or lies in a folder that does. */
  #isMadeAnew(step: PlannedRemoval): boolean {
    const { local } = this.#applier.deps.trees;
    const [before, now] = [this.#rows.get(step), local.get(step.objectId)];
    if (before === undefined || now === undefined) return false;
    if (now.stat.ino !== before.stat.ino) return true;
    // Renamed in the moment in which a system without renameat2 has a file at two names.
    if (now.presence === 'present' && !samePlace(now, before)) return true;
    return isFolder(step) && local.children(step.objectId).some(({ presence }) => presence === 'present');
  }

  /** Nothing more is removed: slots that nothing was put into are forgotten. */
  close(): void {
    const { disk, trash } = this.#applier.deps;
    this.record();
    // What could not go back where it was rests there still, and is brought from there (H15).
    for (const { path } of this.#slots.values()) if (isFree(disk, path)) trash.dismiss(path);
    for (const whole of new Set(this.#wholes.values())) whole.close();
  }

  async #removeFile(step: PlannedRemoval): Promise<Applied> {
    const { disk, recheck } = this.#applier.deps;
    const slot = this.#slots.get(step);
    const standing = this.#applier.untouched(step.objectId);
    if (slot === undefined || standing === undefined) return 'dropped';
    const { row, path } = standing;
    // Read anew since it was noted, touched say, it would look as if it had been written to in the trash (H15).
    if (!isExpected(row, step) || !isStill(slot.noted, standing.stat)) return 'dropped';
    const outcome = await disk.rename(path, slot.path);
    const resting = outcome === 'renamed' ? disk.stat(slot.path) : undefined;
    if (resting !== undefined && isStill(row, resting)) return 'done';
    // It was changed in the last moment: it goes back where it was (C4).
    if (resting !== undefined) await disk.rename(slot.path, path);
    recheck([path]);
    return 'dropped';
  }

  /** Notes for each file what will rest where, as Local knows it: only a file that is still so is put there. */
  #noteSlots(steps: readonly PlannedRemoval[]): void {
    const { trees, tree, trash, transaction } = this.#applier.deps;
    const slotFor = (this.#slotFor ??= trash.slotsByFolder());
    const slots = new Map<PlannedRemoval, Slot>();
    transaction(() => {
      for (const step of steps) {
        if (isFolder(step)) continue;
        const row = trees.local.get(step.objectId);
        const path = row === undefined ? undefined : tree.pathOf(step.objectId);
        if (row === undefined || path === undefined) continue;
        const slot = slotFor(row.parentId, path);
        trash.record(slot, path, row.stat);
        slots.set(step, { path: slot, noted: row });
      }
    });
    for (const [step, slot] of slots) this.#slots.set(step, slot);
  }

  #noteWholes(): void {
    const { trash, transaction } = this.#applier.deps;
    const slotFor = (this.#slotFor ??= trash.slotsByFolder());
    const wholes = new Set(this.#wholes.values());
    this.#areWholesNoted = true;
    try {
      transaction(() => {
        for (const whole of wholes) whole.note(slotFor);
      });
    } catch {
      // Nothing is noted. One by one they meet the fault, and tell of it: if one had failed now and the next had been
      // noted, the first would have gone with it, and its absence would be a deletion by the user (H74).
      for (const whole of wholes) whole.giveUp();
    }
  }
}

function isFree(disk: Disk, path: string): boolean {
  try {
    return disk.stat(path) === undefined;
  } catch {
    return false; // not proved
  }
}

function isFolder({ expected }: PlannedRemoval): boolean {
  return expected.content.kind === 'folder' || expected.content.kind === 'mount';
}

function removeFolder(applier: Applier, step: PlannedRemoval): Applied {
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
    if (!holdsOnlyLocal(applier.deps, path, false)) {
      recheck(disk.list(path)?.entries.map(({ name }) => `${path}/${name}`) ?? [path]);
      return 'dropped';
    }
    keepFolder(path);
  }
  return 'done';
}
