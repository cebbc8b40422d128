import type { ChunkId } from '@satchel/protocol/ids.ts';
import type { BlockUpkeep } from './block/blocks.ts';
import type { Inventory, ObjectFinding } from './block/maintenance/inventory.ts';
import type { Finding } from './meta/doctor/doctor.ts';
import type { Meta } from './meta/meta.ts';
import type { BlockKey } from './ports/block-store.ts';

type Code = Finding['code'] | ObjectFinding['code'];

const RECOUNT = 'satchel admin doctor --repair counts it anew';
const UPLOAD_AGAIN =
  'the next device that uploads these bytes heals it; else put the object back from a backup, or a version of the file that is whole';
const BY_HAND = 'nothing mends this by itself: restore a backup, or report it with this line';

/** What to do about each. */
export const REPAIRS: Readonly<Record<Code, string>> = {
  digest_wrong: RECOUNT,
  usage_wrong: RECOUNT,
  references_wrong: RECOUNT,
  links_wrong: RECOUNT,
  chunk_unlinked: RECOUNT,
  chunk_unrecorded: UPLOAD_AGAIN,
  chunk_damaged: UPLOAD_AGAIN,
  object_missing: UPLOAD_AGAIN,
  object_short: UPLOAD_AGAIN,
  seq_wrong: BY_HAND,
  orphan: BY_HAND,
  cycle: BY_HAND,
  name_twice: 'rename one of the two, here or on a device',
  version_missing: 'restore an older version of the file, or upload it again from a device that has it',
  owner_missing: BY_HAND,
  mount_missing: 'remove the member and share the folder again',
};

export interface NamedFinding {
  readonly code: Code;
  readonly detail: string;
  readonly repair: string;
  readonly chunkId?: ChunkId;
  readonly key?: BlockKey;
}

/** What is wrong with a server's data. */
export interface Examination {
  readonly findings: readonly NamedFinding[];
  /** How many there were; the list ends at some thousand. */
  readonly found: number;
  readonly workspaces: number;
  readonly objects: number;
  readonly versions: number;
  readonly chunks: number;
  readonly storageObjects: number;
  readonly orphans: number;
  readonly orphanBytes: number;
  /** Chunks whose stored bytes were read and hashed; 0 unless `deep`. */
  readonly readChunks: number;
  readonly readBytes: number;
}

export interface ExamineOptions {
  /** Reads every stored byte as well. */
  readonly deep: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Metadata against itself, recorded chunks against the store, and on demand stored bytes against their hashes.
 * The bytes come first, since what they show is recorded in the metadata. Changes nothing else.
 */
export async function examine(
  { meta, blocks }: { readonly meta: Pick<Meta, 'doctor'>; readonly blocks: BlockUpkeep },
  { deep, signal }: ExamineOptions,
): Promise<Examination> {
  const scrubbed = deep ? await blocks.scrub(signal ? { signal } : {}) : undefined;
  const inventory: Inventory = await blocks.inventory(signal);
  const report = await meta.doctor(signal);
  const unread: NamedFinding[] = scrubbed?.unread
    ? [{ code: 'chunk_damaged', detail: `${scrubbed.unread} chunks could not be read now.`, repair: 'run it again' }]
    : [];
  const findings = [...report.findings, ...inventory.findings].map((each) => ({ ...each, repair: REPAIRS[each.code] }));
  return {
    findings: [...findings, ...unread],
    found: report.found + inventory.found + unread.length,
    workspaces: report.workspaces,
    objects: report.objects,
    versions: report.versions,
    chunks: report.chunks,
    storageObjects: inventory.objects,
    orphans: inventory.orphans,
    orphanBytes: inventory.orphanBytes,
    readChunks: scrubbed?.checkedChunks ?? 0,
    readBytes: scrubbed?.checkedBytes ?? 0,
  };
}
