import { CodedError } from '@satchel/protocol/errors.ts';
import type { ChunkId, UserId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { BlockKey } from '../ports/block-store.ts';
import type { ChunkLedger, StoredChunk, UploadAnnouncement } from '../ports/chunk-ledger.ts';

/** What tests of the Block Service see and set of their ledger. */
export interface LedgerState {
  readonly members: Map<WorkspaceId, Set<UserId>>;
  readonly chunks: Map<ChunkId, StoredChunk>;
  readonly damaged: Map<ChunkId, string>;
  readonly announced: UploadAnnouncement[];
  readonly links: Map<WorkspaceId, Set<ChunkId>>;
  quotaBytes: number;
  /** Chunks that a version refers to; the others may be forgotten. */
  readonly referenced: Set<ChunkId>;
  recordCalls: number;
}

/** The ledger's contract in memory, for tests of the Block Service alone. */
export type TestLedger = ChunkLedger & LedgerState;

function linksOf(state: LedgerState, userId: UserId, workspaceId: WorkspaceId): Set<ChunkId> {
  if (!state.members.get(workspaceId)?.has(userId)) throw new CodedError('not_found', 'no such workspace');
  let links = state.links.get(workspaceId);
  if (links === undefined) state.links.set(workspaceId, (links = new Set()));
  return links;
}

function isGood(state: LedgerState, id: ChunkId): boolean {
  return state.chunks.has(id) && !state.damaged.has(id);
}

function located(state: LedgerState, ids: readonly ChunkId[]): Map<ChunkId, StoredChunk> {
  const found = new Map<ChunkId, StoredChunk>();
  for (const id of ids) {
    const chunk = state.chunks.get(id);
    if (chunk !== undefined) found.set(id, chunk);
  }
  return found;
}

type Asking = Pick<ChunkLedger, 'locate' | 'locateAny' | 'stand' | 'expectRoom'>;

function asking(state: LedgerState): Asking {
  return {
    async locate({ userId }, workspaceId, ids) {
      const links = linksOf(state, userId, workspaceId);
      return located(
        state,
        ids.filter((id) => links.has(id)),
      );
    },
    locateAny: async (ids) => located(state, ids),
    async stand({ userId }, workspaceId, chunks) {
      const links = linksOf(state, userId, workspaceId);
      return chunks.map(({ id }) => {
        if (isGood(state, id)) return links.has(id) ? 'linked' : 'elsewhere';
        return state.damaged.has(id) && links.has(id) ? 'damaged' : 'unknown';
      });
    },
    async expectRoom({ userId }, workspaceId, bytes) {
      let used = 0;
      for (const id of linksOf(state, userId, workspaceId)) used += state.chunks.get(id)?.size ?? 0;
      if (used + bytes > state.quotaBytes) throw new CodedError('quota_exceeded', 'the quota is used up');
    },
  };
}

type Telling = Pick<ChunkLedger, 'recordStored' | 'linkProved' | 'recordDamaged' | 'announceUpload'>;

function telling(state: LedgerState): Telling {
  return {
    async recordStored({ userId }, workspaceId, chunks) {
      state.recordCalls++;
      const links = linksOf(state, userId, workspaceId);
      for (const chunk of chunks) {
        if (!isGood(state, chunk.id)) state.chunks.set(chunk.id, chunk);
        state.damaged.delete(chunk.id);
        links.add(chunk.id);
      }
    },
    async linkProved({ userId }, workspaceId, ids) {
      const links = linksOf(state, userId, workspaceId);
      for (const id of ids) links.add(id);
    },
    async recordDamaged(id, reason) {
      state.damaged.set(id, reason);
    },
    async announceUpload(_caller, upload) {
      state.announced.push(upload);
    },
  };
}

type Upkeep = Pick<ChunkLedger, 'recordSound' | 'relocate' | 'scan' | 'forgetUnreferenced' | 'objects' | 'usesKey'>;

function upkeep(state: LedgerState): Upkeep {
  return {
    recordSound: async (id) => void state.damaged.delete(id),
    async relocate(id, from, to) {
      const chunk = state.chunks.get(id);
      if (chunk === undefined || JSON.stringify(chunk.location) !== JSON.stringify(from)) return false;
      state.chunks.set(id, { ...chunk, location: to });
      return true;
    },
    async scan(after, limit) {
      return [...state.chunks.values()]
        .filter(({ id }) => after === undefined || id > after)
        .sort((a, b) => (a.id < b.id ? -1 : 1))
        .slice(0, limit)
        .map((chunk) => ({ ...chunk, isDamaged: state.damaged.has(chunk.id) }));
    },
    async forgetUnreferenced(_olderThan, limit) {
      const forgotten = [...state.chunks.values()].filter(({ id }) => !state.referenced.has(id)).slice(0, limit);
      for (const { id } of forgotten) {
        state.chunks.delete(id);
        for (const links of state.links.values()) links.delete(id);
      }
      return forgotten;
    },
    async objects(after = '' as BlockKey, limit) {
      const ends = new Map<BlockKey, number>();
      for (const { location } of state.chunks.values())
        ends.set(location.key, Math.max(location.offset + location.length, ends.get(location.key) ?? 0));
      return [...ends]
        .filter(([key]) => key > after)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .slice(0, limit)
        .map(([key, endBytes]) => ({ key, endBytes }));
    },
    usesKey: async (key) => [...state.chunks.values()].some(({ location }) => location.key === key),
  };
}

export function createTestLedger(): TestLedger {
  const state: LedgerState = {
    members: new Map(),
    chunks: new Map(),
    damaged: new Map(),
    announced: [],
    links: new Map(),
    referenced: new Set(),
    quotaBytes: Infinity,
    recordCalls: 0,
  };
  return Object.assign(state, asking(state), telling(state), upkeep(state));
}
