import { getWhole, type BlockKey, type BlockStore } from '../ports/block-store.ts';
import { allEnded } from './all-ended.ts';
import { sha256Of } from './durable-file.ts';
import type { ListedObject, ObjectListWriter } from './object-list.ts';

export interface CopyReport {
  /** Objects in the list. */
  objects: number;
  sizeBytes: number;
  copied: number;
  copiedBytes: number;
  /** Objects that the metadata names and nobody can read any more. */
  readonly missing: BlockKey[];
  /** Those of which the source has lost all or a part and the target still has all. */
  readonly lost: BlockKey[];
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
 * since is found by the verification. What the target has stays when the source has lost it, or only a part of it is left.
 * @param needed keys in ascending order
 */
export async function copyObjects(parts: CopyParts, needed: AsyncIterable<BlockKey>): Promise<CopyReport> {
  const report: CopyReport = { objects: 0, sizeBytes: 0, copied: 0, copiedBytes: 0, missing: [], lost: [] };
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
  parts: CopyParts,
  report: CopyReport,
  key: BlockKey,
  known: string | undefined,
): Promise<ListedObject | undefined> {
  const { source, target } = parts;
  const kept = await keptThere(parts, key, known);
  const bytes = kept === undefined ? await getWhole(source, key) : undefined;
  if (bytes !== undefined) {
    await target.put(key, [bytes]);
    report.copied++;
    report.copiedBytes += bytes.length;
  }
  const listed = bytes === undefined ? kept : { sha256: sha256Of(bytes), sizeBytes: bytes.length, isLost: false };
  if (listed === undefined) {
    report.missing.push(key);
    return undefined;
  }
  report.objects++;
  report.sizeBytes += listed.sizeBytes;
  if (listed.isLost) report.lost.push(key);
  return { key, sha256: listed.sha256 };
}

interface Kept {
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly isLost: boolean;
}

/** What the target has and shall keep; undefined where the source's object is to be copied. */
async function keptThere(
  { source, target }: CopyParts,
  key: BlockKey,
  known: string | undefined,
): Promise<Kept | undefined> {
  const [size, sizeBytes] = await Promise.all([source.size(key), target.size(key)]);
  if (sizeBytes === undefined) return undefined;
  const isLost = size !== sizeBytes;
  if (!isLost && known !== undefined) return { sha256: known, sizeBytes, isLost };
  const there = await getWhole(target, key);
  const sha256 = there === undefined ? undefined : sha256Of(there);
  // Where both differ in length, the one that an earlier list knows is whole.
  const stays = !isLost || size === undefined || sha256 === known;
  return stays && sha256 !== undefined ? { sha256, sizeBytes, isLost } : undefined;
}
