import type { Content, Place } from '@satchel/core/tree.ts';
import type { ObjectId } from '@satchel/protocol/ids.ts';
import type { DiskStat, StatIdentity } from '../ports/disk.ts';
import type { ScanResult } from '../ports/hashing.ts';
import { identityOf, isExecutable, UNSEEN } from '../indexer/observation.ts';
import { CLIENT_FOLDER } from '@satchel/protocol/names.ts';
import type { DiskStep } from '@satchel/core/step.ts';
import type { Intent } from '../state/intents.ts';
import type { LocalRow } from '../state/rows.ts';
import { localContent, type Applier, type ArrivingStep, type StepOf } from './applier.ts';
import { PART_FOLDER, partPathOf, READY_FOLDER } from './arriving.ts';
import { discard, wasPlaced, type MakingStep } from './making.ts';
import { recordCopy, recordExecutable, recordMove } from './rearranging.ts';

/** The client's own folders below the root. */
export function makeClientFolders(applier: Applier): void {
  for (const path of [CLIENT_FOLDER, `${CLIENT_FOLDER}/staging`, PART_FOLDER, READY_FOLDER, `${CLIENT_FOLDER}/trash`]) {
    applier.deps.disk.makeFolder(path);
  }
}

/**
 * After an unclean stop (H83), or a fault of the disk in the middle of a swap: a file in the ready folder is a download
 * that was not swapped in, or what it has displaced. A content that some tree knows is safe elsewhere and goes to the
 * trash; anything else, also a folder that somebody made in the place of a file, comes back into sight as a conflicted
 * copy.
 */
export async function recoverReady(applier: Applier, hashFile: (path: string) => Promise<ScanResult>): Promise<void> {
  const { disk, trees, trash, tree, recheck } = applier.deps;
  for (const { name } of disk.list(READY_FOLDER)?.entries ?? []) {
    const path = `${READY_FOLDER}/${name}`;
    const [id = '' as ObjectId, , ...safe] = name.split('.') as [ObjectId, ...string[]];
    const stat = disk.stat(path);
    if (stat === undefined || applier.inHand.has(path.replace(/\.aside$/, ''))) continue;
    if (stat.type === 'symlink') {
      await disk.rename(path, trash.slotFor(id, name));
      continue;
    }
    const scanned = stat.type === 'file' ? await hashFile(path) : undefined;
    // It cannot be read now: what it is will be told at a later try.
    if (scanned?.outcome === 'unreadable') continue;
    const known = [trees.remote.get(id), trees.synced.get(id), trees.local.get(id)].map((node) => node?.content);
    const isKnown =
      scanned !== undefined &&
      (safe.some((hash) => hash !== '' && scanned.hash.startsWith(hash)) ||
        known.some((content) => content?.kind === 'file' && content.hash === scanned.hash));
    const place = trees.local.get(id) ?? trees.synced.get(id) ?? trees.remote.get(id);
    if (isKnown) {
      const slot = trash.slotFor(id, place?.name ?? name);
      await disk.rename(path, slot);
      trash.record(slot, tree.pathOf(id) ?? name, identityOf(stat));
      continue;
    }
    const top = tree.folderAt('')?.objectId;
    const inSight = place !== undefined && tree.pathOf(place.parentId) !== undefined ? place.parentId : top;
    if (inSight === undefined) continue;
    const copy = applier.conflictPlace({
      parentId: inSight,
      name: place?.name ?? 'Recovered file',
    });
    const copyPath = applier.pathAt(copy);
    if (copyPath !== undefined && (await disk.rename(path, copyPath)) === 'renamed') recheck([copyPath]);
  }
}

interface PartsOf {
  /** Files of these objects are still being written. */
  readonly isTaken?: (id: ObjectId) => boolean;
  /** Of these objects nothing is brought here. */
  readonly isUnwanted?: (id: ObjectId) => boolean;
}

/**
 * Staging files that were linked to their place but not yet unlinked, or that belong to nothing any more: a newer
 * version was there before they were complete, say. Only while nothing is being downloaded.
 */
