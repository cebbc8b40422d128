/**
 * Turns changes below a folder into dirty paths. Reports are hints (C5): too many are harmless, and what a file system
 * does not tell (mmap writes, changes made by other machines) is found by the periodic full scan.
 *
 * - W1 Every change below the root is reported; nothing in the private folder is, and nothing outside the root.
 * - W2 `closed` is true when no writer is known to be at work: after close, rename or removal; false while one is.
 * - W3 When a folder appears, by mkdir or by a move from elsewhere, everything in it is reported, at any depth.
 * - W4 When a folder moves within the root, both its names are reported, the new one as `deep`; changes made in it
 *   before, during and after the move are covered by paths that hold after it.
 * - W5 After a folder has left the root its name is reported, and no change made in it any more.
 * - W6 Symlinks are entries like others and are never followed.
 * - W7 `caughtUp` resolves after every change made before the call has been given to the listener.
 * - W8 Lost events give 'overflow', once the watch is complete again: what the listener scans after it is not missed.
 * - W9 When the system refuses more watches, 'limit' names the first folder without one, once; such parts are
 *   polled, and looked at by `caughtUp`. 'unlimited' says when all are watched again.
 * - W10 When the root is removed, moved or unmounted the last event is 'gone'; on a fault of the watch itself 'failed'.
 * - W11 After disposal the listener is not called.
 */
export interface Watcher {
  /**
   * `root` must be a folder, not a symlink. Resolves once every folder below it is watched: what the caller scans after
   * that is not missed. Throws ENOENT, ENOTDIR, EACCES, EMFILE.
   */
  watch(root: string, listener: WatchListener): Promise<Watch>;
}

export interface Watch extends AsyncDisposable {
  /** 'ended' when the watch is over and can no longer say (W7, W10). */
  caughtUp(): Promise<'caught-up' | 'ended'>;
}

/** Called from the event loop with at least one event. Must be quick and must not throw. */
export type WatchListener = (batch: readonly WatchEvent[]) => void;

export type WatchEvent =
  | DirtyPath
  /** Events were lost: scan everything. */
  | { readonly kind: 'overflow' }
  /** No watch could be set for `path`, and perhaps for more folders; they are polled. */
  | { readonly kind: 'limit'; readonly path: string }
  /** Every folder has a watch again. */
  | { readonly kind: 'unlimited' }
  | { readonly kind: 'gone' }
  | { readonly kind: 'failed'; readonly error: Error };

/** Look at this path again: it may be new, changed, moved or absent. A folder among them is to be listed, one level. */
export interface DirtyPath {
  readonly kind: 'dirty';
  /** Relative to the root, '/'-separated, as on disk; '' is the root. */
  readonly path: string;
  readonly closed: boolean;
  /** Everything below may have changed as well: scan the subtree. */
  readonly deep: boolean;
}
