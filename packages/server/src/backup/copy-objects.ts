import type { BlockKey, BlockStore } from '../ports/block-store.ts';
import { allEnded } from './all-ended.ts';
import { sha256Of } from './durable-file.ts';
import type { ListedObject, ObjectListWriter } from './object-list.ts';

export interface CopyReport {
  /** Objects in the list. */
  objects: number;
  sizeBytes: number;
  copied: number;
  copiedBytes: number;
  /** Objects that the metadata names and the source does not have. */
  readonly missing: BlockKey[];
}

export interface CopyParts {
  readonly source: BlockStore;
  readonly target: BlockStore;
  readonly list: ObjectListWriter;
  /** What an earlier list says of a key; called with ascending keys. */
  readonly earlier: (key: BlockKey) => Promise<ListedObject | undefined>;
}

const AT_ONCE = 16;

/**
 * Copies the objects that the target does not have yet, and lists all of them. Storage objects are never changed
 * once written and their names are fresh, so the same name and size is the same object; what a disk has done to it
 * since is found by the verification.
 * @param needed keys in ascending order
 */
export async function copyObjects(parts: CopyParts, needed: AsyncIterable<BlockKey>): Promise<CopyReport> {
  const report: CopyReport = { objects: 0, sizeBytes: 0, copied: 0, copiedBytes: 0, missing: [] };
  let batch: BlockKey[] = [];
  const work = async (): Promise<void> => {
    const known = [];
    for (const key of batch) known.push({ key, sha256: (await parts.earlier(key))?.sha256 });
    batch = [];
    const done = await allEnded(known.map(({ key, sha256 }) => copyOne(parts, report, key, sha256)));
    for (const listed of done) if (listed !== undefined) await parts.list.add(listed);
  };
  for await (const key of needed) {
    batch.push(key);
    if (batch.length >= AT_ONCE) await work();
  }
  await work();
  await parts.list.finish();
  return report;
}

async function copyOne(
  { source, target }: CopyParts,
  report: CopyReport,
  key: BlockKey,
  known: string | undefined,
): Promise<ListedObject | undefined> {
  const [size, sizeThere] = await Promise.all([source.size(key), target.size(key)]);
  const isThere = size !== undefined && size === sizeThere;
  const bytes = isThere ? undefined : await source.get(key);
  if (!isThere && bytes === undefined) {
    report.missing.push(key);
    return undefined;
  }
  report.objects++;
  report.sizeBytes += size ?? bytes?.length ?? 0;
  if (bytes === undefined) return { key, sha256: known ?? sha256Of((await target.get(key)) ?? new Uint8Array()) };
  const sha256 = sha256Of(bytes);
  report.copied++;
  report.copiedBytes += bytes.length;
  await target.put(key, [bytes]);
  return { key, sha256 };
}
