import { mkdir, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { BackupFault } from './fault.ts';
import { sha256OfFile, syncFolder, writeDurably } from './durable-file.ts';
import { BACKUP_FORMAT, FolderMark, Manifest } from './manifest.ts';
import { readObjectList, type ListedObject } from './object-list.ts';

const MARK = 'satchel-backup.json';
const MANIFEST = 'manifest.json';
const OBJECTS = 'objects.sha256';
const SNAPSHOT_NAME = /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}Z$/;
/** Folders that are being made or taken away: their objects may go, when nothing else needs them. */
const UNFINISHED = '.unfinished';

/** What a disk of its own has at its root from the beginning. */
export const isOfFileSystem = (name: string): boolean => name === 'lost+found';

/** Where the parts of a folder of backups lie. */
export const placesIn = (folder: string) => ({
  mark: join(folder, MARK),
  blocks: join(folder, 'blocks'),
  snapshots: join(folder, 'snapshots'),
  scratch: join(folder, 'scratch'),
  key: join(folder, 'master.key'),
});

export interface Snapshot {
  readonly name: string;
  readonly folder: string;
  readonly manifest: Manifest;
}

export const objectListOf = (snapshotFolder: string): string => join(snapshotFolder, OBJECTS);

/** @throws BackupFault('backup_foreign' | 'backup_newer' | 'folder_unusable') */
export async function openBackupFolder(folder: string): Promise<void> {
  const mark = await markOf(folder);
  if (mark === undefined) throw new BackupFault('backup_foreign', `${folder} is no folder of Satchel's backups.`);
  if (mark > BACKUP_FORMAT)
    throw new BackupFault('backup_newer', `${folder} was written by a newer Satchel (form ${mark}). Use that one.`);
}

/** The same; an absent or empty folder becomes one. */
export async function makeBackupFolder(folder: string): Promise<void> {
  const places = placesIn(folder);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if ((await readdir(folder)).every(isOfFileSystem))
    await writeDurably(places.mark, `${JSON.stringify({ satchelBackup: BACKUP_FORMAT })}\n`);
  await openBackupFolder(folder);
  await mkdir(places.snapshots, { recursive: true, mode: 0o700 });
}

async function markOf(folder: string): Promise<number | undefined> {
  const text = await readText(placesIn(folder).mark);
  const mark = FolderMark.safeParse(text === undefined ? undefined : jsonOf(text));
  return mark.success ? mark.data.satchelBackup : undefined;
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new BackupFault('folder_unusable', `${path} cannot be read: ${message}`, { cause: error });
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // no mark or manifest: the callers say so
  }
}

/** All finished snapshots, the newest first. */
export async function snapshotsOf(folder: string): Promise<readonly Snapshot[]> {
  const { snapshots } = placesIn(folder);
  const names = (await readdir(snapshots)).filter((name) => SNAPSHOT_NAME.test(name)).sort();
  const all = await Promise.all(names.map((name) => snapshotAt(join(snapshots, name), name)));
  return all.reverse();
}

async function snapshotAt(folder: string, name: string): Promise<Snapshot> {
  const text = await readText(join(folder, MANIFEST));
  const manifest = Manifest.safeParse(text === undefined ? undefined : jsonOf(text));
  if (!manifest.success)
    throw new BackupFault('backup_damaged', `The manifest of ${folder} is damaged; remove that snapshot by hand.`);
  if (manifest.data.format > BACKUP_FORMAT)
    throw new BackupFault('backup_newer', `${folder} was written by a newer Satchel. Use that one.`);
  return { name, folder, manifest: manifest.data };
}

/** Snapshots that were never finished, or whose removal was not. */
export async function unfinishedIn(folder: string): Promise<readonly string[]> {
  const { snapshots } = placesIn(folder);
  return (await readdir(snapshots)).filter((name) => name.endsWith(UNFINISHED)).map((name) => join(snapshots, name));
}

/** A folder for a new snapshot, later by name than `newest`, whatever the clock says. */
export async function beginSnapshot(folder: string, now: number, newest: Snapshot | undefined): Promise<NewSnapshot> {
  const takenMs = Math.max(now, newest === undefined ? 0 : Date.parse(newest.manifest.takenAt) + 1);
  const takenAt = new Date(takenMs).toISOString();
  const name = takenAt.replaceAll(':', '-');
  const path = join(placesIn(folder).snapshots, name);
  const unfinished = `${path}${UNFINISHED}`;
  await mkdir(unfinished, { mode: 0o700 });
  return { name, takenAt, path, unfinished };
}

export interface NewSnapshot {
  readonly name: string;
  readonly takenAt: string;
  /** Where it will lie. */
  readonly path: string;
  /** Where it is made. */
  readonly unfinished: string;
}

/** From here on the snapshot counts. */
export async function finishSnapshot({ path, unfinished }: NewSnapshot, manifest: Manifest): Promise<void> {
  await writeDurably(join(unfinished, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
  await rename(unfinished, path);
  await syncFolder(join(path, '..'));
}

/** Takes a snapshot out of those that count; its objects may go afterwards. Returns where it lies now. */
export async function retireSnapshot({ folder }: Snapshot): Promise<string> {
  const retired = `${folder}${UNFINISHED}`;
  await rename(folder, retired);
  await syncFolder(join(folder, '..'));
  return retired;
}

/** Size and SHA-256 of the files of a snapshot, against its manifest. */
export async function checkFiles({ folder, manifest }: Snapshot): Promise<void> {
  for (const [name, { sha256 }] of Object.entries(manifest.files)) {
    const found = await sha256OfFile(join(folder, name)).catch(() => 'unreadable');
    if (found !== sha256)
      throw new BackupFault('backup_damaged', `${join(folder, name)} is damaged: it is not what was written there.`);
  }
}

/** What an unfinished snapshot names: nothing when it has no list yet. */
export async function* listOfUnfinished(folder: string): AsyncGenerator<ListedObject> {
  const has = (await readdir(folder)).includes(OBJECTS);
  if (has) yield* readObjectList(objectListOf(folder), { cut: true });
}
