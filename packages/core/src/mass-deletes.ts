/** Within this time deletions of one device count together, in ms. */
export const DELETE_WINDOW_MS = 5 * 60_000;
/** So many are never held, however small the tree. */
const LEAST_HELD = 50;
/** One in so many objects of the tree. */
const SHARE = 10;

/**
 * How many deletions of one device within the window go through; with one more all of them are held (H69). The
 * client asks for its own tree, the server for a workspace.
 * @param limit the setting: held whatever the size of the tree
 * @param treeSize live objects before the deletions
 */
export function deletesAllowed(limit: number, treeSize: number): number {
  return Math.min(limit, Math.max(LEAST_HELD, Math.floor(treeSize / SHARE)));
}

/** In larger trees the limit alone decides: their objects need not be counted any further. */
export function treeSizeThatCounts(limit: number): number {
  return limit * SHARE;
}
