import { hash, createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Whether something has this name. What cannot be told throws: a backup must not leave out what it could not see. */
export async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return false;
    throw error;
  }
}

/** Makes the names in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, 'r');
  await handle.sync();
}

/** Makes what was written to a file durable. */
export async function syncFile(path: string): Promise<void> {
  await using handle = await open(path, 'r+');
  await handle.sync();
}

/** The file is absent, or has its old text, or the new one, also after power loss. */
export async function writeDurably(path: string, text: string, mode = 0o600): Promise<void> {
  const incoming = `${path}.new`;
  {
    await using file = await open(incoming, 'w', mode);
    await file.writeFile(text);
    await file.sync();
  }
  await rename(incoming, path);
  await syncFolder(dirname(path));
}

export const sha256Of = (bytes: Uint8Array): string => hash('sha256', bytes, 'hex');

/** SHA-256 of a file of any size, in hex. */
export async function sha256OfFile(path: string): Promise<string> {
  const digest = createHash('sha256');
  for await (const part of createReadStream(path, { highWaterMark: 1024 * 1024 })) digest.update(part as Buffer);
  return digest.digest('hex');
}
