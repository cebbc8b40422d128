import { getWhole, type BlockKey, type BlockStore } from '../ports/block-store.ts';
import type { CopyFinding, OpenedCopy } from './opened-copy.ts';

export interface Verification {
  /** What is wrong with the server itself, as it was copied. */
  readonly faults: readonly CopyFinding[];
  /** Objects of the backup alone that were damaged: they are removed from it, so that they are copied again. */
  readonly removed: readonly BlockKey[];
  readonly readBytes: number;
}

const ABOUT_BYTES = new Set(['chunk_damaged', 'object_missing', 'object_short']);

/** Checks a copy as doctor and scrub check a server, and tells the faults of the backup from those of the server. */
export async function verifyCopy(copy: OpenedCopy, source: BlockStore, target: BlockStore): Promise<Verification> {
  const { findings, readBytes } = await copy.examine();
  const faults: CopyFinding[] = [];
  const judged = new Map<BlockKey, boolean>();
  for (const finding of findings) {
    const key = ABOUT_BYTES.has(finding.code) ? await keyOf(copy, finding) : undefined;
    if (key !== undefined) {
      const differs = judged.get(key) ?? !(await sameObject(key, source, target));
      judged.set(key, differs);
      if (!differs) faults.push(finding);
    } else faults.push(finding);
  }
  const removed = [...judged].filter(([, differs]) => differs).map(([key]) => key);
  for (const key of removed) await target.delete(key);
  return { faults, removed, readBytes };
}

async function keyOf(copy: OpenedCopy, { key, chunkId }: CopyFinding): Promise<BlockKey | undefined> {
  if (key !== undefined || chunkId === undefined) return key;
  return (await copy.ledger.locateAny([chunkId])).get(chunkId)?.location.key;
}

async function sameObject(key: BlockKey, source: BlockStore, target: BlockStore): Promise<boolean> {
  const [there, here] = [await getWhole(source, key), await getWhole(target, key)];
  // What the server has lost cannot be copied again: the rest of it stays in the backup.
  if (there === undefined || here === undefined) return there === undefined;
  return Buffer.from(there.buffer, there.byteOffset, there.length).equals(here);
}
