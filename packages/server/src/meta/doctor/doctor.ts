import type { ChunkId, ObjectId, WorkspaceId } from '@satchel/protocol/ids.ts';
import { eachWorkspace } from '../each-workspace.ts';
import type { MetaParts } from '../parts.ts';
import { checkChunks } from './check-chunks.ts';
import { checkMembers } from './check-members.ts';
import { checkObjects } from './check-objects.ts';
import { checkReferences } from './check-references.ts';

/** Something that cannot be, unless a disk, a hand or this program has failed. */
export interface Finding {
  readonly code:
    | 'digest_wrong'
    | 'usage_wrong'
    | 'seq_wrong'
    | 'orphan'
    | 'cycle'
    | 'name_twice'
    | 'version_missing'
    | 'references_wrong'
    | 'chunk_unlinked'
    | 'chunk_unrecorded'
    | 'links_wrong'
    | 'chunk_damaged'
    | 'owner_missing'
    | 'mount_missing';
  readonly detail: string;
  readonly workspaceId?: WorkspaceId;
  readonly objectId?: ObjectId;
  readonly chunkId?: ChunkId;
}

export interface DoctorReport {
  readonly workspaces: number;
  readonly objects: number;
  readonly versions: number;
  readonly chunks: number;
  /** The first thousand. */
  readonly findings: readonly Finding[];
  /** How many there were. */
  readonly found: number;
}

/** What the checks write down as they go. */
export interface Examination {
  objects: number;
  versions: number;
  chunks: number;
  /** Links of each chunk as they were counted, by hex id. */
  readonly links: Map<ChunkId, number>;
  readonly note: (finding: Finding) => void;
}

const MOST_FINDINGS = 1000;

/**
 * Looks at everything the database knows and reports what does not fit together. Changes nothing.
 * RACE: links are counted workspace by workspace while uploads go on, so that what seems wrong with them counts only
 * when a second look sees the same.
 */
export async function doctor(parts: MetaParts, signal?: AbortSignal): Promise<DoctorReport> {
  const first = await look(parts, signal);
  const suspects = new Set(first.findings.filter(isAboutLinks).map((finding) => JSON.stringify(finding)));
  if (suspects.size === 0) return first;
  const second = await look(parts, signal);
  const findings = second.findings.filter((each) => !isAboutLinks(each) || suspects.has(JSON.stringify(each)));
  return { ...second, findings, found: second.found - (second.findings.length - findings.length) };
}

const isAboutLinks = ({ code }: Finding): boolean => code === 'links_wrong' || code === 'chunk_unrecorded';

async function look(parts: MetaParts, signal: AbortSignal | undefined): Promise<DoctorReport> {
  const findings: Finding[] = [];
  let found = 0;
  const examination: Examination = {
    objects: 0,
    versions: 0,
    chunks: 0,
    links: new Map(),
    note: (finding) => {
      found++;
      if (findings.length < MOST_FINDINGS) findings.push(finding);
    },
  };
  const seen = await checkWorkspaces(parts, examination, signal);
  // Links are compared only when all of them were counted.
  if (!signal?.aborted) await checkChunks(parts, examination);
  const { objects, versions, chunks } = examination;
  return { workspaces: seen, objects, versions, chunks, findings, found };
}

async function checkWorkspaces(
  parts: MetaParts,
  examination: Examination,
  signal: AbortSignal | undefined,
): Promise<number> {
  let seen = 0;
  for await (const { shard, workspaceId } of eachWorkspace(parts.database, signal)) {
    await parts.database.read(shard, async (reader) => {
      await checkObjects(reader, workspaceId, examination);
      await checkReferences(reader, workspaceId, examination);
    });
    await checkMembers(parts, workspaceId, examination);
    seen++;
  }
  return seen;
}