export function sweepParts(applier: Applier, { isTaken, isUnwanted }: PartsOf = {}): void {
  const { disk, trees } = applier.deps;
  for (const { name } of disk.list(PART_FOLDER)?.entries ?? []) {
    const path = `${PART_FOLDER}/${name}`;
    const stat = disk.stat(path);
    const [id, hash] = name.split('.') as [ObjectId, string?];
    const [remote, local] = [trees.remote.get(id), trees.local.get(id)?.content];
    const content = remote?.deleted === true ? undefined : remote?.content;
    const isMissing = content?.kind === 'file' && !(local?.kind === 'file' && local.hash === content.hash);
    const isWanted = isMissing && hash !== undefined && content.hash.startsWith(hash) && isUnwanted?.(id) !== true;
    if (isTaken?.(id) !== true && !(isWanted && stat?.links === 1)) discard(disk, path);
  }
}

/**
 * After an unclean stop (H83): changes of the disk that were begun and not recorded. What stands there is recorded as
 * it would have been, with a stat that has it looked at again; of the rest nothing is known but that it did not
 * happen. Before the first scan: it would take what stands there for the user's.
 */
export function finishIntents(applier: Applier): void {
  const { intents, trash } = applier.deps;
  let open = [...intents.all()];
  let slots: ReturnType<typeof trash.slotsByPath> | undefined;
  const slotsOf = (path: string) => (slots ??= trash.slotsByPath()).get(path) ?? [];
  // A folder comes before what is in it, in whatever order they were noted.
  for (let progressed = true; progressed;) {
    const left = open.filter((intent) => !finish(applier, intent, slotsOf));
    progressed = left.length < open.length;
    open = left;
  }
  intents.dropAll();
}

/** Where in the trash what lay at a path was noted. */
type SlotsOf = (path: string) => readonly string[];

/** True when what the step did to the disk was found there, and recorded. */
function finish(applier: Applier, { step, ino, made }: Intent, slotsOf: SlotsOf): boolean {
  const row = applier.deps.trees.local.get(step.objectId);
  if (row === undefined) return finishNew(applier, step, made);
  const unseen: LocalRow = { ...row, presence: 'present', stat: { ...row.stat, ctimeNs: UNSEEN } };
  switch (step.kind) {
    case 'download':
      return step.expected !== undefined && ino !== undefined && finishSwap(applier, step, { row, ino });
    case 'makeSymlink':
      return step.expected !== undefined && finishSymlink(applier, step, row);
    case 'makeFolder':
      return false;
    case 'removeLocal':
      if (!wasRemoved(applier, row, slotsOf)) return false;
      applier.deps.transaction(() => {
        applier.deps.tree.remove(row.objectId);
        applier.recordSynced(step);
      });
      return true;
    case 'setExecutable':
      if (row.content.kind !== 'file' || row.content.executable === step.executable) return false;
      if (!hasBit(applier, row, step.executable)) return false;
      recordExecutable(applier, step, unseen);
      return true;
    case 'keepCopy':
    case 'moveLocal': {
      if (!wasRenamed(applier, row, step.to)) return false;
      const { diskName: _, ...moved } = unseen;
      if (step.kind === 'keepCopy') recordCopy(applier, step, moved);
      else recordMove(applier, step, moved);
      return true;
    }
  }
}

/**
 * H74: whether a file of an excluded folder rests in the trash, where only this device puts it, or such a folder is gone
 * after all that was in it. Else the scan would take that for a deletion by the user.
 */
function wasRemoved({ deps }: Applier, row: LocalRow, slotsOf: SlotsOf): boolean {
  const { disk, tree, trees } = deps;
  const path = tree.pathOf(row.objectId);
  if (path === undefined || disk.stat(path)?.ino === row.stat.ino) return false;
  if (row.content.kind === 'folder') return trees.local.children(row.objectId).next().done === true;
  return slotsOf(path).some((slot) => disk.stat(slot)?.ino === row.stat.ino);
}

function hasBit({ deps }: Applier, row: LocalRow, executable: boolean): boolean {
  const path = deps.tree.pathOf(row.objectId);
  const stat = path === undefined ? undefined : deps.disk.stat(path);
  return stat !== undefined && stat.ino === row.stat.ino && isExecutable(stat) === executable;
}

function wasRenamed(applier: Applier, row: LocalRow, to: Place): boolean {
  const { disk, tree } = applier.deps;
  const inodeAt = (path: string | undefined) => (path === undefined ? undefined : disk.stat(path)?.ino);
  return inodeAt(applier.pathAt(to)) === row.stat.ino && inodeAt(tree.pathOf(row.objectId)) !== row.stat.ino;
}

