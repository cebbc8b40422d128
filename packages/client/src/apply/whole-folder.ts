import type { ObjectId } from '@satchel/protocol/ids.ts';
import { diskNameOf } from '../state/paths.ts';
import type { LocalRow } from '../state/rows.ts';
import { isStill, type Applier, type StepOf } from './applier.ts';

/** A removal with its place in the plan: `after` are indices of steps that must have succeeded before. */
export type PlannedRemoval = StepOf<'removeLocal'> & { readonly index: number; readonly after: readonly number[] };

/** `apart`: it cannot go whole, and nothing has changed. */
type Outcome = 'done' | 'dropped' | 'apart';

interface Contents {
  readonly folder: LocalRow;
  readonly removals: readonly PlannedRemoval[];
  /** What Local knows in it and in each folder below, by path from it and by name on disk. */
  readonly rows: ReadonlyMap<string, ReadonlyMap<string, LocalRow>>;
}

/**
 * A folder of which a plan removes all that Local knows in it: one rename takes it into the trash (docs/decisions/0012).
 * No entry of it may be unknown before. There nobody who comes by its path can change it any more, and everything is
 * compared with Local, down to the ctime of each file (C4): whatever differs, it goes back, and its contents one by one.
 */
export class WholeFolder {
  readonly removals: readonly PlannedRemoval[];
  readonly #applier: Applier;
  readonly #folder: LocalRow;
  readonly #rows: Contents['rows'];
  /** Times of its folders, as noted. */
  readonly #times = new Map<string, string>();
  #slot: string | undefined;
  #outcome: Outcome | undefined;

  constructor(applier: Applier, { folder, removals, rows }: Contents) {
    this.#applier = applier;
    this.#folder = folder;
    this.removals = removals;
    this.#rows = rows;
  }

