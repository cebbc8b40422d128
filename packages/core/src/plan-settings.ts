import type { ObjectId, WorkspaceId } from '@satchel/protocol/ids.ts';

export interface PlanSettings {
  /** The parent of what lies at the top; itself no object of the trees. */
  readonly rootId: ObjectId;
  /** About how many objects one plan decides on; the candidates beyond stay for the next. */
  readonly limit: number;
  /** An earlier plan's work on it is still running: no step, and what hangs on it waits (P11). */
  readonly busy: (id: ObjectId) => boolean;
  /** Selective sync: not wanted on this device (P12). Whatever lies in an excluded folder is excluded too. */
  readonly excluded: (id: ObjectId) => boolean;
  /** False for a viewer (P13). */
  readonly canWrite: (workspaceId: WorkspaceId) => boolean;
  /**
   * Whether a folder that is only here becomes one with a share that appears at its name, as in the first merge of a
   * folder that was in sync before. Later it is somebody's own, and nobody has said that others may see it.
   */
  readonly joinsShares: () => boolean;
  /** The object that this one became by a move across workspaces, while that is not on the server yet (P15). */
  readonly awaitedCopy: (id: ObjectId) => ObjectId | undefined;
  /** A name made from `name` for which `taken` is false. */
  readonly conflictName: (name: string, taken: (name: string) => boolean) => string;
  /** P14: a plan with more deletions on the server than this holds them all. */
  readonly deletesAllowed: number;
}
