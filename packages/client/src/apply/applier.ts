import { conflictName } from '@satchel/core/conflict-name.ts';
import type { IgnoreRules } from '@satchel/core/ignore-rules.ts';
import { syncedAfterDisk } from '@satchel/core/record.ts';
import type { DiskStep } from '@satchel/core/step.ts';
import type { FileContent, Place, RemoteNode } from '@satchel/core/tree.ts';
import type { ObjectId } from '@satchel/protocol/ids.ts';
import type { Disk, DiskStat } from '../ports/disk.ts';
import type { LocalTree } from '../indexer/local-tree.ts';
import { identityOf, isExecutable, millisecondsOf, UNSEEN } from '../indexer/observation.ts';
import type { Intents } from '../state/intents.ts';
import type { LocalRow } from '../state/rows.ts';
import type { TreeStore } from '../state/trees.ts';
import type { Trash } from './trash.ts';

export interface ApplierDeps {
  readonly disk: Disk;
  readonly trees: TreeStore;
  readonly tree: LocalTree;
  readonly trash: Trash;
  readonly intents: Intents;
  readonly rules: () => IgnoreRules;
  readonly newId: () => ObjectId;
  /** Wall time, ms. */
  readonly now: () => number;
  readonly deviceName: () => string;
  readonly transaction: <T>(work: () => T) => T;
  /** What is recorded survives a power cut from here on. */
  readonly makeDurable: () => void;
  /** The disk is not what the plan expected there: look again (H14). */
  readonly recheck: (paths: readonly string[]) => void;
  /** While a path or inode is reserved the indexer leaves it alone; what it saw there it looks at after the release. */
  readonly reserve: (paths: readonly string[], inodes: readonly number[]) => Disposable;
  /** A folder stays on disk for the ignored things in it (H72). */
  readonly keepFolder: (path: string) => void;
  /** Whether this folder stayed for that reason; from now on it is one like others. */
  readonly takeKeptFolder: (path: string) => boolean;
}

export interface Standing {
  readonly row: LocalRow;
  readonly path: string;
  readonly stat: DiskStat;
}

/** What has just been put on disk: where, and as what it was seen right after. */
export interface Arrival {
  readonly place: Place;
  readonly stat: DiskStat;
  readonly content: LocalRow['content'];
  readonly diskName?: string;
}

/** `done`; `dropped`: the disk was not as expected, it is looked at again and planned anew. */
export type Applied = 'done' | 'dropped';

/**
 * What every change of the disk shares: where an object lies or will lie, whether it is still what Local says, and
 * how the outcome is recorded. Local becomes what stat says, Synced what Remote said (C1).
 */
export class Applier {
  readonly deps: ApplierDeps;
  /** Paths in the ready folder of swaps under way; what else lies there was left behind. */
  readonly inHand = new Set<string>();

  constructor(deps: ApplierDeps) {
    this.deps = deps;
  }

  /** Path of a place whose folder exists in Local. */
  pathAt({ parentId, name }: Place): string | undefined {
    const folder = this.deps.tree.pathOf(parentId);
    if (folder === undefined) return undefined;
    return folder === '' ? name : `${folder}/${name}`;
  }

  /** The row, its path, and its stat, where the disk still shows what the row says; asks for a recheck otherwise. */
  standing(id: ObjectId): Standing | undefined {
    const row = this.deps.trees.local.get(id);
    const path = row === undefined ? undefined : this.deps.tree.pathOf(id);
    if (row === undefined || path === undefined) return undefined;
    const stat = this.deps.disk.stat(path);
    const isSame = stat !== undefined && isStill(row, stat);
    if (!isSame) this.deps.recheck([path]);
    return isSame ? { row, path, stat } : undefined;
  }

  /** As `standing`, and ctime too: what is to be removed or replaced must be the very bytes that were read (H4). */
  untouched(id: ObjectId): Standing | undefined {
    const standing = this.standing(id);
    if (standing === undefined || standing.row.content.kind !== 'file') return standing;
    if (standing.row.stat.ctimeNs === standing.stat.ctimeNs) return standing;
    this.deps.recheck([standing.path]);
    return undefined;
  }