  /** Notes what will rest where. A name that comes into it from now on changes a time that is noted (H15, H83). */
  note(slotFor: (parentId: ObjectId, path: string) => string): void {
    const { tree, trash, disk } = this.#applier.deps;
    const path = tree.pathOf(this.#folder.objectId);
    if (path === undefined) return;
    const slot = slotFor(this.#folder.parentId, path);
    const isSeen = proved(() => {
      for (const below of this.#rows.keys()) {
        const stat = disk.stat(joined(path, below));
        if (stat === undefined) return false;
        this.#times.set(below, stat.mtimeNs);
      }
      return true;
    });
    if (!isSeen) return;
    this.#slot = slot;
    for (const [below, rows] of this.#rows) {
      trash.recordFolder(joined(slot, below), joined(path, below), this.#times.get(below) ?? '');
      for (const [name, row] of rows) {
        if (row.content.kind === 'folder') continue;
        const entry = joined(below, name);
        trash.record(joined(slot, entry), joined(path, entry), row.stat);
      }
    }
  }

  /** What rests where could not be noted. */
  giveUp(): void {
    this.#outcome = 'apart';
  }

  /** The same for each of its removals. */
  async remove(): Promise<Outcome> {
    this.#outcome ??= await this.#remove();
    return this.#outcome;
  }

  /** It is not to be removed any more. */
  close(): void {
    if (this.#outcome === undefined) this.#dismiss();
  }

  async #remove(): Promise<Outcome> {
    const { recheck, tree } = this.#applier.deps;
    const path = tree.pathOf(this.#folder.objectId);
    const slot = this.#slot;
    if (slot === undefined || path === undefined || !proved(() => this.#isComplete(path))) return this.#apart();
    if (!(await renamed(this.#applier, path, slot))) return this.#apart();
    if (proved(() => this.#isAsKnown(slot))) return 'done';
    if (await renamed(this.#applier, slot, path)) {
      recheck([path]);
      return this.#apart();
    }
    // It rests there still: what is not as noted is brought from there (H15).
    recheck([path]);
    return 'dropped';
  }

  #apart(): Outcome {
    this.#dismiss();
    return 'apart';
  }

  #dismiss(): void {
    const { disk, trash } = this.#applier.deps;
    const slot = this.#slot;
    if (slot !== undefined && proved(() => disk.stat(slot) === undefined)) trash.dismissWhole(slot);
  }

  /** The very folder, and in it the names that Local knows. Ignored things keep their folder (H72). */
  #isComplete(path: string): boolean {
    const stat = this.#applier.deps.disk.stat(path);
    return stat !== undefined && isStill(this.#folder, stat) && this.#holdsKnownNames(path);
  }

  #holdsKnownNames(base: string): boolean {
    for (const [below, rows] of this.#rows) {
      const listing = this.#applier.deps.disk.list(joined(base, below));
      if (listing === undefined || listing.unreadableNames.length > 0 || listing.entries.length !== rows.size)
        return false;
      if (!listing.entries.every(({ name }) => rows.has(name))) return false;
    }
    return true;
  }

  #isAsKnown(slot: string): boolean {
    const { disk, trash } = this.#applier.deps;
    const times = new Map<string, string>();
    for (const below of this.#rows.keys()) times.set(below, disk.stat(joined(slot, below))?.mtimeNs ?? '');
    if (!this.#isComplete(slot)) return false;
    for (const [below, rows] of this.#rows) {
      for (const [name, row] of rows) {
        const stat = disk.stat(joined(slot, joined(below, name)));
        if (stat === undefined || !isStill(row, stat)) return false;
        if (row.content.kind === 'file' && stat.ctimeNs !== row.stat.ctimeNs) return false;
      }
    }
    // Of the renamed folder some file systems change it.
    for (const [below, mtimeNs] of times)
      if (mtimeNs !== this.#times.get(below)) trash.noteFolderTime(joined(slot, below), mtimeNs);
    return true;
  }
}

/** The topmost folders that go whole, by each of the removals that they take along. */
export function wholeFolders(
  applier: Applier,
  removals: readonly PlannedRemoval[],
): ReadonlyMap<PlannedRemoval, WholeFolder> {
  const { local } = applier.deps.trees;
  const byId = new Map(removals.map((step) => [step.objectId, step]));
  const whole = new Map<ObjectId, readonly LocalRow[]>();
  for (const step of removals) {
    if (step.expected.content.kind !== 'folder') continue;
    const children = [...local.children(step.objectId)];
    const isWhole = children.every((row) => {
      const removal = byId.get(row.objectId);
      if (removal === undefined || row.presence !== 'present' || !isExpected(row, removal)) return false;
      return row.content.kind !== 'folder' || whole.has(row.objectId);
    });
    if (isWhole) whole.set(step.objectId, children);
  }
  const found = new Map<PlannedRemoval, WholeFolder>();
  for (const id of whole.keys()) {
    const folder = local.get(id);
    if (folder === undefined || folder.presence !== 'present' || whole.has(folder.parentId)) continue;
    const contents = contentsOf(folder, whole, byId);
    if (contents === undefined) continue;
    const together = new WholeFolder(applier, contents);
    for (const step of contents.removals) found.set(step, together);
  }
  return found;
}

/** Undefined where nothing is gained, or where a removal waits for something outside. */
function contentsOf(
  folder: LocalRow,
  whole: ReadonlyMap<ObjectId, readonly LocalRow[]>,
  byId: ReadonlyMap<ObjectId, PlannedRemoval>,
): Contents | undefined {
  const rows = new Map<string, ReadonlyMap<string, LocalRow>>();
  const removals: PlannedRemoval[] = [];
  let hasContents = false;
  const stack = [{ row: folder, below: '' }];
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    const removal = byId.get(at.row.objectId);
    if (removal === undefined) return undefined;
    removals.push(removal);
    if (at.row.content.kind !== 'folder') {
      hasContents = true;
      continue;
    }
    const entries = new Map((whole.get(at.row.objectId) ?? []).map((row) => [diskNameOf(row), row]));
    rows.set(at.below, entries);
    for (const [name, row] of entries) stack.push({ row, below: joined(at.below, name) });
  }
  const indices = new Set(removals.map(({ index }) => index));
  const isOnItsOwn = removals.every(({ after }) => after.every((index) => indices.has(index)));
  return hasContents && isOnItsOwn ? { folder, removals, rows } : undefined;
}

/** Whether Local has there what the plan wants to go. */
export function isExpected(row: LocalRow, { expected }: StepOf<'removeLocal'>): boolean {
  if (row.content.kind !== 'file' || expected.content.kind !== 'file')
    return row.content.kind === expected.content.kind;
  return row.content.hash === expected.content.hash;
}

function joined(path: string, below: string): string {
  return path === '' || below === '' ? path + below : `${path}/${below}`;
}

/** False also when it could not be looked at. */
function proved(look: () => boolean): boolean {
  try {
    return look();
  } catch {
    return false; // the way of one by one meets the fault, and tells of it
  }
}

async function renamed({ deps }: Applier, from: string, to: string): Promise<boolean> {
  try {
    return (await deps.disk.rename(from, to)) === 'renamed';
  } catch {
    return false; // as above
  }
}
