import { hash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { contentHash } from '@satchel/core/manifest.ts';
import type { CommitAnswer, Operation, OperationResult } from '@satchel/protocol/commit.ts';
import {
  newId,
  type ChunkId,
  type DeviceId,
  type ObjectId,
  type UserId,
  type WorkspaceId,
} from '@satchel/protocol/ids.ts';
import type { Ping } from '@satchel/protocol/notify.ts';
import type { ChunkRef, ObjectRecord } from '@satchel/protocol/objects.ts';
import { createMemoryCache } from '../adapters/memory/cache.ts';
import { createMemoryBus } from '../adapters/memory/message-bus.ts';
import { openSqlite } from '../adapters/sqlite/database.ts';
import { systemRandom } from '../adapters/system/random.ts';
import type { BlockKey } from '../ports/block-store.ts';
import type { Caller, StoredChunk } from '../ports/chunk-ledger.ts';
import type { Clock } from '../ports/clock.ts';
import type { Database, ShardId } from '../ports/database.ts';
import type { MessageBus, Topic } from '../ports/message-bus.ts';
import { createMeta, type Meta } from './meta.ts';

/** Somebody signed in, as tests act for them. */
export interface Actor extends Caller {
  readonly email: string;
  readonly workspaceId: WorkspaceId;
  readonly rootId: ObjectId;
}

/** A clock that stands still until it is moved. Waits end when it has moved far enough. */
export interface TestClock extends Clock {
  pass(ms: number): void;
}

/** For tests and measurements: the Meta Service on a real database in a folder of its own. */
export interface MetaUnderTest extends AsyncDisposable {
  readonly meta: Meta;
  readonly database: Database;
  readonly bus: MessageBus;
  readonly clock: TestClock;
  readonly folder: string;
  person(name: string): Promise<Actor>;
}

export function id<Id extends string>(): Id {
  return newId<Id>(Date.now(), randomBytes(10));
}

export function createTestClock(): TestClock {
  let now = 1_800_000_000_000;
  const waits = new Set<{ readonly until: number; readonly resolve: () => void }>();
  return {
    now: () => now,
    monotonic: () => now,
    delay: async (ms, signal) =>
      new Promise((resolve) => {
        const wait = { until: now + ms, resolve };
        waits.add(wait);
        signal?.addEventListener('abort', () => resolve());
      }),
    pass: (ms) => {
      now += ms;
      for (const wait of waits) {
        if (wait.until > now) continue;
        waits.delete(wait);
        wait.resolve();
      }
    },
  };
}

/** Several SQLite databases as the shards of one, to see that nothing reaches across. */
function openShards(folder: string, count: number): Database {
  const only = 0 as ShardId;
  const databases = Array.from({ length: count }, (_, index) => openSqlite({ folder: join(folder, `shard${index}`) }));
  const at = (shard: ShardId): Database => {
    const database = databases[shard];
    if (database === undefined) throw new RangeError(`There is no shard ${shard}.`);
    return database;
  };
  return {
    shards: databases.map((_, index) => index as ShardId),
    transact: async (shard, work) => at(shard).transact(only, work),
    read: async (shard, work) => at(shard).read(only, work),
    [Symbol.asyncDispose]: async () => {
      for (const database of databases) await database[Symbol.asyncDispose]();
    },
  };
}

export async function openMeta(
  options: { readonly quotaBytes?: number; readonly shards?: number; readonly guardDeletes?: number } = {},
): Promise<MetaUnderTest> {
  const folder = mkdtempSync(join(tmpdir(), 'satchel-meta-'));
  const database = options.shards === undefined ? openSqlite({ folder }) : openShards(folder, options.shards);
  const clock = createTestClock();
  const bus = createMemoryBus((error) => {
    throw error;
  });
  const meta = createMeta({
    database,
    bus,
    cache: createMemoryCache({ entries: 10_000 }),
    clock,
    random: systemRandom,
    settings: { defaultQuotaBytes: options.quotaBytes, guardDeletes: options.guardDeletes ?? 'off' },
  });
  return {
    meta,
    database,
    bus,
    clock,
    folder,
    person: async (name) => {
      const email = `${name}@example.org`;
      const userId = id<UserId>();
      const { workspaceId } = await meta.ensure({ userId, email, name });
      const actor = { userId, deviceId: id<DeviceId>(), email, workspaceId };
      const { workspaces } = await meta.workspaces(actor);
      return { ...actor, rootId: workspaces[0]?.rootId ?? ('' as ObjectId) };
    },
    [Symbol.asyncDispose]: async () => {
      meta[Symbol.dispose]();
      await database[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** How often the event loop went round while the work was done: whether others had their turn. */
export async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let turns = 0;
  let isOver = false;
  const count = (): void => {
    turns++;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  try {
    await work();
  } finally {
    isOver = true;
  }
  return turns;
}

/** A chunk of this text. */
export function chunkOf(text: string): ChunkRef {
  return { id: hash('sha256', text) as ChunkId, size: Buffer.byteLength(text) };
}

export function storedOf(chunk: ChunkRef): StoredChunk {
  const key = `chunks/${chunk.id.slice(0, 2)}/${chunk.id}` as BlockKey;
  return { ...chunk, location: { key, offset: 0, length: chunk.size, encoding: 'raw' } };
}

/** Stores and links the chunks, as the Block Service does. */
export async function store(
  meta: Meta,
  actor: Caller,
  workspaceId: WorkspaceId,
  chunks: readonly ChunkRef[],
): Promise<void> {
  await meta.ledger.recordStored(actor, workspaceId, chunks.map(storedOf));
}

export interface PutWish {
  readonly objectId?: ObjectId;
  readonly place?: { readonly parentId: ObjectId; readonly name: string };
  readonly base?: ObjectRecord | undefined;
  readonly chunks: readonly ChunkRef[];
  readonly executable?: boolean;
}

export function putOf({
  objectId,
  place,
  base,
  chunks,
  executable = false,
}: PutWish): Extract<Operation, { op: 'put' }> {
  let size = 0;
  for (const chunk of chunks) size += chunk.size;
  return {
    op: 'put',
    operationId: id(),
    objectId: objectId ?? base?.objectId ?? id(),
    ...(place ? { place } : {}),
    baseVersionId: base?.version?.versionId ?? null,
    content: {
      size,
      contentHash: contentHash(chunks, (bytes) => hash('sha256', bytes)),
      mtimeMs: 1_700_000_000_000,
      executable,
      list: { chunks: [...chunks] },
    },
  };
}

export function mkdirOf(
  parentId: ObjectId,
  name: string,
  objectId: ObjectId = id(),
): Extract<Operation, { op: 'mkdir' }> {
  return { op: 'mkdir', operationId: id(), objectId, place: { parentId, name } };
}

export function moveOf(object: ObjectRecord, parentId: ObjectId, name: string): Extract<Operation, { op: 'move' }> {
  const { objectId, placeVersion: basePlaceVersion } = object;
  return { op: 'move', operationId: id(), objectId, place: { parentId, name }, basePlaceVersion };
}

export function deleteOf(object: ObjectRecord): Extract<Operation, { op: 'delete' }> {
  const { objectId, placeVersion: basePlaceVersion, version } = object;
  return { op: 'delete', operationId: id(), objectId, basePlaceVersion, baseVersionId: version?.versionId ?? null };
}

export async function commitAll(
  meta: Meta,
  actor: Caller,
  workspaceId: WorkspaceId,
  operations: readonly Operation[],
): Promise<CommitAnswer> {
  return meta.commit(actor, { workspaceId, operations: [...operations] });
}

/** The object after one operation that has to be done. */
export async function doneBy(
  meta: Meta,
  actor: Actor,
  operation: Operation,
  workspaceId = actor.workspaceId,
): Promise<ObjectRecord> {
  const { results } = await commitAll(meta, actor, workspaceId, [operation]);
  return doneObject(results[0]);
}

export function doneObject(result: OperationResult | undefined): ObjectRecord {
  if (result?.outcome !== 'done') throw new Error(`The operation was refused: ${JSON.stringify(result)}`);
  return result.object;
}

/** The code with which one operation is refused, or `done`. */
export async function outcomeOf(
  meta: Meta,
  actor: Actor,
  operation: Operation,
  workspaceId = actor.workspaceId,
): Promise<string> {
  const { results } = await commitAll(meta, actor, workspaceId, [operation]);
  const [result] = results;
  return result?.outcome === 'refused' ? result.code : 'done';
}

/** All live objects of a workspace as a first listing gives them, with the digest. */
export async function listAll(
  meta: Meta,
  actor: Caller,
  workspaceId: WorkspaceId,
  limit = 100,
): Promise<{ readonly objects: readonly ObjectRecord[]; readonly digest: string; readonly cursor: string }> {
  const objects = new Map<ObjectId, ObjectRecord>();
  let cursor: string | undefined;
  for (;;) {
    const page = await meta.list(actor, { workspace_id: workspaceId, limit, ...(cursor ? { cursor } : {}) });
    for (const object of page.objects) objects.set(object.objectId, object);
    cursor = page.cursor;
    if (!page.hasMore) return { objects: [...objects.values()], digest: page.digest ?? '', cursor };
  }
}

/** Pings of a topic, as they come. */
export async function hear(bus: MessageBus, topic: Topic): Promise<Ping[]> {
  const heard: Ping[] = [];
  await bus.subscribe(topic, (ping) => heard.push(ping));
  return heard;
}

/** Lets everything that was set off run to its end. */
export async function settled(): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
}
