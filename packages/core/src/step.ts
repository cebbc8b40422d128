import type { ObjectId, VersionId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { FileContent, LocalNode, Place, RemoteNode } from './tree.ts';

/** Something worth telling the user about a step; never needed to run it. */
export type Remark =
  /** Both sides moved it, or the two moves make a circle: the server's place wins (H24, H30). */
  | 'move_undone'
  /** It was deleted on the other side and lives on, because this side has news in it (H20, H25, H27). */
  | 'delete_undone'
  /** A mount was deleted on disk; leaving a share is a command of its own. */
  | 'mount_restored'
  /** Makes way for another object that wants the same name (H22). */
  | 'name_conflict';

interface Of {
  readonly objectId: ObjectId;
  readonly workspaceId: WorkspaceId;
  readonly remark?: Remark;
}

/**
 * Commits. Each carries what the server must still have for it to be right (S4); a refused one changes nothing, and
 * the next plan starts from what the server answered.
 */
export type ServerStep =
  /** Upload what Local has. `place` present: the object is new, or comes back from the dead. */
  | (Of & {
      readonly kind: 'put';
      readonly place?: Place;
      readonly baseVersionId: VersionId | undefined;
      readonly content: FileContent;
    })
  | (Of & { readonly kind: 'mkdir'; readonly place: Place })
  | (Of & {
      readonly kind: 'symlink';
      readonly place?: Place;
      readonly baseTarget: string | undefined;
      readonly target: string;
    })
  | (Of & {
      readonly kind: 'move';
      readonly to: Place;
      /** Counts on from the plan's earlier moves of the same object: the server adds one with each. */
      readonly basePlaceVersion: number;
      /** Synced takes `to` over. False where the server's object is renamed out of the way, and the disk follows later. */
      readonly agrees: boolean;
    })
  | (Of & {
      readonly kind: 'delete';
      readonly basePlaceVersion: number;
      readonly baseVersionId: VersionId | undefined;
    });

/** Changes of the disk. Where `expected` is not what lies there (H14), the step is dropped and the place rescanned. */
export type DiskStep =
  /** `place` present: the object is new on this disk and nothing may lie there; else `expected` is replaced. */
  | (Of & {
      readonly kind: 'download';
      readonly remote: RemoteNode;
      readonly place?: Place;
      readonly expected?: LocalNode;
      /** Of the file to be written; differs from Remote's when the local bit was changed and the remote one not. */
      readonly executable: boolean;
    })
  /** Also for a mount. */
  | (Of & { readonly kind: 'makeFolder'; readonly remote: RemoteNode; readonly place: Place })
  | (Of & {
      readonly kind: 'makeSymlink';
      readonly remote: RemoteNode;
      readonly place?: Place;
      readonly expected?: LocalNode;
    })
  /** `remote` present: `to` is its place, Synced takes it over; absent: a way station or a conflict name. */
  | (Of & { readonly kind: 'moveLocal'; readonly from: Place; readonly to: Place; readonly remote?: RemoteNode })
  /** `excluded`: selective sync removes it here, the server keeps it. A folder goes only when nothing is left in it. */
  | (Of & { readonly kind: 'removeLocal'; readonly expected: LocalNode; readonly excluded: boolean })
  | (Of & { readonly kind: 'setExecutable'; readonly remote: RemoteNode; readonly executable: boolean })
  /**
   * Both sides have edited it: what lies on disk is renamed to `to` and becomes a new object with a fresh id, which
   * the next plan uploads; in the same transaction Local and Synced forget the old id, which is downloaded next (H19).
   */
  | (Of & { readonly kind: 'keepCopy'; readonly expected: LocalNode; readonly to: Place });

/** Changes of the client's database, each in one transaction. */
export type StateStep =
  /** Both sides have it alike: Synced := Remote. */
  | (Of & { readonly kind: 'agree'; readonly remote: RemoteNode })
  /**
   * A local object and a remote one are one: Local's node takes the id of `remote`, the nodes in Local and in Synced
   * that lie in it take it as their parent (and its workspace, where it is a mount), Synced := `remote`, and
   * `objectId` is forgotten.
   */
  | (Of & { readonly kind: 'join'; readonly remote: RemoteNode })
  /** Gone on both sides, or not wanted on this device: Synced (and a tombstone) is dropped. */
  | (Of & { readonly kind: 'forget' })
  /**
   * A folder that one side moved and the other deleted (H25): Synced is dropped for it and, going down Synced from
   * folder to folder, for everything that the same side (`absentOn`) lacks too. What the other side still has is then
   * news, and the next plans bring it back whole, however often they are interrupted. `releasedWith` lists the ids.
   */
  | (Of & { readonly kind: 'release'; readonly absentOn: 'local' | 'remote' });

export type Step = ServerStep | DiskStep | StateStep;

export type Side = 'server' | 'disk' | 'state';

const SIDES: Readonly<Record<Step['kind'], Side>> = {
  put: 'server',
  mkdir: 'server',
  symlink: 'server',
  move: 'server',
  delete: 'server',
  download: 'disk',
  makeFolder: 'disk',
  makeSymlink: 'disk',
  moveLocal: 'disk',
  removeLocal: 'disk',
  setExecutable: 'disk',
  keepCopy: 'disk',
  agree: 'state',
  join: 'state',
  forget: 'state',
  release: 'state',
};

export function sideOf(step: Step): Side {
  return SIDES[step.kind];
}
