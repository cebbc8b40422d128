import { identityOf, isExecutable, staysInside, UNREAD } from '../indexer/observation.ts';
import { sameContent } from '@satchel/core/diff.ts';
import type { FileContent, Place } from '@satchel/core/tree.ts';
import type { ObjectId } from '@satchel/protocol/ids.ts';
import type { DiskStat, StatIdentity } from '../ports/disk.ts';
import type { Making } from './making.ts';
import {
  isStill,
  localContent,
  seenAs,
  type Applied,
  type Applier,
  type Arrival,
  type Standing,
  type StepOf,
} from './applier.ts';

/** Files on their way; incomplete ones are taken up again. */
export const PART_FOLDER = '.satchel/staging/part';
/** Complete files about to change names with what they replace; after a crash, perhaps what they replaced (H83). */
export const READY_FOLDER = '.satchel/staging/ready';

/** Where the file of an object is built. */
export function partPathOf(objectId: ObjectId, content: FileContent): string {
  return `${PART_FOLDER}/${objectId}.${content.hash.slice(0, 16)}`;
}

/**
 * A name in the ready folder that nothing had before: what an earlier swap may have left behind under another one is
 * perhaps the only copy of somebody's edit. It tells the contents that are known to be safe: object id, a fresh id,
 * beginnings of the hashes of what is replaced and of what replaces it.
 */
async function withReadyPath<T>(
  applier: Applier,
  { objectId, remote, expected }: StepOf<'download' | 'makeSymlink'>,
  work: (path: string) => Promise<T>,
): Promise<T> {
  const hashes = [expected?.content, remote.content].map((content) =>
    content?.kind === 'file' ? content.hash.slice(0, 16) : '',
  );
  const path = `${READY_FOLDER}/${[objectId, applier.deps.newId(), ...hashes].join('.')}`;
  applier.inHand.add(path);
  try {
    return await work(path);
  } finally {
    applier.inHand.delete(path);
  }
}

/** A file that stands at its place on disk; what is still to be recorded once its name is durable. */
export interface Placed {
  readonly step: StepOf<'download'>;
  readonly path: string;
  readonly arrival: Arrival;
}

/** A complete file in the staging folder, and its stat; undefined: it is not there. */
export interface Staged {
  readonly path: string;
  readonly stat: DiskStat | undefined;
}

/** Where the file of a step will stand; undefined when its folder is not there, or what it replaces. */
export function destination(applier: Applier, step: StepOf<'download'>): string | undefined {
  return step.expected === undefined
    ? applier.pathAt(step.place ?? step.remote)
    : applier.deps.tree.pathOf(step.objectId);
}

/**
 * Puts a complete, flushed file from the staging folder where it belongs: a new name by `link`, which replaces
 * nothing; a replacement by exchanging the two names and then looking at what was displaced (C4, H14, H15).
 * @returns undefined when the disk was not as expected; it is looked at again
 */
export async function placeFile(
  applier: Applier,
  step: StepOf<'download'>,
  { path: partPath, stat: staged }: Staged,
): Promise<Placed | undefined> {
  if (step.expected !== undefined) return replaceFile(applier, step, partPath);
  const { disk, recheck } = applier.deps;
  const place = step.place ?? step.remote;
  const path = applier.pathAt(place);
  if (path === undefined) return undefined;
  const outcome = disk.link(partPath, path);
  if (outcome !== 'linked') disk.removeFile(partPath);
  if (outcome !== 'linked' || staged === undefined) {
    recheck([path]);
    return undefined;
  }
  const content = localContent(step.remote, step.executable);
  // As it was staged: an edit since then looks different. Its staging name is about to go, which changes its ctime.
  const stat = { ...staged, ctimeNs: UNREAD };
  return { step, path, arrival: { place, stat, content } };
}

async function replaceFile(applier: Applier, step: StepOf<'download'>, partPath: string): Promise<Placed | undefined> {
  const { disk } = applier.deps;
  const standing = applier.untouched(step.objectId);
  const expected = step.expected?.content;
  if (standing === undefined || expected === undefined || !sameContent(standing.row.content, expected))
    return undefined;
  const stat = await withReadyPath(applier, step, async (ready) => {
    if ((await disk.rename(partPath, ready)) !== 'renamed') return undefined;
    disk.copyAttributes(standing.path, ready);
    if (isExecutable(standing.stat) !== step.executable) disk.setExecutable(ready, step.executable);
    const staged = disk.stat(ready);
    const swapped = staged === undefined ? undefined : await swapIn(applier, { ready, standing, staged });
    // It was not swapped in: the next try finds it where it was built.
    if (swapped === undefined) await disk.rename(ready, partPath);
    return swapped;
  });
  if (stat === undefined) return undefined;
  const { path, row } = standing;
  const { diskName } = row;
  const content = localContent(step.remote, step.executable);
  return {
    step,
    path,
    arrival: { place: row, stat, content, ...(diskName === undefined ? {} : { diskName }) },
  };
}

