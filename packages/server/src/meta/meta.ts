import type { z } from 'zod';
import type { Account, PlanList, WorkspaceList } from '@satchel/protocol/accounts.ts';
import type { CommitAnswer, CommitRequest, HeldDecided } from '@satchel/protocol/commit.ts';
import type { ChunkId, UserId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { ListAnswer, ListQuery, MetadataAnswer, MetadataQuery } from '@satchel/protocol/objects.ts';
import type { MemberRequest, Share, ShareList, ShareRequest } from '@satchel/protocol/shares.ts';
import type { DamagedChunks, PendingUploads, PendingUploadsQuery } from '@satchel/protocol/transfer.ts';
import type { Caller, ChunkLedger } from '../ports/chunk-ledger.ts';
import { account, plans, workspaces, workspacesOf } from './account.ts';
import { audit, type AuditEntry } from './audit.ts';
import { createCommitQueue } from './commit/commit-queue.ts';
import { acceptDeletes } from './commit/mass-deletes.ts';
import { doctor, type DoctorReport, type Finding } from './doctor/doctor.ts';
import { repair, type RepairReport } from './doctor/repair.ts';
import { renewEpochs } from './epochs.ts';
import { damagedIn } from './ledger/damage.ts';
import { createLedger } from './ledger/ledger.ts';
import { createUploadPings } from './ledger/upload-pings.ts';
import { pendingUploads } from './ledger/uploads.ts';
import { list } from './list.ts';
import { metadata } from './metadata.ts';
import type { MetaParts } from './parts.ts';
import { ensurePerson, type NewPerson } from './people.ts';
import { purge, type PurgeReport } from './purge.ts';
import { removeMember, setMember, transferShare } from './sharing/members.ts';
import { share } from './sharing/share.ts';
import { shares } from './sharing/shares.ts';

/**
 * Who owns what; names, folders, versions, sharing, plans and quotas, the journal: the only code that talks to the
 * metadata database. A caller who is no member of a workspace gets CodedError('not_found'), a viewer who would write
 * 'read_only'.
 */
export interface Meta extends Disposable {
  readonly ledger: ChunkLedger;
  commit(caller: Caller, request: CommitRequest): Promise<CommitAnswer>;
  /** The user of the device confirms deletions that were refused as `held`. */
  acceptDeletes(caller: Caller, workspaceId: WorkspaceId): Promise<HeldDecided>;
  /** @throws CodedError('cursor_expired') */
  list(caller: Caller, query: z.output<typeof ListQuery>): Promise<ListAnswer>;
  /** @throws CodedError('not_found' | 'kind_mismatch' | 'request_invalid') */
  metadata(caller: Caller, query: z.output<typeof MetadataQuery>): Promise<MetadataAnswer>;
  pendingUploads(caller: Caller, query: z.output<typeof PendingUploadsQuery>): Promise<PendingUploads>;
  /** What the store has lost of the workspace's versions, in order of id after `after` (H93). */
  damaged(caller: Caller, workspaceId: WorkspaceId, after: ChunkId | undefined): Promise<DamagedChunks>;

  account(caller: Caller): Promise<Account>;
  plans(caller: Caller): Promise<PlanList>;
  workspaces(caller: Caller): Promise<WorkspaceList>;
  /** The account of a person, made with its personal workspace when it is not there yet. */
  ensure(person: NewPerson): Promise<{ readonly workspaceId: WorkspaceId; readonly disabled: boolean }>;
  /** Whose pings a user may hear. */
  workspacesOf(userId: UserId): Promise<ReadonlySet<WorkspaceId>>;

  shares(caller: Caller): Promise<ShareList>;
  share(caller: Caller, request: z.output<typeof ShareRequest>): Promise<Share>;
  setMember(caller: Caller, workspaceId: WorkspaceId, request: z.output<typeof MemberRequest>): Promise<Share>;
  /** One's own address: leaves. */
  removeMember(caller: Caller, workspaceId: WorkspaceId, email: string): Promise<void>;
  transferShare(caller: Caller, workspaceId: WorkspaceId, email: string): Promise<Share>;

  /** Drops what is past its retention, in bounded transactions, until nothing is left or the signal aborts. */
  purge(signal?: AbortSignal): Promise<PurgeReport>;
  /** Looks for what cannot be, without changing anything. */
  doctor(signal?: AbortSignal): Promise<DoctorReport>;
  /** Counts anew what can be derived of what the findings name. */
  repair(findings: readonly Finding[]): Promise<RepairReport>;
  /** After a restore from a backup (S10). Returns the number of workspaces. */
  renewEpochs(): Promise<number>;
  audit(entry: AuditEntry): Promise<void>;
}

export function createMeta(parts: MetaParts): Meta {
  const pings = createUploadPings(parts);
  const commits = createCommitQueue(parts);
  return {
    ledger: createLedger(parts, pings),
    commit: async (caller, request) => commits.commit(caller, request),
    acceptDeletes: async (caller, workspaceId) => acceptDeletes(parts, caller, workspaceId),
    list: async (caller, query) => list(parts, caller, query),
    metadata: async (caller, query) => metadata(parts, caller, query),
    pendingUploads: async (caller, query) => pendingUploads(parts, caller, query),
    damaged: async (caller, workspaceId, after) => damagedIn(parts, caller, workspaceId, after),
    account: async (caller) => account(parts, caller),
    plans: async (caller) => plans(parts, caller),
    workspaces: async (caller) => workspaces(parts, caller),
    ensure: async (person) => ensurePerson(parts, person),
    workspacesOf: async (userId) => workspacesOf(parts, userId),
    shares: async (caller) => shares(parts, caller),
    share: async (caller, request) => share(parts, caller, request),
    setMember: async (caller, workspaceId, request) => setMember(parts, caller, workspaceId, request),
    removeMember: async (caller, workspaceId, email) => removeMember(parts, caller, workspaceId, email),
    transferShare: async (caller, workspaceId, email) => transferShare(parts, caller, workspaceId, email),
    purge: async (signal) => purge(parts, signal),
    doctor: async (signal) => doctor(parts, signal),
    repair: async (findings) => repair(parts, findings),
    renewEpochs: async () => renewEpochs(parts),
    audit: async (entry) => audit(parts, entry),
    [Symbol.dispose]: () => pings[Symbol.dispose](),
  };
}
