import { copyFile, cp, mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { BlockKey, BlockStore } from '../ports/block-store.ts';
import type { Clock } from '../ports/clock.ts';
import { copyObjects, type CopyReport } from './copy-objects.ts';
import { isThere, sha256OfFile } from './durable-file.ts';
import { BackupFault } from './fault.ts';
import {
  beginSnapshot,
  finishSnapshot,
  makeBackupFolder,
  objectListOf,
  placesIn,
  snapshotsOf,
  type NewSnapshot,
  type Snapshot,
} from './folder.ts';
import { BACKUP_FORMAT, type Manifest } from './manifest.ts';
import { lookUpIn, readObjectList, writeObjectList, type ListedObject } from './object-list.ts';
import type { CopyFactory, CopyFinding, OpenedCopy } from './opened-copy.ts';
import { prune, type PruneReport } from './prune.ts';
import { verifyCopy } from './verify-backup.ts';

export interface BackupParts {
  /** Blocks of the server, of which nothing is deleted while the backup is taken. */
  readonly source: BlockStore;
  /** Opens the blocks of the backup, once its folder is known to be one. */
  readonly openTarget: () => Promise<BlockStore>;
  /** The metadata database first: the other may then only know people who have no account yet, who are given one. */
  readonly databases: { readonly metadata: string; readonly identity: string };
  readonly copies: CopyFactory;
  readonly clock: Clock;
  /** Keeps other commands from the folder. @throws BackupFault('backup_in_use') */
  readonly lock: (folder: string) => Disposable;
  /** Whether the server that held its deletions has ended meanwhile. */
  readonly holdLost: () => boolean;
  /** Progress for people. */
  readonly say: (message: string) => void;
}

interface OpenedParts extends BackupParts {
  readonly target: BlockStore;
}

export interface BackupOptions {
  readonly folder: string;
  readonly verify: boolean;
  /** Verified snapshots to keep. */
  readonly keep: number;
  /** A key file to put beside the data: whoever has the backup then has everything. */
  readonly withKey: string | undefined;
}

export interface BackupReport {
  readonly snapshot: string;
  readonly state: Manifest['state'];
  readonly objects: number;
  readonly sizeBytes: number;
  readonly copiedObjects: number;
  readonly copiedBytes: number;
  readonly faults: readonly CopyFinding[];
  readonly pruned: PruneReport;
}

export const METADATA = 'satchel.sqlite';
export const IDENTITY = 'identity.sqlite';
const ATTEMPTS = 2;

/**
 * One consistent, incremental backup. The metadata is copied first, as of one moment; what it names is in the store
 * by then (S5) and stays there while deletions are held, so that every chunk the copy names is copied after it.
 * Until the last rename nothing of it counts.
 */
export async function takeBackup(given: BackupParts, options: BackupOptions): Promise<BackupReport> {
  const { folder } = options;
  await makeBackupFolder(folder);
  using held = new DisposableStack();
  held.use(given.lock(placesIn(folder).snapshots));
  const parts = { ...given, target: await given.openTarget() };
  const newest = (await snapshotsOf(folder))[0];
  await expectSameServer(parts, folder);
  const snapshot = await beginSnapshot(folder, parts.clock.now(), newest);
  const files = await copyDatabases(parts, snapshot.unfinished);
  parts.say(`The metadata is copied as of ${snapshot.takenAt}.`);
  const { copied, faults } = await copyBlocks(parts, options, { snapshot, newest });
  if (options.withKey !== undefined) await copyFile(options.withKey, placesIn(folder).key);
  const state = options.verify ? 'verified' : 'unverified';
  await finishSnapshot(snapshot, {
    format: BACKUP_FORMAT,
    takenAt: snapshot.takenAt,
    productVersion: parts.copies.productVersion,
    schemaVersion: parts.copies.schemaOf(join(snapshot.unfinished, METADATA)),
    state,
    faults: faults.map(({ code, detail, repair }) => ({ code, detail, repair })),
    files: { ...files, ...(await entriesOf([objectListOf(snapshot.unfinished)])) },
    objects: { count: copied.objects, sizeBytes: copied.sizeBytes },
  });
  const pruned = options.verify ? await prune(folder, parts.target, options.keep) : { snapshots: 0, objects: 0 };
  return {
    snapshot: snapshot.name,
    state,
    objects: copied.objects,
    sizeBytes: copied.sizeBytes,
    copiedObjects: copied.copied,
    copiedBytes: copied.copiedBytes,
    faults,
    pruned,
  };
}

async function keysOf(store: BlockStore): Promise<readonly BlockKey[]> {
  return (await Array.fromAsync(store.list('keys/'), ({ key }) => key)).sort();
}

async function expectSameServer({ source, target }: OpenedParts, folder: string): Promise<void> {
  const [own, there] = [await keysOf(source), await keysOf(target)];
  if (own.length === 0)
    throw new BackupFault('data_missing', 'The data folder has no data key: no server has run on it.');
  if (there.length > 0 && !there.some((key) => own.includes(key)))
    throw new BackupFault('backup_of_another', `${folder} holds backups of another server; give each its own folder.`);
}

async function copyDatabases({ databases, copies }: BackupParts, folder: string): Promise<Manifest['files']> {
  const targets = [join(folder, METADATA)];
  await copies.copyDatabase(databases.metadata, join(folder, METADATA));
  if (await isThere(databases.identity)) {
    await copies.copyDatabase(databases.identity, join(folder, IDENTITY));
    targets.push(join(folder, IDENTITY));
  }
  return entriesOf(targets);
}

async function entriesOf(paths: readonly string[]): Promise<Manifest['files']> {
  const entries = paths.map(async (path) => {
    const name = path.slice(path.lastIndexOf('/') + 1);
    return [name, { sizeBytes: (await stat(path)).size, sha256: await sha256OfFile(path) }] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

interface Taking {
  readonly snapshot: NewSnapshot;
  readonly newest: Snapshot | undefined;
}

/** Copies and verifies; what the backup alone has lost is copied once more. */
async function copyBlocks(
  parts: OpenedParts,
  { folder, verify }: BackupOptions,
  taking: Taking,
): Promise<{ readonly copied: CopyReport; readonly faults: readonly CopyFinding[] }> {
  const { scratch } = placesIn(folder);
  await using scratchFolder = new AsyncDisposableStack();
  scratchFolder.defer(() => rm(scratch, { recursive: true, force: true }));
  for (let attempt = 1; ; attempt++) {
    await rm(scratch, { recursive: true, force: true });
    await mkdir(scratch, { mode: 0o700 });
    await cp(join(taking.snapshot.unfinished, METADATA), join(scratch, METADATA), { mode: 0 });
    await using copy = await parts.copies.open(scratch, parts.target);
    const copied = await copyNamed(parts, copy, taking);
    parts.say(
      `${copied.copied} of ${copied.objects} stored objects were new and are copied (${copied.copiedBytes} bytes).`,
    );
    const lost = copied.lost.map(lostBy);
    if (!verify) return { copied, faults: lost };
    const { faults, removed, readBytes } = await verifyCopy(copy, parts.source, parts.target);
    if (removed.length === 0) {
      parts.say(`The backup is verified: ${readBytes} bytes of chunks were read from it and hashed.`);
      return { copied, faults: [...lost, ...faults] };
    }
    if (attempt >= ATTEMPTS)
      throw new BackupFault(
        'backup_damaged',
        `${folder} does not keep what is written to it (${removed.join(', ')}): check its disk.`,
      );
    parts.say(`${removed.length} objects of the backup were damaged; they are copied again.`);
  }
}

function lostBy(key: BlockKey): CopyFinding {
  return {
    code: 'object_missing',
    detail: `The server has lost ${key} or a part of it; this backup still has it.`,
    repair: `copy blocks/objects/${key} from the backup to the same place in the data folder and run satchel admin scrub`,
    key,
  };
}

async function copyNamed(parts: OpenedParts, copy: OpenedCopy, { snapshot, newest }: Taking): Promise<CopyReport> {
  await using list = await writeObjectList(objectListOf(snapshot.unfinished));
  await using earlier = new AsyncDisposableStack();
  const lines: AsyncGenerator<ListedObject> =
    newest === undefined ? emptyList() : readObjectList(objectListOf(newest.folder));
  earlier.defer(async () => void (await lines.return(undefined)));
  const copied = await copyObjects(
    { source: parts.source, target: parts.target, list, earlier: lookUpIn(lines) },
    neededBy(copy, parts.source),
  );
  if (copied.missing.length > 0 && parts.holdLost())
    throw new BackupFault(
      'hold_lost',
      `The server ended while it was copied, and ${copied.missing.length} objects are gone since. Run it again.`,
    );
  return copied;
}

async function* emptyList(): AsyncGenerator<ListedObject> {}

/** In the order of a list: data keys, then what the metadata names. */
async function* neededBy({ ledger }: OpenedCopy, source: BlockStore): AsyncGenerator<BlockKey> {
  yield* await keysOf(source);
  let after: BlockKey | undefined;
  for (;;) {
    const page: readonly { readonly key: BlockKey }[] = await ledger.objects(after, PAGE);
    for (const { key } of page) yield key;
    after = page.at(-1)?.key;
    if (page.length === 0) return;
  }
}
const PAGE = 1000;
