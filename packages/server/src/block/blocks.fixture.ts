import { hash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeFrameHeader, type ChunkEncoding, type ChunkFrame, type Frame } from '@satchel/core/frame.ts';
import { FETCH_LIMITS } from '@satchel/core/frame.ts';
import { createFrameReader } from '@satchel/core/frame-reader.ts';
import { newId, type ChunkId, type DeviceId, type UserId, type WorkspaceId } from '@satchel/protocol/ids.ts';
import type { ChunkRef } from '@satchel/protocol/objects.ts';
import { openDiskBlockStore } from '../adapters/disk/block-store.ts';
import { openKeyFile } from '../adapters/keyfile/keys.ts';
import { systemClock } from '../adapters/system/clock.ts';
import { systemRandom } from '../adapters/system/random.ts';
import type { BlockKey, BlockStore } from '../ports/block-store.ts';
import type { Caller } from '../ports/chunk-ledger.ts';
import type { Clock } from '../ports/clock.ts';
import { BLOCK_SETTINGS, createBlocks, type Blocks, type BlockSettings } from './blocks.ts';
import type { ReadBody } from './gather.ts';
import { createTestLedger, type TestLedger } from './ledger.fixture.ts';

/** A Block Service on a real disk with a ledger in memory, two users with a workspace each, and a clock to push. */
export interface TestBlocks extends AsyncDisposable {
  readonly blocks: Blocks;
  readonly store: BlockStore;
  readonly ledger: TestLedger;
  readonly alice: Member;
  readonly bob: Member;
  readonly clock: Clock & { skewMs: number };
  readonly folder: string;
  /** The service of a process that starts anew on the same data. */
  restart(): Promise<Blocks>;
}

export interface Member {
  readonly caller: Caller;
  readonly workspaceId: WorkspaceId;
}

function newMember(ledger: TestLedger): Member {
  const id = <T extends string>(): T => newId<T>(Date.now(), randomBytes(10));
  const caller: Caller = { userId: id<UserId>(), deviceId: id<DeviceId>() };
  const workspaceId = id<WorkspaceId>();
  ledger.members.set(workspaceId, new Set([caller.userId]));
  return { caller, workspaceId };
}

export async function openTestBlocks(
  settings: Partial<BlockSettings> = {},
  wrapStore: (store: BlockStore) => BlockStore = (store) => store,
): Promise<TestBlocks> {
  const folder = await mkdtemp(join(tmpdir(), 'satchel-block-'));
  const store = wrapStore(await openDiskBlockStore(join(folder, 'data')));
  const keys = await openKeyFile({ path: join(folder, 'wrapping.key'), announce: () => undefined });
  const ledger = createTestLedger();
  const clock = {
    ...systemClock,
    skewMs: 0,
    now: () => Date.now() + clock.skewMs,
    monotonic: () => performance.now() + clock.skewMs,
  };
  const restart = (): Promise<Blocks> =>
    createBlocks({ store, ledger, keys, clock, random: systemRandom }, { ...BLOCK_SETTINGS, ...settings });
  return {
    blocks: await restart(),
    store,
    ledger,
    clock,
    folder,
    restart,
    alice: newMember(ledger),
    bob: newMember(ledger),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

export const idOf = (bytes: Uint8Array): ChunkId => hash('sha256', bytes, 'hex') as ChunkId;
export const refOf = (bytes: Uint8Array): ChunkRef => ({ id: idOf(bytes), size: bytes.length });

/** A body as the gateway hands it over: each piece has its own memory, which is the taker's. */
export function inPieces(bytes: Uint8Array, pieceBytes = 65_536): ReadBody {
  return async (take) => {
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      take(new Uint8Array(bytes.subarray(at, at + pieceBytes)));
      await undefined;
    }
  };
}

/** One frame of a batch; what is not given is true of `raw`. */
export function frameFor(
  raw: Uint8Array,
  lie: { encoding?: ChunkEncoding; payload?: Uint8Array; base?: ChunkId; id?: ChunkId; rawSize?: number } = {},
): Uint8Array {
  const { encoding = 'raw', payload = raw, base, id = idOf(raw), rawSize = raw.length } = lie;
  const header = { kind: 'chunk', chunkId: id, encoding, rawSize, baseId: base } as const;
  return Buffer.concat([encodeFrameHeader(header, payload.length), payload]);
}

export async function sendBatch(setup: TestBlocks, member: Member, frames: readonly Uint8Array[]) {
  const body = inPieces(Buffer.concat(frames));
  return (await setup.blocks.acceptBatch(member.caller, { workspaceId: member.workspaceId, body })).results;
}

export async function put(setup: TestBlocks, member: Member, bytes: Uint8Array): Promise<ChunkId> {
  const chunk = refOf(bytes);
  await setup.blocks.putChunk(member.caller, { workspaceId: member.workspaceId, chunk, body: inPieces(bytes) });
  return chunk.id;
}

/** All frames of a fetch. */
export async function fetched(
  blocks: Blocks,
  member: Member,
  chunks: readonly { readonly id: ChunkId; readonly base?: ChunkId }[],
): Promise<readonly Frame[]> {
  const reader = createFrameReader(FETCH_LIMITS);
  const frames: Frame[] = [];
  const asked = chunks.map(({ id, base }) => (base === undefined ? { id } : { id, base }));
  for await (const run of await blocks.fetch(member.caller, { workspaceId: member.workspaceId, chunks: asked }))
    for (const piece of run) frames.push(...reader.push(Uint8Array.from(piece)).frames);
  const fault = reader.finish();
  if (fault !== undefined) throw new Error(`the answer is malformed: ${fault.reason}`);
  return frames;
}

export function chunkFrameOf(frame: Frame | undefined): ChunkFrame {
  if (frame?.kind !== 'chunk') throw new Error(`a chunk was expected: ${JSON.stringify(frame)}`);
  return frame;
}

export async function keysIn(store: BlockStore, prefix: string): Promise<readonly BlockKey[]> {
  const keys: BlockKey[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
}

/** A store in front of the real one whose parts can be made to fail or to lie. */
export function meddling(): { wrap: (store: BlockStore) => BlockStore; readonly faults: MeddlingFaults } {
  const faults: MeddlingFaults = { put: undefined, get: undefined };
  return {
    faults,
    wrap: (store) => ({
      put: (key, bytes) => (faults.put === undefined || key.startsWith('keys/') ? store.put(key, bytes) : faults.put()),
      get: async (key, range) => {
        if (faults.get !== undefined && !key.startsWith('keys/')) await faults.get(key);
        return store.get(key, range);
      },
      size: (key) => store.size(key),
      delete: (key) => store.delete(key),
      list: (prefix) => store.list(prefix),
    }),
  };
}

export interface MeddlingFaults {
  put: (() => Promise<void>) | undefined;
  get: ((key: BlockKey) => Promise<void>) | undefined;
}
