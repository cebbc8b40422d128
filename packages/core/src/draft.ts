import type { ObjectId } from '@satchel/protocol/ids.ts';
import type { Claims } from './conflict.ts';
import type { Decisions } from './decide.ts';
import {
  isEdited,
  isExecutable,
  isFolder,
  isSettled,
  mergeContent,
  sameContent,
  samePlace,
  type Facts,
} from './diff.ts';
import { sideOf, type Remark, type ServerStep, type Step } from './step.ts';
import type { LocalNode, Place, RemoteNode } from './tree.ts';

export type ProblemCode =
  /** A local change in a workspace where this account may only read; it stays as it is on this disk. */
  | 'read_only'
  /** The share that appeared here is gone, and there are local changes in it. */
  | 'mount_gone'
  /** One id, two kinds; no program of ours makes that. */
  | 'kinds_differ';

/** What one object needs, before it is known whether its surroundings allow it. */
export interface Draft {
  readonly objectId: ObjectId;
  readonly steps: readonly Step[];
  /** With no steps: it needs none. */
  readonly waits: boolean;
  readonly problem?: ProblemCode;
}

export function draftOf(id: ObjectId, decisions: Decisions, claims: Claims): Draft {
  const facts = decisions.facts(id);
  const workspaceId = (facts.remote ?? facts.local ?? facts.synced)?.workspaceId;
  if (!workspaceId) return { objectId: id, steps: [], waits: false };
  const draft = new Drafting(facts, decisions, claims).draft();
  const allowed = decisions.settings.canWrite(workspaceId);
  if (allowed || !draft.steps.some((step) => sideOf(step) === 'server')) return draft;
  return { ...draft, steps: draft.steps.filter((step) => sideOf(step) !== 'server'), problem: 'read_only' };
}

/** The rules of one object, one after the other; lives as long as a call of `draftOf`. */
class Drafting {
  readonly #facts: Facts;
  readonly #decisions: Decisions;
  readonly #claims: Claims;

  constructor(facts: Facts, decisions: Decisions, claims: Claims) {
    this.#facts = facts;
    this.#decisions = decisions;
    this.#claims = claims;
  }

  draft(): Draft {
    const { id, synced, local, remote } = this.#facts;
    switch (this.#decisions.fate(id)) {
      case 'gone':
        return synced ? this.#steps({ ...this.#of(synced), kind: 'forget' }) : this.#nothing();
      case 'waits':
        return this.#waiting();
      case 'released':
        return this.#release();
      case 'dies':
        if (local) return this.#steps({ ...this.#of(local), kind: 'removeLocal', expected: local, excluded: false });
        return remote ? this.#delete(remote) : this.#nothing();
      case 'lives':
        return this.#live();
    }
  }

