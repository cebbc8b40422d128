import { copyFile, mkdir, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { BlockStore } from '../ports/block-store.ts';
import { allEnded } from './all-ended.ts';
import { sha256Of, sha256OfFile, syncFile, syncFolder, writeDurably } from './durable-file.ts';
import { BackupFault } from './fault.ts';
import { checkFiles, isOfFileSystem, objectListOf, openBackupFolder, snapshotsOf, type Snapshot } from './folder.ts';
import { readObjectList, type ListedObject } from './object-list.ts';
import type { CopyFactory, CopyFinding } from './opened-copy.ts';
import { IDENTITY, METADATA } from './take-backup.ts';

export interface RestoreParts {
  /** Blocks of the backup. */
  readonly source: BlockStore;
  /** Opens the blocks of the data folder, once it may be written. */
  readonly openTarget: () => Promise<BlockStore>;
  readonly copies: CopyFactory;
  readonly say: (message: string) => void;
}

export interface RestoreOptions {
  readonly folder: string;
  /** The server's data folder: absent, empty, or with a restore in it that was cut off. */
  readonly data: string;
  /** Absent: the newest verified one. */
  readonly snapshot: string | undefined;
  readonly verify: boolean;
}

export interface RestoreReport {
  readonly snapshot: string;
  readonly takenAt: string;
  readonly objects: number;
  readonly workspaces: number;
  readonly findings: readonly CopyFinding[];
}

/** Lies in a data folder while it is being restored; no server starts on it. */
export const RESTORING = 'restore-unfinished.json';

/**
 * Puts a backup back as a server's data folder. The folder is marked until all of it is there, checked, and every
 * workspace has a new epoch (S10): then devices merge by content and delete nothing. Cut off, it goes on when it is
 * run again.
 */
export async function restoreBackup(parts: RestoreParts, options: RestoreOptions): Promise<RestoreReport> {
  const { folder, data } = options;
  await openBackupFolder(folder);
  const snapshot = chosen(await snapshotsOf(folder), options);
  expectKnown(snapshot, parts.copies);
  await checkFiles(snapshot);
  await beginRestore(data, snapshot);
  const target = await parts.openTarget();
  const objects = await copyBack(parts.source, target, readObjectList(objectListOf(snapshot.folder)));
  parts.say(`${objects} stored objects are copied.`);
  await putDatabases(snapshot, data);
  const report = await completeRestore(parts, options, target);
  await rm(join(data, RESTORING));
  await syncFolder(data);
  return { snapshot: snapshot.name, takenAt: snapshot.manifest.takenAt, objects, ...report };
}

function chosen(snapshots: readonly Snapshot[], { folder, snapshot: name }: RestoreOptions): Snapshot {
  const found =
    name === undefined
      ? snapshots.find(({ manifest }) => manifest.state === 'verified')
      : snapshots.find((each) => each.name === name);
  if (found !== undefined) return found;
  const [newest] = snapshots;
  const hint =
    name === undefined && newest !== undefined
      ? ` Unverified ones do not count; to take one all the same: --snapshot ${newest.name}`
      : '';
  throw new BackupFault('backup_missing', `${folder} has no ${name ?? 'verified snapshot'}.${hint}`);
}

function expectKnown({ folder, manifest }: Snapshot, { schemaVersion, productVersion }: CopyFactory): void {
  if (manifest.schemaVersion <= schemaVersion) return;
  throw new BackupFault(
    'backup_newer',
    `${folder} was made by Satchel ${manifest.productVersion} (schema ${manifest.schemaVersion}); ` +
      `this is ${productVersion} (schema ${schemaVersion}). Restore with that one or a newer one.`,
  );
}

async function beginRestore(data: string, snapshot: Snapshot): Promise<void> {
  await mkdir(data, { recursive: true, mode: 0o700 });
  const names = (await readdir(data)).filter((name) => !isOfFileSystem(name));
  if (names.length > 0 && !names.includes(RESTORING))
    throw new BackupFault(
      'data_not_empty',
      `${data} is not empty. Move what is there away, or restore into another folder with --data.`,
    );
  await writeDurably(join(data, RESTORING), `${JSON.stringify({ snapshot: snapshot.name })}\n`);
}

/** Copies what is not there; each object is what its list says, or the restore ends. */
async function copyBack(source: BlockStore, target: BlockStore, list: AsyncIterable<ListedObject>): Promise<number> {
  let objects = 0;
  const batch: ListedObject[] = [];
  const work = async (): Promise<void> => {
    await allEnded(batch.splice(0).map((listed) => copyOne(source, target, listed)));
  };
  for await (const listed of list) {
    objects++;
    batch.push(listed);
    if (batch.length >= AT_ONCE) await work();
  }
  await work();
  return objects;
}
const AT_ONCE = 16;

async function copyOne(source: BlockStore, target: BlockStore, { key, sha256 }: ListedObject): Promise<void> {
  const present = await target.get(key);
  if (present !== undefined && sha256Of(present) === sha256) return;
  const bytes = await source.get(key);
  if (bytes === undefined || sha256Of(bytes) !== sha256)
    throw new BackupFault(
      'backup_damaged',
      `The object ${key} of the backup is ${bytes === undefined ? 'missing' : 'damaged'}. Try an older snapshot with --snapshot.`,
    );
  if (present !== undefined) await target.delete(key);
  await target.put(key, [bytes]);
}

async function putDatabases({ folder, manifest }: Snapshot, data: string): Promise<void> {
  // An earlier try may have opened it already.
  await rm(join(data, 'meta'), { recursive: true, force: true });
  for (const suffix of ['', '-wal', '-shm']) await rm(join(data, `${IDENTITY}${suffix}`), { force: true });
  await mkdir(join(data, 'meta'), { mode: 0o700 });
  const places: Readonly<Record<string, string>> = {
    [METADATA]: join(data, 'meta', METADATA),
    [IDENTITY]: join(data, IDENTITY),
  };
  for (const [name, place] of Object.entries(places)) {
    const entry = manifest.files[name];
    if (entry === undefined) continue;
    await copyFile(join(folder, name), place);
    await syncFile(place);
    await syncFolder(dirname(place));
    if ((await sha256OfFile(place)) !== entry.sha256)
      throw new BackupFault('backup_damaged', `${place} is not what was copied to it: check the disk.`);
  }
}

async function completeRestore(
  { copies, say }: RestoreParts,
  { data, verify }: RestoreOptions,
  target: BlockStore,
): Promise<Pick<RestoreReport, 'workspaces' | 'findings'>> {
  await using copy = await copies.open(join(data, 'meta'), target);
  const findings = verify ? (await copy.examine()).findings : [];
  if (verify) say('What was restored is checked.');
  return { workspaces: await copy.renewEpochs(), findings };
}
