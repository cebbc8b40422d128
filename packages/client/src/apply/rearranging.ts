import { identityOf, isExecutable } from '../indexer/observation.ts';
import type { DiskStat } from '../ports/disk.ts';
import type { LocalRow } from '../state/rows.ts';
import { isStill, seenAs, type Applied, type Applier, type Standing, type StepOf } from './applier.ts';

/** Steps that change names and bits on disk and need no bytes from the server. */
export type RearrangingStep = StepOf<'moveLocal' | 'setExecutable' | 'keepCopy'>;

export async function rearrange(applier: Applier, step: RearrangingStep): Promise<Applied> {
  switch (step.kind) {
    case 'moveLocal':
      return moveLocal(applier, step);
    case 'keepCopy':
      return keepCopy(applier, step);
    case 'setExecutable':
      return setExecutable(applier, step);
  }
}

function moveLocal(applier: Applier, step: StepOf<'moveLocal'>): Promise<Applied> {
  return renameTo(applier, step, (moved) => recordMove(applier, step, moved));
}

/** The renamed object has its new place. */
export function recordMove(applier: Applier, step: StepOf<'moveLocal'>, moved: LocalRow): void {
  const { trees, tree, transaction } = applier.deps;
  transaction(() => {
    tree.makeWay(step.to, step.objectId);
    trees.putLocal({ ...moved, parentId: step.to.parentId, name: step.to.name });
    applier.recordSynced(step);
  });
}

/** H19: the local content becomes an object of its own; the old id is then only the server's. */
async function keepCopy(applier: Applier, step: StepOf<'keepCopy'>): Promise<Applied> {
  const { trees } = applier.deps;
  const row = trees.local.get(step.objectId);
  if (row === undefined) return 'dropped';
  const staysPut = row.parentId === step.to.parentId && row.name === step.to.name;
  if (!staysPut) return renameTo(applier, step, (moved) => recordCopy(applier, step, moved));
  recordCopy(applier, step, row);
  return 'done';
}

/** The renamed content gets an id of its own. */
export function recordCopy(applier: Applier, step: StepOf<'keepCopy'>, moved: LocalRow): void {
  const { trees, tree, transaction, newId } = applier.deps;
  transaction(() => {
    const id = newId();
    tree.makeWay(step.to, step.objectId);
    trees.renumberLocal(step.objectId, id);
    const { movedFrom: _, ...rest } = moved;
    trees.putLocal({ ...rest, objectId: id, parentId: step.to.parentId, name: step.to.name });
    applier.recordSynced(step);
  });
}

/**
 * Renames on disk, never onto anything. Until that is recorded the indexer leaves it alone: what it saw meanwhile would
 * be lost, or the rename be taken for the user's.
 * @param record takes the row as it is after it, its place apart
 */
async function renameTo(
  applier: Applier,
  { objectId, to }: StepOf<'moveLocal' | 'keepCopy'>,
  record: (moved: LocalRow) => void,
): Promise<Applied> {
  const { disk, recheck, reserve } = applier.deps;
  const standing = applier.standing(objectId);
  const target = applier.pathAt(to);
  if (standing === undefined || target === undefined) return 'dropped';
  using reservation = reserve([standing.path, target], [standing.stat.ino]);
  reservation satisfies Disposable;
  if ((await disk.rename(standing.path, target)) !== 'renamed') {
    recheck([standing.path, target]);
    return 'dropped';
  }
  const { diskName: _, ...row } = standing.row;
  record({ ...row, stat: afterChange(standing, seenAs(applier, target, standing.stat)) });
  return 'done';
}

/**
 * The change gave it a new ctime. That is taken over only when ctime was right before (H4), and what is seen is what
 * is recorded: somebody may have edited it or changed its bit in between.
 */
function afterChange({ row, stat: before }: Standing, after: DiskStat): LocalRow['stat'] {
  const hasItsBit = row.content.kind !== 'file' || isExecutable(after) === row.content.executable;
  const wasExact = row.stat.ctimeNs === before.ctimeNs && hasItsBit && isStill(row, after);
  return wasExact ? identityOf(after) : row.stat;
}

function setExecutable(applier: Applier, step: StepOf<'setExecutable'>): Applied {
  const standing = applier.standing(step.objectId);
  if (standing?.row.content.kind !== 'file') return 'dropped';
  applier.deps.disk.setExecutable(standing.path, step.executable);
  const row = withBit(standing.row, step.executable);
  const mode = step.executable ? standing.stat.mode | 0o100 : standing.stat.mode & ~0o100;
  const after = seenAs(applier, standing.path, { ...standing.stat, mode });
  recordExecutable(applier, step, { ...row, stat: afterChange({ ...standing, row }, after) });
  return 'done';
}

/** The file on disk has the bit that the step gave it. */
export function recordExecutable(applier: Applier, step: StepOf<'setExecutable'>, row: LocalRow): void {
  const { trees, transaction } = applier.deps;
  transaction(() => {
    trees.putLocal(withBit(row, step.executable));
    applier.recordSynced(step);
  });
}

function withBit(row: LocalRow, executable: boolean): LocalRow {
  return row.content.kind === 'file' ? { ...row, content: { ...row.content, executable } } : row;
}
