import type { ObjectId } from '@satchel/protocol/ids.ts';
import type { Clock } from '../ports/clock.ts';
import type { LocalRow } from '../state/rows.ts';
import { identityOf, isUnreadArrival, sameStat, UNREAD } from './observation.ts';
import type { FreshArrivals } from './fresh-arrivals.ts';
import type { ReadingDeps } from './reading.ts';
import type { ScanResult } from '../ports/hashing.ts';

export interface ReadingArrivalsDeps extends Pick<
  ReadingDeps,
  'disk' | 'trees' | 'tree' | 'hashing' | 'transaction' | 'lookAt'
> {
  readonly clock: Clock;
  readonly fresh: FreshArrivals;
  /** A read is over. */
  readonly finished: () => void;
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

/** Reads the files that this device has put into place and has not read since, some at a time. */
export class ArrivalReader {
  readonly #deps: ReadingArrivalsDeps;
  /** The last one that was taken up. */
  #after: ObjectId | undefined;
  #isReading = false;

  constructor(deps: ReadingArrivalsDeps) {
    this.#deps = deps;
  }

  get isReading(): boolean {
    return this.#isReading;
  }

  start(signal: AbortSignal): void {
    const batch = unreadBatch(this.#deps, this.#after);
    this.#after = batch.after;
    if (batch.after === undefined) this.#deps.fresh.taken();
    else void this.#read(batch, signal);
  }

  /** What is not as it was put there is looked at. */
  async #read({ files }: UnreadBatch, signal: AbortSignal): Promise<void> {
    const { lookAt, finished } = this.#deps;
    this.#isReading = true;
    try {
      lookAt(await readArrivals(this.#deps, files, signal));
    } catch {
      // It is tried again as any reading, which tells what is wrong.
      lookAt(files.map(({ path }) => path));
    } finally {
      this.#isReading = false;
      finished();
    }
  }
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
async function readArrivals(
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
  { disk, trees, tree, clock }: ReadingArrivalsDeps,
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
  trees.putLocal({ ...row, stat: seen, seenMs: clock.now() });
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