function finishNew(applier: Applier, step: DiskStep, made: StatIdentity | undefined): boolean {
  switch (step.kind) {
    case 'download':
      return finishNewAt(applier, step, step.place, () => linkedPart(applier, step));
    case 'makeFolder':
    case 'makeSymlink':
      return finishNewAt(applier, step, step.place, () => placedStat(applier, step, made));
    default:
      return false;
  }
}

function finishNewAt(
  applier: Applier,
  step: ArrivingStep,
  place: Place | undefined,
  find: () => DiskStat | undefined,
): boolean {
  const { trees } = applier.deps;
  if (place === undefined || applier.pathAt(place) === undefined || trees.local.childNamed(place) !== undefined)
    return false;
  const stat = find();
  if (stat === undefined) return false;
  record(applier, step, { place, stat });
  return true;
}

/** As it was made; where it lies by now a scan finds by its inode. */
function placedStat({ deps }: Applier, step: MakingStep, made: StatIdentity | undefined): DiskStat | undefined {
  if (made === undefined || !wasPlaced(deps.disk, step, made)) return undefined;
  return { ...made, type: step.kind === 'makeFolder' ? 'folder' : 'symlink', links: 1 };
}

/** Where it lies by now, and as what, the scan will see: by its inode. */
function finishSwap(
  applier: Applier,
  step: StepOf<'download'>,
  { row, ino }: { readonly row: LocalRow; readonly ino: number },
): boolean {
  if (!wasSwapped(applier, row, ino)) return false;
  record(applier, step, { place: row, stat: { ...row.stat, ino, ...asDownloaded(step), type: 'file', links: 1 } });
  return true;
}

function finishSymlink(applier: Applier, step: StepOf<'makeSymlink'>, row: LocalRow): boolean {
  const { disk, tree } = applier.deps;
  const path = tree.pathOf(row.objectId);
  const stat = path === undefined ? undefined : disk.stat(path);
  const { content } = step.remote;
  if (path === undefined || stat?.type !== 'symlink' || content.kind !== 'symlink') return false;
  if (stat.ino === row.stat.ino || disk.readLink(path) !== content.target) return false;
  record(applier, step, { place: row, stat });
  return true;
}

/** Whether the new file has left the staging folder, which it does by changing names with the old one only. */
function wasSwapped(applier: Applier, row: LocalRow, ino: number): boolean {
  const { disk, tree } = applier.deps;
  const path = tree.pathOf(row.objectId);
  const there = path === undefined ? undefined : disk.stat(path)?.ino;
  if (there === ino) return true;
  if (there === row.stat.ino) return false;
  return ![PART_FOLDER, READY_FOLDER].some((folder) =>
    disk.list(folder)?.entries.some(({ name }) => disk.stat(`${folder}/${name}`)?.ino === ino),
  );
}

/**
 * Its part still has the second name that it was given at its place; should it have been moved since, a scan finds it.
 * Told is how it was put there: what the user has made of it since is an edit, and no damage.
 */
function linkedPart(applier: Applier, step: StepOf<'download'>): DiskStat | undefined {
  const { content } = step.remote;
  const stat = content.kind === 'file' ? applier.deps.disk.stat(partPathOf(step.objectId, content)) : undefined;
  return stat !== undefined && stat.links > 1 ? { ...stat, ...asDownloaded(step) } : undefined;
}

function asDownloaded({ remote: { content } }: StepOf<'download'>): Pick<DiskStat, 'size' | 'mtimeNs'> | undefined {
  if (content.kind !== 'file') return undefined;
  return { size: content.size, mtimeNs: String(BigInt(content.mtimeMs) * 1_000_000n) };
}

function record(
  applier: Applier,
  step: ArrivingStep,
  { place, stat }: { readonly place: Place; readonly stat: DiskStat },
): void {
  const content = contentOf(step);
  const seen = step.kind === 'makeFolder' ? stat : { ...stat, ctimeNs: UNSEEN };
  applier.deps.transaction(() => applier.recordArrival(step, { place, stat: seen, content }));
}

function contentOf(step: ArrivingStep): Content {
  if (step.kind === 'download') return localContent(step.remote, step.executable);
  return step.kind === 'makeFolder' ? { kind: 'folder' } : step.remote.content;
}