  #live(): Draft {
    const { local, remote, synced, unseen } = this.#facts;
    if (local && unseen) return remote && isSettled(local, remote, synced) ? this.#nothing() : this.#waiting();
    if (remote && this.#decisions.settings.excluded(this.#facts.id)) {
      const draft = this.#exclude(remote);
      if (draft) return draft;
    }
    const claim = this.#claims.claim(this.#facts.id);
    if (claim.outcome === 'yields') return this.#yield(claim.side, claim.to);
    if (claim.outcome === 'joins') {
      const theirs = this.#decisions.facts(claim.remoteId).remote;
      return local && theirs ? this.#steps({ ...this.#of(local), kind: 'join', remote: theirs }) : this.#waiting();
    }
    if (local && remote) return this.#merge(local, remote);
    if (local) return this.#create(local);
    return remote ? this.#fetch(remote) : this.#nothing();
  }

  /** P2: the object is on disk only. A tombstone's version is the base on which it comes back. */
  #create(local: LocalNode): Draft {
    const { tombstone, synced } = this.#facts;
    const of = { ...this.#of(local), ...(synced ? { remark: 'delete_undone' as const } : {}) };
    const place = placeOf(local);
    const { content } = local;
    switch (content.kind) {
      case 'file':
        return this.#steps({ ...of, kind: 'put', place, baseVersionId: tombstone?.versionId, content });
      case 'symlink':
        return this.#steps({ ...of, kind: 'symlink', place, baseTarget: targetOf(tombstone), target: content.target });
      case 'folder':
        if ((tombstone ?? synced)?.content.kind === 'mount') return this.#problem('mount_gone');
        return this.#steps({ ...of, kind: 'mkdir', place });
      case 'mount':
        return this.#problem('mount_gone');
    }
  }

  /** P2: the object is on the server only. */
  #fetch(remote: RemoteNode): Draft {
    const of = this.#of(remote, this.#facts.synced ? 'delete_undone' : undefined);
    const place = placeOf(remote);
    if (isFolder(remote.content)) return this.#steps({ ...of, kind: 'makeFolder', remote, place });
    return this.#steps({ ...of, ...writeStep(remote, isExecutable(remote.content)), place });
  }

  /** P2-P4: content and place apart. A conflict of contents waits until the place is agreed: the copy lies there. */
  #merge(local: LocalNode, remote: RemoteNode): Draft {
    const { synced } = this.#facts;
    const verdict = mergeContent(local, remote, synced);
    if (verdict === 'kinds_differ') return this.#problem(verdict);
    const moves = this.#moves(local, remote);
    if (verdict === 'conflict') {
      if (moves.some((step) => sideOf(step) === 'disk' || this.#canWrite(remote))) return this.#steps(...moves);
      const to = this.#claims.conflictPlace(local);
      return this.#steps({ ...this.#of(local), kind: 'keepCopy', expected: local, to });
    }
    const of = this.#of(remote);
    if (verdict === 'upload') return this.#steps(...moves, { ...of, ...uploadStep(local, remote) });
    if (verdict === 'download') {
      const executable = this.#executableAfterDownload(local, remote);
      return this.#steps(...moves, { ...of, ...writeStep(remote, executable), expected: local });
    }
    if (verdict === 'setExecutable') {
      const executable = isExecutable(remote.content);
      return this.#steps(...moves, { ...of, kind: 'setExecutable', remote, executable });
    }
    if (moves.length > 0) return this.#steps(...moves);
    return isSettled(local, remote, synced) ? this.#nothing() : this.#steps({ ...of, kind: 'agree', remote });
  }

  /** P3: a local bit that the server's edit did not touch survives the download; the next plan sends it. */
  #executableAfterDownload(local: LocalNode, remote: RemoteNode): boolean {
    const before = this.#facts.synced?.content;
    const touchedThere = !before || isExecutable(before) !== isExecutable(remote.content);
    return isExecutable(touchedThere ? remote.content : local.content);
  }

  /** P4 */
  #moves(local: LocalNode, remote: RemoteNode): Step[] {
    const place = this.#decisions.place(this.#facts.id);
    if (!place || samePlace(local, remote)) return [];
    if (samePlace(place, local)) return [this.#moveRemote(remote, place, true)];
    // Its folder may be excluded as well, so there is nowhere to move it to; it goes from where it lies.
    if (this.#decisions.settings.excluded(this.#facts.id)) return [];
    const remark = this.#decisions.moveIsUndone(this.#facts.id) ? 'move_undone' : undefined;
    const to = placeOf(place);
    return [{ ...this.#of(remote, remark), kind: 'moveLocal', from: placeOf(local), to, remote }];
  }

  /** P10 */
  #yield(side: 'local' | 'remote', to: Place): Draft {
    const { local, remote } = this.#facts;
    if (side === 'remote' && remote) return this.#steps(this.#moveRemote(remote, to, false, 'name_conflict'));
    if (!local) return this.#waiting();
    return this.#steps({ ...this.#of(local, 'name_conflict'), kind: 'moveLocal', from: placeOf(local), to });
  }

  #moveRemote(remote: RemoteNode, to: Place, agrees: boolean, remark?: Remark): ServerStep {
    const basePlaceVersion = remote.placeVersion;
    return { ...this.#of(remote, remark), kind: 'move', to: placeOf(to), basePlaceVersion, agrees };
  }

  /** P12: what is not wanted here and not changed here goes from the disk; a local change is uploaded before. */
  #exclude(remote: RemoteNode): Draft | undefined {
    const { local, synced } = this.#facts;
    if (!local) return synced ? this.#steps({ ...this.#of(remote), kind: 'forget' }) : this.#nothing();
    if (isEdited(local, synced) && !sameContent(local.content, remote.content)) return undefined;
    const place = this.#decisions.place(this.#facts.id);
    if (place && !samePlace(place, remote)) return undefined;
    return this.#steps({ ...this.#of(remote), kind: 'removeLocal', expected: local, excluded: true });
  }

  /** P7; P15: after a move across workspaces the original stays until the new object is on the server. */
  #delete(remote: RemoteNode): Draft {
    if (this.#decisions.settings.awaitedCopy(this.#facts.id)) return this.#waiting();
    const base = { basePlaceVersion: remote.placeVersion, baseVersionId: remote.versionId };
    return this.#steps({ ...this.#of(remote), kind: 'delete', ...base });
  }

  /** P9 */
  #release(): Draft {
    const { local, remote } = this.#facts;
    if (local) return this.#steps({ ...this.#of(local), kind: 'release', absentOn: 'remote' });
    if (!remote) return this.#nothing();
    const remark = remote.content.kind === 'mount' ? 'mount_restored' : undefined;
    return this.#steps({ ...this.#of(remote, remark), kind: 'release', absentOn: 'local' });
  }

  #canWrite(remote: RemoteNode): boolean {
    return this.#decisions.settings.canWrite(remote.workspaceId);
  }

  #of(node: Pick<RemoteNode, 'objectId' | 'workspaceId'>, remark?: Remark) {
    const { objectId, workspaceId } = node;
    return remark ? { objectId, workspaceId, remark } : { objectId, workspaceId };
  }

  #steps(...steps: readonly Step[]): Draft {
    return { objectId: this.#facts.id, steps, waits: false };
  }

  #nothing(): Draft {
    return { objectId: this.#facts.id, steps: [], waits: false };
  }

  #waiting(): Draft {
    return { objectId: this.#facts.id, steps: [], waits: true };
  }

  #problem(problem: ProblemCode): Draft {
    return { objectId: this.#facts.id, steps: [], waits: false, problem };
  }
}

function placeOf({ parentId, name }: Place): Place {
  return { parentId, name };
}

function targetOf(node: RemoteNode | undefined): string | undefined {
  return node?.content.kind === 'symlink' ? node.content.target : undefined;
}

function uploadStep(local: LocalNode, remote: RemoteNode) {
  const { content } = local;
  if (content.kind === 'symlink') {
    return { kind: 'symlink', baseTarget: targetOf(remote), target: content.target } as const;
  }
  if (content.kind === 'file') return { kind: 'put', baseVersionId: remote.versionId, content } as const;
  throw new TypeError(`a ${content.kind} has no content to upload`);
}

function writeStep(remote: RemoteNode, executable: boolean) {
  if (remote.content.kind === 'symlink') return { kind: 'makeSymlink', remote } as const;
  return { kind: 'download', remote, executable } as const;
}
