import { constants, read } from 'node:fs';
import { mkdir, opendir, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { CodedError } from '@satchel/protocol/errors.ts';
import type { BlockKey, BlockStore, ByteRange } from '../../ports/block-store.ts';
import { createDirectorySync, type DirectorySync } from './directory-sync.ts';
import { diskFault, isSystemError } from './disk-fault.ts';
import { createObjectWriter, withFile, type ObjectWriter } from './object-writer.ts';

const KEY = /^[a-z0-9]+(?:\/[a-z0-9]+)+$/;
const KEY_LENGTH = 128;

/** `objects` holds what is stored, each object a file under its key; `incoming` what is being written. */
interface Folders {
  readonly objects: string;
  readonly incoming: string;
}

interface Disk {
  readonly folders: Folders;
  readonly directories: DirectorySync;
  readonly writer: ObjectWriter;
  /** Directories that are known to exist durably. */
  readonly made: Set<string>;
  incomingCount: number;
}

function pathOf(disk: Disk, key: BlockKey): string {
  if (key.length > KEY_LENGTH || !KEY.test(key)) throw new RangeError(`not a block key: ${JSON.stringify(key)}`);
  return join(disk.folders.objects, key);
}

const readInto = promisify(read);

/** Makes a directory and every missing one above it, each durable in its parent. */
async function makeDirectory(disk: Disk, directory: string): Promise<void> {
  if (disk.made.has(directory)) return;
  if (directory !== disk.folders.objects) await makeDirectory(disk, dirname(directory));
  await mkdir(directory, { mode: 0o700 }).catch((error: unknown) => {
    if (!isSystemError(error, 'EEXIST')) throw error;
  });
  await disk.directories.sync(dirname(directory));
  disk.made.add(directory);
}

/** B1: the bytes are durable before the name exists, and the name is durable before the caller hears of it. */
async function writeObject(disk: Disk, path: string, bytes: readonly Uint8Array[]): Promise<void> {
  const incoming = join(disk.folders.incoming, `${process.pid}-${disk.incomingCount++}`);
  try {
    await makeDirectory(disk, dirname(path));
    await disk.writer.write(incoming, bytes);
    await rename(incoming, path);
  } catch (error) {
    await rm(incoming, { force: true });
    throw error;
  }
  await disk.directories.sync(dirname(path));
}

/** A bad sector. The rest of the disk may be well: this is no fault of the store that passes. */
function lostBytes(error: unknown): never {
  if (!isSystemError(error, 'EIO')) throw error;
  throw new CodedError('chunk_damaged', 'The disk of the server cannot read what is stored there.', { cause: error });
}

async function readObject(path: string, range: ByteRange | undefined): Promise<Uint8Array> {
  const { offset, length } = range ?? { offset: 0, length: (await stat(path)).size };
  return withFile(path, constants.O_RDONLY, async (file) => {
    const buffer = Buffer.allocUnsafeSlow(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await readInto(file, buffer, filled, length - filled, offset + filled).catch(lostBytes);
      if (bytesRead === 0)
        throw new CodedError('range_invalid', `bytes ${offset} to ${offset + length} lie outside the stored object`);
      filled += bytesRead;
    }
    return buffer;
  });
}

async function* listFolder(
  folder: string,
  keyAbove: string,
  prefix: string,
): AsyncIterable<{ key: BlockKey; sizeBytes: number }> {
  for await (const entry of await opendir(folder)) {
    const key = keyAbove === '' ? entry.name : `${keyAbove}/${entry.name}`;
    if (entry.isDirectory()) {
      const below = `${key}/`;
      if (below.startsWith(prefix) || prefix.startsWith(below))
        yield* listFolder(join(folder, entry.name), key, prefix);
    } else if (entry.isFile() && key.startsWith(prefix)) {
      const size = await absentAsUndefined(async () => (await stat(join(folder, entry.name))).size);
      if (size !== undefined) yield { key: key as BlockKey, sizeBytes: size };
    }
  }
}

async function absentAsUndefined<T>(action: () => Promise<T>): Promise<T | undefined> {
  try {
    return await action();
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

function processLives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isSystemError(error, 'EPERM');
  }
}

/** Removes what writers that are gone have left behind; those of a process that still runs stay. */
async function removeStrays(incoming: string): Promise<void> {
  for (const name of await readdir(incoming)) {
    const pid = Number.parseInt(name, 10);
    if (!(pid > 0) || pid === process.pid || !processLives(pid)) await rm(join(incoming, name), { force: true });
  }
}

async function faulting<T>(action: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof RangeError) throw error;
    throw diskFault(action, error);
  }
}

/**
 * The block store in a folder of a local disk: an object is a file. One process writes at a time.
 * @param folder is created when it is missing; its file system must keep `rename` atomic and `fsync` honest
 */
export async function openDiskBlockStore(folder: string): Promise<BlockStore> {
  const folders: Folders = { objects: join(folder, 'objects'), incoming: join(folder, 'incoming') };
  const [directories, writer] = [createDirectorySync(), createObjectWriter()];
  const disk: Disk = { folders, directories, writer, made: new Set(), incomingCount: 0 };
  await faulting(`Opening the block store in ${folder}`, async () => {
    await mkdir(folders.incoming, { recursive: true, mode: 0o700 });
    await disk.directories.sync(dirname(folder));
    await makeDirectory(disk, folders.objects);
    await removeStrays(folders.incoming);
  });
  return {
    put: (key, bytes) => faulting('Storing a block', () => writeObject(disk, pathOf(disk, key), bytes)),
    get: (key, range) =>
      faulting('Reading a block', () => absentAsUndefined(() => readObject(pathOf(disk, key), range))),
    size: (key) =>
      faulting('Looking up a block', () => absentAsUndefined(async () => (await stat(pathOf(disk, key))).size)),
    delete: (key) => faulting('Deleting a block', () => rm(pathOf(disk, key), { force: true })),
    async *list(prefix) {
      try {
        yield* listFolder(folders.objects, '', prefix);
      } catch (error) {
        throw diskFault('Listing blocks', error);
      }
    },
  };
}
