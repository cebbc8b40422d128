import type { ObjectId } from '@satchel/protocol/ids.ts';
import type { LocalRow } from '../state/rows.ts';
import { identityOf, isUnreadArrival, sameStat, UNREAD } from './observation.ts';
import type { ReadingDeps } from './reading.ts';
import type { ScanResult } from '../ports/hashing.ts';

export interface ReadingArrivalsDeps extends Pick<ReadingDeps, 'disk' | 'trees' | 'tree' | 'hashing' | 'transaction'> {
  /** Wall time in ms. */
  readonly now: () => number;
}

/** Read together; a file that is longer is read alone. */
const BATCH_BYTES = 16 * 1024 * 1024;
const BATCH_FILES = 512;

/** Some of the files that this device has put into place and has not read since. */
export interface UnreadBatch {
  readonly files: readonly { readonly objectId: ObjectId; readonly path: string }[];
  /** Where the next batch goes on; undefined: there is none. */
  readonly after: ObjectId | undefined;
}

export function unreadBatch(
  { trees, tree }: Pick<ReadingArrivalsDeps, 'trees' | 'tree'>,
  after: ObjectId | undefined,
): UnreadBatch {
  const files: UnreadBatch['files'][number][] = [];
  let bytes = 0;
  let last: ObjectId | undefined;
  for (const objectId of trees.localWithCtime(UNREAD, after, BATCH_FILES)) {
    bytes += trees.local.get(objectId)?.stat.size ?? 0;
    if (bytes > BATCH_BYTES && files.length > 0) break;
    last = objectId;
    const path = tree.pathOf(objectId);
    if (path !== undefined) files.push({ objectId, path });
  }
  return { files, after: last };
}

/**
 * Reads files that this device has put into place (H3, H4). One that still has its content gets the ctime that it has
 * now, and nothing else is written.
 * @returns paths of the others: what stands there has to be looked at
 */
export async function readArrivals(
  deps: ReadingArrivalsDeps,
  files: UnreadBatch['files'],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const requests = files.map(({ path }) => ({ path: deps.disk.absolute(path) }));
  const results = await deps.hashing.scan(requests, signal);
  return deps.transaction(() =>
    files.flatMap((file, index) => (isConfirmed(deps, file, results[index]) ? [] : [file.path])),
  );
}

function isConfirmed(
  { disk, trees, tree, now }: ReadingArrivalsDeps,
  { objectId, path }: UnreadBatch['files'][number],
  result: ScanResult | undefined,
): boolean {
  const row = trees.local.get(objectId);
  // RACE: it may have been moved, replaced or read otherwise meanwhile.
  if (row === undefined || result?.outcome !== 'scanned' || tree.pathOf(objectId) !== path) return false;
  const stat = statOrAbsent(() => disk.stat(path));
  if (stat?.type !== 'file' || !isSameContent(row, result)) return false;
  const seen = identityOf(stat);
  const isStable = sameStat(result.before, result.after) && sameStat(result.after, seen);
  if (!isStable || !isUnreadArrival(row, seen)) return false;
  trees.putLocal({ ...row, stat: seen, seenMs: now() });
  return true;
}

function isSameContent({ content }: LocalRow, result: Extract<ScanResult, { readonly outcome: 'scanned' }>): boolean {
  return content.kind === 'file' && content.hash === result.hash && content.size === result.size;
}

/** What cannot be looked at now is looked at like anything else, which tells why. */
function statOrAbsent<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