  /**
   * Records a new or replaced object: Local as the disk shows it, Synced what Remote was when the step was planned. It
   * went with its folder where that is not known any more: a row in no folder would never be looked at again.
   */
  recordArrival(step: ArrivingStep, { place, stat, content, diskName }: Arrival): void {
    const { remote } = step;
    const isInTree = this.deps.trees.local.get(place.parentId) !== undefined;
    if (!isInTree && this.deps.tree.pathOf(place.parentId) !== '') return;
    this.deps.tree.makeWay(place, remote.objectId);
    this.deps.trees.putLocal({
      objectId: remote.objectId,
      workspaceId: remote.workspaceId,
      parentId: place.parentId,
      name: place.name,
      content: content.kind === 'file' ? { ...content, mtimeMs: millisecondsOf(stat.mtimeNs) } : content,
      presence: 'present',
      ...(diskName === undefined ? {} : { diskName }),
      stat: identityOf(stat),
      seenMs: this.deps.now(),
    });
    this.recordSynced(step);
  }

  /** Synced becomes what the step made both sides agree on (`core/record.ts`). */
  recordSynced(step: DiskStep): void {
    const { trees } = this.deps;
    const after = syncedAfterDisk(step, trees.synced.get(step.objectId));
    if (after === undefined) trees.removeSynced(step.objectId);
    else trees.putSynced(after);
  }

  /** A conflict name for a file that keeps its folder (H19); never one that is taken on disk or in a tree. */
  conflictPlace(place: Place): Place {
    const { trees } = this.deps;
    const isTaken = (name: string) => {
      const path = this.pathAt({ parentId: place.parentId, name });
      const isKnown = trees.local.childNamed({ parentId: place.parentId, name }) !== undefined;
      const isOnServer = trees.remote.childNamed({ parentId: place.parentId, name }) !== undefined;
      return isKnown || isOnServer || (path !== undefined && this.deps.disk.stat(path) !== undefined);
    };
    const date = new Date(this.deps.now()).toISOString().slice(0, 10);
    const name = conflictName({
      name: place.name,
      deviceName: this.deps.deviceName(),
      date,
      isTaken,
    });
    return { parentId: place.parentId, name };
  }
}

/** Same inode, size, mtime; for folders the inode alone. A rename changes ctime, so ctime is not asked for. */
export function isStill(row: LocalRow, stat: DiskStat): boolean {
  const kind = row.content.kind === 'mount' ? 'folder' : row.content.kind;
  if (stat.type !== kind || stat.ino !== row.stat.ino) return false;
  return kind === 'folder' || (stat.size === row.stat.size && stat.mtimeNs === row.stat.mtimeNs);
}

/**
 * The stat of what this device has just put somewhere. It has to be recorded, whatever becomes of the look at it: else
 * it would be taken for the user's. What somebody has changed already is recorded as it was put there, or the change
 * would never be seen. A stat without ctime has it looked at again.
 */
export function seenAs(applier: Applier, path: string, put: DiskStat): DiskStat {
  try {
    const stat = applier.deps.disk.stat(path);
    if (stat !== undefined && isAsPut(stat, put)) return stat;
  } catch {
    // told by the look that is asked for
  }
  applier.deps.recheck([path]);
  return { ...put, ctimeNs: UNSEEN };
}

function isAsPut(stat: DiskStat, put: DiskStat): boolean {
  if (stat.ino !== put.ino || stat.type === 'folder') return stat.ino === put.ino;
  return stat.size === put.size && stat.mtimeNs === put.mtimeNs && isExecutable(stat) === isExecutable(put);
}

export function localContent(remote: RemoteNode, executable: boolean): FileContent {
  if (remote.content.kind !== 'file') throw new TypeError(`object ${remote.objectId} is no file`);
  return { ...remote.content, executable };
}

export type StepOf<K extends DiskStep['kind']> = Extract<DiskStep, { readonly kind: K }>;

export type ArrivingStep = StepOf<'download' | 'makeFolder' | 'makeSymlink'>;