export async function makeFolder(applier: Applier, making: Making, step: StepOf<'makeFolder'>): Promise<Applied> {
  const { disk, recheck, transaction, takeKeptFolder } = applier.deps;
  const path = applier.pathAt(step.place);
  if (path === undefined) return 'dropped';
  using reservation = reserved(applier, path, making.made(step));
  reservation satisfies Disposable;
  const placed = await making.place(step, path);
  const stat = typeof placed === 'string' ? disk.stat(path) : placed;
  const isKept = placed === 'exists' && stat?.type === 'folder' && takeKeptFolder(path);
  if (stat === undefined || (typeof placed === 'string' && !isKept)) {
    recheck([path]);
    return 'dropped';
  }
  transaction(() => applier.recordArrival(step, { place: step.place, stat, content: { kind: 'folder' } }));
  return 'done';
}

/** Until it is recorded nobody takes what is put there for the user's. */
function reserved(applier: Applier, path: string, ...inodes: readonly (StatIdentity | undefined)[]): Disposable {
  return applier.deps.reserve(
    [path],
    inodes.flatMap((each) => each?.ino ?? []),
  );
}

export async function makeSymlink(
  applier: Applier,
  making: Making,
  step: StepOf<'makeSymlink'>,
): Promise<Applied | 'refused'> {
  const { recheck, transaction } = applier.deps;
  const { content } = step.remote;
  const standing = step.expected === undefined ? undefined : applier.standing(step.objectId);
  const place: Place = standing?.row ?? step.place ?? step.remote;
  const path = applier.pathAt(place);
  if (path === undefined || (step.expected !== undefined && standing === undefined) || content.kind !== 'symlink')
    return 'dropped';
  if (!staysInside(path, content.target)) return 'refused';
  using reservation = reserved(applier, path, making.made(step), standing?.stat);
  reservation satisfies Disposable;
  const stat = await (standing === undefined
    ? making.place(step, path)
    : replaceSymlink(applier, step, { standing, target: content.target }));
  if (typeof stat === 'string') {
    recheck([path]);
    return 'dropped';
  }
  transaction(() => applier.recordArrival(step, { place, stat, content }));
  return 'done';
}

async function replaceSymlink(
  applier: Applier,
  step: StepOf<'makeSymlink'>,
  { standing, target }: { readonly standing: Standing; readonly target: string },
): Promise<DiskStat | 'missing'> {
  const { disk } = applier.deps;
  return withReadyPath(applier, step, async (ready) => {
    disk.makeSymlink(ready, target);
    const staged = disk.stat(ready);
    const swapped = staged === undefined ? undefined : await swapIn(applier, { ready, standing, staged });
    if (swapped !== undefined) return swapped;
    disk.removeFile(ready);
    return 'missing';
  });
}

interface Swap {
  readonly ready: string;
  readonly standing: Standing;
  /** The new one, before it was swapped in. */
  readonly staged: DiskStat;
}

/**
 * Exchanges names; what was displaced goes to the trash, or stays in sight when it is not what was expected (H15).
 * @returns the new one at its place, as it is before anything else is waited for; undefined: it was not swapped in
 */
async function swapIn(applier: Applier, swap: Swap): Promise<DiskStat | undefined> {
  const { recheck } = applier.deps;
  const { path } = swap.standing;
  if (!(await exchange(applier, swap.ready, path))) {
    recheck([path]);
    return undefined;
  }
  const stat = seenAs(applier, path, swap.staged);
  try {
    await keepDisplaced(applier, swap);
  } catch {
    // The new one is in its place; what was displaced lies in the ready folder, and is brought from there.
  }
  return stat;
}

async function keepDisplaced(applier: Applier, { ready, standing: { row, path } }: Swap): Promise<void> {
  const { disk, trash, recheck } = applier.deps;
  const displaced = disk.stat(ready);
  if (displaced === undefined) return;
  if (isStill(row, displaced)) {
    const slot = trash.slotFor(row.objectId, path);
    await disk.rename(ready, slot);
    trash.record(slot, path, identityOf(displaced));
    return;
  }
  const copyPath = applier.pathAt(applier.conflictPlace(row));
  if (copyPath !== undefined && (await disk.rename(ready, copyPath)) === 'renamed') recheck([copyPath]);
}

async function exchange(applier: Applier, ready: string, path: string): Promise<boolean> {
  const { disk } = applier.deps;
  const outcome = disk.exchange(ready, path);
  if (outcome !== 'unsupported') return outcome === 'exchanged';
  // Without an atomic exchange: aside first, then the new one in; between the two the name is absent for a moment.
  const aside = `${ready}.aside`;
  if ((await disk.rename(path, aside)) !== 'renamed') return false;
  if ((await disk.rename(ready, path)) !== 'renamed') {
    await disk.rename(aside, path);
    return false;
  }
  return (await disk.rename(aside, ready)) === 'renamed';
}
