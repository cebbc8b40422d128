import type { ContentHash, ObjectId, VersionId, WorkspaceId } from '@satchel/protocol/ids.ts';

/**
 * The three trees (C1). All three speak of the same objects by id (C2); a path is only a view. A shared workspace's
 * root is known to the trees under the id of the mount where it appears, so that all workspaces form one tree.
 */
export interface Place {
  /** The folder or mount it lies in; the tree's root id at the top. */
  readonly parentId: ObjectId;
  /** NFC. */
  readonly name: string;
}

export type Content =
  | { readonly kind: 'folder' }
  /** The border to a shared workspace; on disk a folder. */
  | { readonly kind: 'mount' }
  | { readonly kind: 'symlink'; readonly target: string }
  | {
      readonly kind: 'file';
      readonly hash: ContentHash;
      readonly size: number;
      readonly executable: boolean;
      /** Carried along, never compared (C2). */
      readonly mtimeMs: number;
    };

export type FileContent = Extract<Content, { readonly kind: 'file' }>;

export interface TreeNode extends Place {
  readonly objectId: ObjectId;
  /** The workspace it belongs to; a mount belongs to the workspace that it lies in. */
  readonly workspaceId: WorkspaceId;
  readonly content: Content;
}

/** The server's newest known state. */
export interface RemoteNode extends TreeNode {
  /** Expectation of the next put (files). */
  readonly versionId?: VersionId;
  /** Expectation of the next move or delete. */
  readonly placeVersion: number;
  /** A tombstone, kept while Local or Synced still knows the object. Counts as absent. */
  readonly deleted?: boolean;
}

/** The disk as last observed. */
export interface LocalNode extends TreeNode {
  /**
   * `unknown`: it could not be looked at (unreadable, on a vanished file system, not yet proved missing): neither
   * changed nor deleted may be derived (C3). Absence of a node that Synced has is a proved deletion.
   */
  readonly presence: 'present' | 'unknown';
  /** Moved here across a workspace border: the old object may go only after this one is on the server. */
  readonly movedFrom?: ObjectId;
}

/** What both sides last agreed on. */
export interface SyncedNode extends TreeNode {
  readonly versionId?: VersionId;
  readonly placeVersion: number;
}

export interface Tree<Node extends TreeNode> {
  get(id: ObjectId): Node | undefined;
  /** In any order, tombstones included. */
  children(parentId: ObjectId): Iterable<Node>;
  /** The live node with this name; names are unique per folder in Remote and Local. */
  childNamed(place: Place): Node | undefined;
}

export interface Trees {
  readonly remote: Tree<RemoteNode>;
  readonly local: Tree<LocalNode>;
  readonly synced: Tree<SyncedNode>;
}
