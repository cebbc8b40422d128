import type { Disk, EntryType } from '../ports/disk.ts';
import type { TreeStore } from '../state/trees.ts';
import type { StandingRow } from '../state/rows.ts';
import { diskNameOf } from '../state/paths.ts';
import type { Examiner } from './examiner.ts';
import type { LocalTree } from './local-tree.ts';
import { isShortage } from '../ports/shortage.ts';
import { faultMessage, type PathProblems } from './problems.ts';

export interface ScanDeps {
  readonly disk: Disk;
  readonly trees: TreeStore;
  readonly tree: LocalTree;
  readonly examiner: Examiner;
  readonly problems: PathProblems;
  /** Look at this path again later: what is wrong will pass (H60). */
  readonly later: (path: string) => void;
}

/** A step for each entry that was looked at. */
export type ScanSteps<Result = void> = Generator<void, Result, void>;

/**
 * Compares one folder with the Local tree, entry by entry; yields between entries so that the caller can pause. A
 * listing that failed proves nothing: no absence is derived from it (C3, H68).
 * @returns the paths of the folders that Local knows in this one
 */
export function* scanFolder(deps: ScanDeps, path: string): ScanSteps<readonly string[]> {
  const folder = deps.tree.folderAt(path);
  if (folder === undefined) return [];
  const pathOf = (name: string) => (path === '' ? name : `${path}/${name}`);
  const listing = listOrReport(deps, path);
  if (listing === undefined) return deps.trees.foldersIn(folder.objectId).map(pathOf);
  deps.problems.listed(path, new Set([...listing.entries.map(({ name }) => name), ...listing.unreadableNames]));
  const rows = deps.trees.standingIn(folder.objectId);
  const folders = [...rows.values()].filter(({ kind, presence }) => kind === 'folder' && presence === 'present');
  const asOf = deps.trees.localChanges;
  for (const name of listing.unreadableNames) {
    const shown = pathOf(name);
    deps.problems.add(
      shown,
      'name_not_unicode',
      `${shown} has a name that is not Unicode: it is not synced; rename it`,
    );
  }
  const at = { folder, folderPath: path };
  // What an entry before has moved or displaced is not as it was when the rows were read.
  const isOutdated = () => deps.trees.localChanges !== asOf;
  for (const { name } of listing.entries) {
    const known = rows.get(name);
    rows.delete(name);
    if (known === undefined) examineOrReport(deps, { ...at, name, row: undefined });
    else examineOrReport(deps, { ...at, name }, isOutdated() ? undefined : known);
    yield;
  }
  for (const { objectId, diskName: name } of rows.values()) {
    const now = deps.trees.local.get(objectId);
    const isHere = now !== undefined && now.parentId === folder.objectId && diskNameOf(now) === name;
    const row = isHere ? now : deps.tree.rowAt(folder.objectId, name);
    if (row !== undefined) examineOrReport(deps, { ...at, name, row });
    yield;
  }
  const names = isOutdated() ? deps.trees.foldersIn(folder.objectId) : folders.map(({ diskName }) => diskName);
  return names.map(pathOf);
}

function listOrReport(deps: ScanDeps, path: string) {
  try {
    return deps.disk.list(path);
  } catch (error) {
    deps.problems.add(path, 'unreadable', faultMessage(path === '' ? 'the synced folder' : path, error));
    if (isShortage(error)) deps.later(path);
    return undefined;
  }
}

type ExaminedEntry = Parameters<Examiner['examine']>[0];

/**
 * One entry that cannot be looked at must not end the scan of the others (H102).
 * @returns what stands there, where that was looked at
 */
export function examineOrReport(
  { examiner, problems, later }: Pick<ScanDeps, 'examiner' | 'problems' | 'later'>,
  entry: ExaminedEntry,
  known?: StandingRow,
): EntryType | undefined {
  const path = entry.folderPath === '' ? entry.name : `${entry.folderPath}/${entry.name}`;
  try {
    return known !== undefined && examiner.isAsKnown(path, known) ? 'file' : examiner.examine(entry);
  } catch (error) {
    problems.add(path, 'unreadable', faultMessage(path, error));
    if (isShortage(error)) later(path);
    return undefined;
  }
}
