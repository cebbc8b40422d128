import { nameFault } from '@satchel/protocol/names.ts';
import type { IgnoreRules } from '@satchel/core/ignore-rules.ts';
import type { Disk, DiskStat, EntryType } from '../ports/disk.ts';
import type { LocalRow, StandingRow } from '../state/rows.ts';
import { touchBelow, type TreeStore } from '../state/trees.ts';
import { forgetLeftAlone, isLeftAlone, leaveAlone } from './left-alone.ts';
import { holdsOnlyLocal } from './local-only.ts';
import type { KnownFolder, LocalTree } from './local-tree.ts';
import { asMounted, isHiddenByMount } from './mounted.ts';
import { isUnchanged, staysInside, UNSEEN } from './observation.ts';
import type { PathProblems } from './problems.ts';
import { isSupplanted } from './supplanted.ts';

export interface ExaminerDeps {
  readonly disk: Disk;
  readonly trees: TreeStore;
  readonly tree: LocalTree;
  readonly rules: () => IgnoreRules;
  readonly problems: PathProblems;
  /** Something may be different there than Local has it. */
  readonly lookAt: (paths: readonly string[]) => void;
  /** A file whose content must be read; `stat` is the one that showed it. */
  readonly wantsReading: (path: string, stat: DiskStat, row: LocalRow | undefined) => void;
  /** Whether a file of which only its reading is left is read at another time. */
  readonly readsLater: (path: string, stat: DiskStat, row: Pick<LocalRow, 'presence' | 'stat'>) => boolean;
  /** A folder that is new, moved, or was not looked at before: scan it. */
  readonly wantsScan: (path: string) => void;
  /** Whether folders on this device number belong to the synced folder's own file system (H67). */
  readonly isOwnDevice: (dev: number) => boolean;
  /** A folder that stays only for what is in it and is not synced (H72). */
  readonly isKept: (path: string) => boolean;
  /** A path, or an inode at whatever path, that the applier is about to record. */
  readonly isReserved: (path: string, ino: number | undefined) => boolean;
  /** Whether what Local has at this path is known to be nowhere else; if not, it is looked at again when that is known. */
  readonly isProvedGone: (path: string) => boolean;
}

/** One entry of a folder, as a listing or a hint names it. */
export interface Entry {
  readonly folder: KnownFolder;
  /** Path of the folder. */
  readonly folderPath: string;
  /** As on disk. */
  readonly name: string;
  /** What Local has at this name; looked up when absent. */
  readonly row?: LocalRow | undefined;
}

/** Compares single entries with the Local tree and records what needs no reading: folders, links, absences. */
export class Examiner {
  readonly #deps: ExaminerDeps;
  /** Inodes that were seen under several names. */
  readonly #hardLinked = new Set<number>();

  constructor(deps: ExaminerDeps) {
    this.#deps = deps;
  }

