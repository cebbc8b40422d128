import type { BlockUpkeep } from './block/blocks.ts';
import type { ObjectFinding } from './block/maintenance/inventory.ts';
import type { Finding } from './meta/doctor/doctor.ts';
import type { RepairReport } from './meta/doctor/repair.ts';
import type { Meta } from './meta/meta.ts';

type Code = Finding['code'] | ObjectFinding['code'];

const RECOUNT = 'satchel admin doctor --repair, which counts it anew';
const UPLOAD_AGAIN =
  'a device that uploads these bytes again heals it; else put the object back from a backup, or a version of the file that is whole';
const BY_HAND = 'restore a backup, and report this line';

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

/** What was found, and what to do about it. */
export type NamedFinding = (Finding | ObjectFinding) & { readonly repair: string };

/** What is wrong with a server's data. */
export interface Examination {
  readonly findings: readonly NamedFinding[];
  /** How many there were; the list ends at some thousand. */
  readonly found: number;
  /** Chunks that could not be read now. */
  readonly unread: number;
  readonly repaired?: RepairReport;
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
  /** Counts anew what can be counted anew, then looks again. */
  readonly repair?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Metadata against itself, recorded chunks against the store, and on demand stored bytes against their hashes.
 * The bytes come first, since what they show is recorded in the metadata. Changes nothing else unless it repairs.
 */
export async function examine(
  { meta, blocks }: { readonly meta: Pick<Meta, 'doctor' | 'repair'>; readonly blocks: BlockUpkeep },
  { deep, repair = false, signal }: ExamineOptions,
): Promise<Examination> {
  const scrubbed = deep ? await blocks.scrub(signal ? { signal } : {}) : undefined;
  const inventory = await blocks.inventory(signal);
  let report = await meta.doctor(signal);
  const repaired = repair && report.found > 0 ? await meta.repair(report.findings) : undefined;
  if (repaired !== undefined) report = await meta.doctor(signal);
  const found: readonly (Finding | ObjectFinding)[] = [...report.findings, ...inventory.findings];
  return {
    findings: found.map((each) => ({ ...each, repair: REPAIRS[each.code] })),
    found: report.found + inventory.found,
    unread: scrubbed?.unread ?? 0,
    ...(repaired === undefined ? {} : { repaired }),
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

const FINDINGS_SHOWN = 50;

/** An examination for people. */
export function examinationText(report: Examination): string {
  const { findings, found, unread, repaired } = report;
  const subjects = (each: NamedFinding): string =>
    (['workspaceId', 'objectId', 'chunkId', 'key'] as const)
      .flatMap((name) => (name in each ? [String((each as unknown as Record<string, unknown>)[name])] : []))
      .join(' ');
  const lines = findings
    .slice(0, FINDINGS_SHOWN)
    .map((each) => `${each.code} ${subjects(each)}: ${each.detail} To mend it: ${each.repair}.`);
  return [
    `Checked ${report.workspaces} workspaces, ${report.objects} objects, ${report.versions} versions, ${report.chunks} chunks ` +
      `and ${report.storageObjects} stored objects; ${report.readChunks} chunks were read (${report.readBytes} bytes).`,
    `${report.orphans} stored objects (${report.orphanBytes} bytes) belong to nothing; they are collected in time.`,
    ...(repaired ? [`Counted anew: ${repaired.workspaces} workspaces, ${repaired.chunks} chunks.`] : []),
    ...(unread > 0 ? [`${unread} chunks could not be read now; run it again.`] : []),
    found === 0 ? 'Everything agrees.' : `${found} findings:`,
    ...lines,
    ...(found > lines.length ? [`and ${found - lines.length} more; --json lists up to 1000 of each kind.`] : []),
  ].join('\n');
}
