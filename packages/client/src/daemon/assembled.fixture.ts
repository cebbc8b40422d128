/** The client's parts put together on a real folder, with a server that a test plays; no loop of it runs by itself. */
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { createIgnoreRules } from '@satchel/core/ignore-rules.ts';
import type { ObjectId, WorkspaceId } from '@satchel/protocol/ids.ts';
import { createHashPool } from '../adapters/hash-pool.ts';
import { createNativeFiles } from '../adapters/linux-files.ts';
import { createNodeDisk } from '../adapters/node-disk.ts';
import { systemRandom } from '../adapters/system-clock.ts';
import { makeClientFolders } from '../apply/recovery.ts';
import type { Disk } from '../ports/disk.ts';
import type { Hashing } from '../ports/hashing.ts';
import type { RootProblem } from '../ports/root-guard.ts';
import type { JsonCall, ServerApi } from '../ports/server-api.ts';
import { ClientDatabase } from '../state/database.ts';
import type { LocalRow } from '../state/rows.ts';
import type { FollowedWorkspace } from '../state/workspaces.ts';
import { createHastyClock, freshId } from '../transfer/testing/device.ts';
import { assemble, TREE_ROOT, type Assembly } from './assembly.ts';

/** What a call is asked for, and what it is answered; to refuse, throw. */
type Answering = (name: JsonCall, input: never, signal: AbortSignal) => unknown;

export interface World extends AsyncDisposable {
  readonly parts: Assembly;
  readonly disk: Disk;
  readonly db: ClientDatabase;
  readonly api: ServerApi;
  readonly workspace: FollowedWorkspace;
  /** What the client told of itself. */
  readonly remarks: string[];
  /** What lies between the test and the parts; may be replaced at any time. */
  readonly meddling: {
    answer: Answering;
    caughtUp: () => void;
    rootProblem: RootProblem | undefined;
  };
  /** Absolute path of something in the synced folder. */
  path(name: string): string;
}

/** Runs the indexer for as long as the work takes. */
export async function indexing(world: World, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const stop = new AbortController();
  const running = world.parts.indexer.run(stop.signal);
  try {
    await work(stop.signal);
  } finally {
    stop.abort();
    await running;
  }
}

/** Everything in the folder is looked at, and read. */
export async function scanned(world: World): Promise<void> {
  await indexing(world, async (signal) => {
    await world.parts.indexer.scanAll(signal);
    await world.parts.indexer.settled(signal, { waitForWriters: true });
  });
}

/** A file as the indexer has read it, last changed long ago. */
export async function indexedFile(world: World, name: string, bytes: string): Promise<LocalRow> {
  writeFileSync(world.path(name), bytes);
  utimesSync(world.path(name), LONG_AGO_S, LONG_AGO_S);
  await scanned(world);
  const row = world.parts.trees.local.childNamed({ parentId: TREE_ROOT, name });
  if (row === undefined) throw new Error(`${name} was not indexed`);
  return row;
}

export const LONG_AGO_S = 1_600_000_000;

export const objectId = (name: string): ObjectId => name.padStart(26, '0') as ObjectId;

type Given = Pick<World, 'disk' | 'db' | 'api' | 'remarks' | 'meddling'> & {
  readonly hashing: Hashing;
  readonly workspaceId: WorkspaceId;
};

function assembleFor({ disk, hashing, api, db, workspaceId, remarks, meddling }: Given): Assembly {
  const rules = createIgnoreRules();
  return assemble(
    {
      disk,
      hashing,
      api,
      clock: createHastyClock(),
      random: systemRandom,
      db,
      rootProblem: () => meddling.rootProblem,
      breathe: () => setImmediate(),
      log: (message) => void remarks.push(message),
    },
    { workspaceId, deviceName: () => 'one' },
    { guardDeletes: () => 1000, freeFloorBytes: () => 0 },
    {
      rules: () => rules,
      isReady: () => true,
      maySend: () => true,
      caughtUp: async () => {
        meddling.caughtUp();
        return 'caught-up';
      },
      offline: () => undefined,
      progressed: () => undefined,
      takePrefetched: async () => undefined,
    },
  );
}

/** @param wrap what the client sees of the disk */
export function openWorld(wrap: (disk: Disk) => Disk = (disk) => disk): World {
  const root = mkdtempSync(join(tmpdir(), 'satchel-assembled-'));
  const hashing = createHashPool();
  const db = new ClientDatabase(':memory:');
  const disk = wrap(createNodeDisk(root, createNativeFiles()));
  const remarks: string[] = [];
  const meddling: World['meddling'] = {
    answer: unexpected,
    caughtUp: () => undefined,
    rootProblem: undefined,
  };
  const call = async (name: JsonCall, input: unknown, signal: AbortSignal) =>
    meddling.answer(name, input as never, signal);
  const api = { call } as unknown as ServerApi;
  const workspaceId = freshId<WorkspaceId>();
  const parts = assembleFor({ disk, hashing, api, db, workspaceId, remarks, meddling });
  const workspace: FollowedWorkspace = {
    workspaceId,
    rootId: objectId('r'),
    mountId: TREE_ROOT,
    role: 'owner',
    epoch: 'epoch1',
    head: 0,
    digest: '0'.repeat(32),
  };
  parts.workspaces.put(workspace);
  mkdirSync(join(root, '.satchel'));
  makeClientFolders(parts.applier);
  return {
    parts,
    disk,
    db,
    api,
    workspace,
    remarks,
    meddling,
    path: (name) => join(root, name),
    async [Symbol.asyncDispose]() {
      await hashing[Symbol.asyncDispose]();
      disk[Symbol.dispose]();
      db[Symbol.dispose]();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** A disk on which something happens right before a call. */
export function meddledBefore(calls: Partial<Record<keyof Disk, () => void>>): (disk: Disk) => Disk {
  return (disk) => {
    const meddled: Record<string, unknown> = { ...disk };
    for (const [name, happens] of Object.entries(calls))
      meddled[name] = (...args: readonly unknown[]) => {
        happens();
        return (disk as unknown as Record<string, (...given: readonly unknown[]) => unknown>)[name]?.(...args);
      };
    return meddled as unknown as Disk;
  };
}

function unexpected(name: JsonCall): never {
  throw new Error(`${name} was not expected to be called`);
}
