import type { Disk } from '../ports/disk.ts';
import type { TreeStore } from '../state/trees.ts';
import type { LocalRow } from '../state/rows.ts';
import { diskNameOf } from '../state/paths.ts';
import type { Examiner } from './examiner.ts';
import type { LocalTree } from './local-tree.ts';
import { faultMessage, type PathProblems } from './problems.ts';

export interface ScanDeps {
  readonly disk: Disk;
  readonly trees: TreeStore;
  readonly tree: LocalTree;
  readonly examiner: Examiner;
  readonly problems: PathProblems;
}

/** What a step of a scan did: entries looked at since the last one. */
export type ScanSteps = Generator<void, void, void>;

/**
 * Compares one folder with the Local tree, entry by entry; yields between entries so that the caller can pause. A
 * listing that failed proves nothing: no absence is derived from it (C3, H68).
 */
export function* scanFolder(deps: ScanDeps, path: string): ScanSteps {
  const folder = deps.tree.folderAt(path);
  if (folder === undefined) return;
  const listing = listOrReport(deps, path);
  if (listing === undefined) return;
  deps.problems.listed(path, new Set([...listing.entries.map(({ name }) => name), ...listing.unreadableNames]));
  const rows = new Map<string, LocalRow>();
  for (const row of deps.trees.local.children(folder.objectId)) rows.set(diskNameOf(row), row);
  for (const name of listing.unreadableNames) {
    const shown = path === '' ? name : `${path}/${name}`;
    deps.problems.add(
      shown,
      'name_not_unicode',
      `${shown} has a name that is not Unicode: it is not synced; rename it`,
    );
  }
  // What an entry before has moved or displaced is not as it was when the rows were read.
  const asOfNow = (name: string, row: LocalRow | undefined) => {
    const now = row === undefined ? undefined : deps.trees.local.get(row.objectId);
    const isHere = now !== undefined && now.parentId === folder.objectId && diskNameOf(now) === name;
    return isHere ? now : deps.tree.rowAt(folder.objectId, name);
  };
  for (const { name } of listing.entries) {
    const row = rows.get(name);
    rows.delete(name);
    examineOrReport(deps, { folder, folderPath: path, name, row: row && asOfNow(name, row) });
    yield;
  }
  for (const row of rows.values()) {
    const name = diskNameOf(row);
    const now = asOfNow(name, row);
    if (now !== undefined) examineOrReport(deps, { folder, folderPath: path, name, row: now });
    yield;
  }
}

/** Paths of the folders that Local knows in this one. */
export function foldersIn({ tree, trees }: Pick<ScanDeps, 'tree' | 'trees'>, path: string): readonly string[] {
  const folder = tree.folderAt(path);
  if (folder === undefined) return [];
  return Array.from(trees.local.children(folder.objectId))
    .filter((row) => row.content.kind === 'folder' && row.presence === 'present')
    .map((row) => (path === '' ? diskNameOf(row) : `${path}/${diskNameOf(row)}`));
}

function listOrReport(deps: ScanDeps, path: string) {
  try {
    return deps.disk.list(path);
  } catch (error) {
    deps.problems.add(path, 'unreadable', faultMessage(path === '' ? 'the synced folder' : path, error));
    return undefined;
  }
}

type ExaminedEntry = Parameters<Examiner['examine']>[0];

/** One entry that cannot be looked at must not end the scan of the others (H102). */
export function examineOrReport(deps: Pick<ScanDeps, 'examiner' | 'problems'>, entry: ExaminedEntry): void {
  try {
    deps.examiner.examine(entry);
  } catch (error) {
    const path = entry.folderPath === '' ? entry.name : `${entry.folderPath}/${entry.name}`;
    deps.problems.add(path, 'unreadable', faultMessage(path, error));
  }
}