  /** @returns what stands there */
  examine(entry: Entry): EntryType | undefined {
    const { disk, tree, problems, rules, isReserved } = this.#deps;
    const path = entry.folderPath === '' ? entry.name : `${entry.folderPath}/${entry.name}`;
    const stat = disk.stat(path);
    if (isReserved(path, stat?.ino)) return stat?.type;
    const row = 'row' in entry ? entry.row : tree.rowAt(entry.folder.objectId, entry.name);
    if (stat !== undefined) this.#noteLinks(stat);
    // Written to by this name just before it went, say: nothing tells of that at its other names (H17).
    if (row !== undefined && row.stat.ino !== stat?.ino && this.#hardLinked.has(row.stat.ino))
      this.#deps.lookAt(tree.otherNames(row));
    if (stat === undefined) {
      problems.clear(path);
      if (row !== undefined) this.#isGone(path, row);
    } else if (rules().ignores(path, stat.type === 'folder')) {
      problems.clear(path);
      if (row !== undefined && !isLeftAlone(row) && isSupplanted(this.#deps, path, row)) tree.vanish(row);
      else this.#leaveAlone(row);
    } else if (row !== undefined || this.#isNameable(entry, path)) {
      problems.clear(path);
      this.#record(entry, { path, stat, row });
    }
    return stat?.type;
  }

  /** Whether it is the very file that Local has at this path, unchanged since: there is nothing to examine. */
  isAsKnown(path: string, row: StandingRow): boolean {
    if (row.kind !== 'file' || row.presence !== 'present') return false;
    const { disk, problems, rules, isReserved } = this.#deps;
    const stat = disk.stat(path);
    if (stat?.type !== 'file' || isReserved(path, stat.ino) || rules().ignores(path, false)) return false;
    this.#noteLinks(stat);
    if (!isUnchanged(row, stat) && !this.#deps.readsLater(path, stat, row)) return false;
    problems.clear(path);
    return true;
  }

  #noteLinks({ type, ino, links }: DiskStat): void {
    if (type === 'file' && links > 1) this.#hardLinked.add(ino);
  }

  #isGone(path: string, row: LocalRow): void {
    const { tree, trees, rules } = this.#deps;
    if (rules().ignores(path, row.content.kind === 'folder')) leaveAlone(trees, row);
    else if (isLeftAlone(row)) forgetLeftAlone(trees, row.objectId, tree.remove(row.objectId));
    else tree.vanish(row);
  }

  #record(entry: Entry, { path, stat, row }: { path: string; stat: DiskStat; row: LocalRow | undefined }): void {
    const { disk, tree, problems, wantsReading, wantsScan } = this.#deps;
    switch (stat.type) {
      case 'special':
        problems.add(path, 'special_file', `${path} is a device, socket or pipe: it is not synced`);
        this.#isReplaced(row, stat);
        return;
      case 'symlink': {
        const target = disk.readLink(path);
        if (!staysInside(path, target)) {
          problems.add(
            path,
            'symlink_outside',
            `${path} points outside the synced folder: the link stays on this device`,
          );
          this.#isReplaced(row, stat);
        } else if ((row === undefined || !isUnchanged(row, stat)) && !this.#isInQuestion(path, stat, row)) {
          tree.observe(entry.folder, entry.name, stat, { kind: 'symlink', target });
        }
        return;
      }
      case 'folder': {
        if (!this.#deps.isOwnDevice(stat.dev)) {
          problems.add(path, 'other_file_system', `${path} lies on another file system: it is not synced`);
          this.#leaveAlone(row);
          return;
        }
        const known = row?.content.kind === 'folder' && row.presence === 'present' && row.stat.ino === stat.ino;
        if (known || (row === undefined && this.#deps.isKept(path) && holdsOnlyLocal(this.#deps, path, true))) return;
        const isMounted = disk.isMountPoint(path);
        if (isHiddenByMount(row, isMounted)) {
          const what = isMounted ? 'something was mounted over it' : 'what was mounted there is not';
          problems.add(path, 'other_file_system', `${path} is not synced: ${what}`);
          this.#leaveAlone(row);
          return;
        }
        if (this.#isInQuestion(path, stat, row)) return;
        const seen = isMounted ? asMounted(stat) : stat;
        const folder = tree.observe(entry.folder, entry.name, seen, { kind: 'folder' });
        if (isLeftAlone(row)) touchBelow(this.#deps.trees, folder.objectId);
        wantsScan(path);
        return;
      }
      case 'file':
        if (row !== undefined && row.content.kind === 'file' && isUnchanged(row, stat)) return;
        if (row === undefined) {
          const content = tree.movedContent(stat);
          // A process that dies before it is read must not believe it after its next start.
          const unread = { ...stat, ctimeNs: UNSEEN };
          if (content !== undefined) tree.observe(entry.folder, entry.name, unread, content);
        }
        wantsReading(path, stat, row);
    }
  }

  /** Ignored, foreign or unsyncable: neither changed nor deleted may be derived from now on (H73). */
  #leaveAlone(row: LocalRow | undefined): void {
    if (row !== undefined) leaveAlone(this.#deps.trees, row);
  }

  /** Another one of its kind has taken its place, and it may have moved. Until that is known nothing is planned of it. */
  #isInQuestion(path: string, stat: DiskStat, row: LocalRow | undefined): boolean {
    if (row?.content.kind !== stat.type || row.stat.ino === stat.ino || isLeftAlone(row)) return false;
    if (this.#deps.isProvedGone(path)) return false;
    this.#deps.tree.vanish(row);
    return true;
  }

  /** By something unsyncable. It may have moved elsewhere: only when that is known not to be so, it is left alone. */
  #isReplaced(row: LocalRow | undefined, stat: DiskStat): void {
    if (row?.presence === 'present' && row.stat.ino !== stat.ino) this.#deps.tree.vanish(row);
    else this.#leaveAlone(row);
  }

  #isNameable(entry: Entry, path: string): boolean {
    const { problems, trees } = this.#deps;
    const name = entry.name.normalize('NFC');
    const fault = nameFault(name);
    if (fault !== undefined) {
      problems.add(
        path,
        'name_invalid',
        `${path} cannot be synced: its name is ${fault.replaceAll('_', ' ')}; rename it`,
      );
      return false;
    }
    const other = trees.local.childNamed({ parentId: entry.folder.objectId, name });
    if (other !== undefined && (other.diskName ?? other.name) !== entry.name && this.#stands(entry.folderPath, other)) {
      problems.add(
        path,
        'name_clash',
        `${path} has the same name as another entry but for its Unicode form; rename one of them`,
      );
      return false;
    }
    return true;
  }

  #stands(folderPath: string, row: LocalRow): boolean {
    const name = row.diskName ?? row.name;
    return this.#deps.disk.stat(folderPath === '' ? name : `${folderPath}/${name}`) !== undefined;
  }
}
