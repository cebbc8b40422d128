import type { Disk, DiskStat, StatIdentity } from '../ports/disk.ts';
import { sameInode } from '../indexer/observation.ts';
import { CLIENT_FOLDER } from '@satchel/protocol/names.ts';
import type { ObjectId } from '@satchel/protocol/ids.ts';
import { seenAs, type Applier, type StepOf } from './applier.ts';
import { PART_FOLDER } from './arriving.ts';

/** Steps that make something that has no bytes and replaces nothing. */
export type MakingStep = StepOf<'makeFolder' | 'makeSymlink'>;

type Staged = { readonly stat: DiskStat } | { readonly fault: unknown };

/**
 * New folders and symlinks of one plan. They are made in the staging folder, so that their inodes can be noted, and then
 * renamed into place: killed in between, and moved by the user before the restart, they are known by the note (H83).
 */
export class Making implements Disposable {
  readonly #applier: Applier;
  readonly #staged = new Map<MakingStep, Staged>();

  constructor(applier: Applier, steps: readonly MakingStep[]) {
    this.#applier = applier;
    for (const step of steps) this.#staged.set(step, stage(applier.deps.disk, step));
  }

  /** What is going to be put into place; undefined: it could not be made. */
  made(step: MakingStep): StatIdentity | undefined {
    const staged = this.#staged.get(step);
    return staged !== undefined && 'stat' in staged ? staged.stat : undefined;
  }

  /** Its stat at its place; `exists`: something else stands there. Throws why it could not be made. */
  async place(step: MakingStep, path: string): Promise<DiskStat | 'exists' | 'missing'> {
    const { disk } = this.#applier.deps;
    const staged = this.#staged.get(step) ?? stage(disk, step);
    if ('fault' in staged) throw staged.fault;
    const outcome = await disk.rename(stagedPathOf(step.objectId), path);
    if (outcome !== 'renamed') return outcome;
    this.#staged.delete(step);
    return seenAs(this.#applier, path, staged.stat);
  }

  /** What found no place goes. */
  [Symbol.dispose](): void {
    const { disk } = this.#applier.deps;
    for (const step of this.#staged.keys()) {
      try {
        discard(disk, stagedPathOf(step.objectId));
      } catch {
        // It lies in nobody's way, and is swept at rest.
      }
    }
  }
}

function stagedPathOf(id: ObjectId): string {
  return `${PART_FOLDER}/${id}.made`;
}

function stage(disk: Disk, step: MakingStep): Staged {
  const path = stagedPathOf(step.objectId);
  try {
    discard(disk, path);
    if (step.kind === 'makeFolder') disk.makeFolder(path);
    else if (step.remote.content.kind === 'symlink') disk.makeSymlink(path, step.remote.content.target);
    const stat = disk.stat(path);
    return stat === undefined ? { fault: missing(path) } : { stat };
  } catch (fault) {
    return { fault };
  }
}

function missing(path: string): Error {
  return Object.assign(new Error(`ENOENT: ${path} could not be made`), { code: 'ENOENT', path });
}

/** From the staging folder; what somebody has put into a folder there stays. */
export function discard(disk: Disk, path: string): void {
  if (disk.stat(path)?.type === 'folder') disk.removeFolder(path);
  else disk.removeFile(path);
}

/** Whether what was made has been put into place, though it may have been moved since. Looks everywhere: only after a crash. */
export function wasPlaced(disk: Disk, step: MakingStep, made: StatIdentity): boolean {
  const isIt = (path: string) => {
    const stat = disk.stat(path);
    return stat !== undefined && sameInode(stat, made);
  };
  if (isIt(stagedPathOf(step.objectId))) return false;
  const type = step.kind === 'makeFolder' ? 'folder' : 'symlink';
  const stack = [''];
  for (let folder = stack.pop(); folder !== undefined; folder = stack.pop()) {
    for (const entry of disk.list(folder)?.entries ?? []) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (path === CLIENT_FOLDER) continue;
      if (entry.type === type && isIt(path)) return true;
      if (entry.type === 'folder') stack.push(path);
    }
  }
  return false;
}
