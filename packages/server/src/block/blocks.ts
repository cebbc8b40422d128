import type {
  ChunkResults,
  FetchRequest,
  ProveRequest,
  UploadAnswer,
  UploadRequest,
} from '@satchel/protocol/transfer.ts';
import type { BlockStore } from '../ports/block-store.ts';
import type { Caller, ChunkLedger } from '../ports/chunk-ledger.ts';
import type { Clock, Random } from '../ports/clock.ts';
import type { Keys } from '../ports/keys.ts';
import { acceptBatch, type Batch } from './accept-batch.ts';
import { createSharedBudget } from './byte-budget.ts';
import { createChunkReader } from './chunk-reader.ts';
import { createChunkRecorder } from './chunk-recorder.ts';
import { openDataKeys } from './data-keys.ts';
import { createFailureLimit } from './failure-limit.ts';
import { fetchChunks } from './fetch.ts';
import { createCollector, type CollectReport } from './maintenance/collect.ts';
import { takeInventory, type Inventory } from './maintenance/inventory.ts';
import { repack, type RepackReport } from './maintenance/repack.ts';
import { createScrubber, type Scrubber } from './maintenance/scrub.ts';
import { createProofNonces } from './proof-nonces.ts';
import { proveChunks } from './prove.ts';
import { putChunk, type PutChunk } from './put-chunk.ts';
import { getChunk, readContent, type ChunkBytes, type GetChunk, type ReadContent } from './read-content.ts';
import type { Runs } from './read-ahead.ts';
import { createRecentChunks } from './recent-chunks.ts';
import { createAddressSigner, type AddressSigner } from './signed-address.ts';
import { answerUploadRequest } from './upload-request.ts';

export interface BlockSettings {
  /** `account`: a chunk that only other users have is sent anew, so that nothing is learnt of what they store (S7). */
  readonly deduplication: 'global' | 'account';
  /** Over all requests; those of one user get half of it at most. */
  readonly bytesInFlight: number;
  /** A request beyond that waits so long for its turn. */
  readonly waitMs: number;
  /** Contents kept in memory for those who fetch what was just sent. */
  readonly recentBytes: number;
  readonly scrubBytesPerSecond: number;
}

const MIB = 1024 * 1024;

export const BLOCK_SETTINGS: BlockSettings = {
  deduplication: 'global',
  bytesInFlight: 256 * MIB,
  waitMs: 5000,
  // Twice as much would keep V8 at its limit for memory outside its heap (64 MiB), collecting garbage all the time.
  recentBytes: 32 * MIB,
  scrubBytesPerSecond: 32 * MIB,
};

export interface BlockPorts {
  readonly store: BlockStore;
  readonly ledger: ChunkLedger;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly random: Random;
}

/** The Block Service: moves and checks bytes. Failures are CodedErrors. */
export interface Blocks extends AddressSigner {
  uploadRequest(caller: Caller, request: UploadRequest): Promise<UploadAnswer>;
  acceptBatch(caller: Caller, batch: Batch): Promise<ChunkResults>;
  putChunk(caller: Caller, put: PutChunk): Promise<void>;
  prove(caller: Caller, request: ProveRequest): Promise<ChunkResults>;
  fetch(caller: Caller, request: FetchRequest): Promise<Runs>;
  getChunk(caller: Caller, get: GetChunk): Promise<ChunkBytes>;
  readContent(caller: Caller, content: ReadContent): Runs;
  /** Room for other bytes in memory, within the bound of those in flight. @throws CodedError('unavailable') */
  takeRoom(caller: Caller, bytes: number): Promise<Disposable>;
  readonly upkeep: BlockUpkeep;
}

export interface BlockUpkeep extends Scrubber {
  collect(signal?: AbortSignal): Promise<CollectReport>;
  repack(signal: AbortSignal): Promise<RepackReport>;
  inventory(signal?: AbortSignal): Promise<Inventory>;
}

const PROOF_FAILURES = { failures: 64, spanMs: 10 * 60_000, names: 10_000 } as const;

/** Opens the data keys of the store, making one on the first start. */
export async function createBlocks(ports: BlockPorts, settings: BlockSettings = BLOCK_SETTINGS): Promise<Blocks> {
  const { store, ledger, clock, random } = ports;
  const dataKeys = await openDataKeys(store, ports.keys, random);
  const recent = createRecentChunks(settings.recentBytes);
  const reader = createChunkReader({ store, ledger, dataKeys, recent });
  const recorder = createChunkRecorder(ledger, clock);
  const budget = createSharedBudget({ bytes: settings.bytesInFlight, waitMs: settings.waitMs }, clock);
  const signer = createAddressSigner(dataKeys.derive('signed addresses'), clock);
  const nonces = createProofNonces(dataKeys.derive('proof nonces'), clock, random);
  const all = {
    ...ports,
    dataKeys,
    recent,
    reader,
    recorder,
    budget,
    signer,
    nonces,
    failures: createFailureLimit(PROOF_FAILURES, clock),
    deduplication: settings.deduplication,
  };
  return {
    ...signer,
    uploadRequest: (caller, request) => answerUploadRequest(all, caller, request),
    acceptBatch: (caller, batch) => acceptBatch(all, caller, batch),
    putChunk: (caller, put) => putChunk(all, caller, put),
    prove: (caller, request) => proveChunks(all, caller, request),
    fetch: (caller, request) => fetchChunks(all, caller, request),
    getChunk: (caller, get) => getChunk(all, caller, get),
    readContent: (caller, content) => readContent(all, caller, content),
    takeRoom: (caller, bytes) => budget.of(caller.userId).take(bytes),
    upkeep: {
      ...createScrubber(all, settings.scrubBytesPerSecond),
      ...createCollector(all),
      repack: (signal) => repack(all, signal),
      inventory: (signal) => takeInventory(all, signal),
    },
  };
}
