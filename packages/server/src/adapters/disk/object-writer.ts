import { closeSync, constants, fdatasync, ftruncate, open, write, writev } from 'node:fs';
import { rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import { isSystemError } from './disk-fault.ts';

const openFile = promisify(open);
const writeParts = promisify(writev);
const writeBytes = promisify(write);
const truncate = promisify(ftruncate);
const syncData = promisify(fdatasync);

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
/** Each write is durable when it returns: one call instead of a write and an fdatasync. */
const CREATE_DURABLE = CREATE | constants.O_DSYNC;

/** Past the page cache: from aligned memory, in whole blocks. Shorter objects would gain nothing. */
const DIRECT_FROM_BYTES = 128 * 1024;
const ALIGNMENT_BYTES = 4096;
/** Objects up to this size; longer ones are written as small ones are. */
const SLAB_BYTES = 4 * 1024 * 1024 + 64 * 1024;
const KEPT_SLABS = 4;

/** Writes new files; each is durable when it resolves, but for its name. */
export interface ObjectWriter {
  /** @param path must not exist */
  write(path: string, parts: readonly Uint8Array[]): Promise<void>;
}

/** Descriptors rather than handles, and closed on the spot, for fewer turns through the thread pool per object. */
export async function withFile<T>(path: string, flags: number, work: (file: number) => Promise<T>): Promise<T> {
  const file = await openFile(path, flags, 0o600);
  try {
    return await work(file);
  } finally {
    closeSync(file);
  }
}

async function writeAll(file: number, parts: readonly Uint8Array[]): Promise<void> {
  let rest = parts.filter((part) => part.length > 0);
  while (rest.length > 0) {
    let { bytesWritten } = await writeParts(file, rest);
    let whole = 0;
    for (; whole < rest.length && bytesWritten >= (rest[whole]?.length ?? 0); whole++)
      bytesWritten -= rest[whole]?.length ?? 0;
    rest = rest.slice(whole);
    if (bytesWritten > 0 && rest[0] !== undefined) rest[0] = rest[0].subarray(bytesWritten);
  }
}

/**
 * V8 takes the memory of a buffer that can grow in whole pages: aligned, as a direct write wants it. A shared one does
 * not count towards the memory outside its heap that makes it collect garbage (`BlockSettings.recentBytes`).
 */
function newSlab(): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(SLAB_BYTES, { maxByteLength: SLAB_BYTES }));
}

/**
 * Large objects are written past the page cache. What a sender brings is read again at once from memory
 * (`recent-chunks.ts`) or long after, so that caching it would only push out what is in use, and the first touch of
 * fresh memory costs more than all else that is done with the bytes. Where a file system does not take such writes, all
 * go through the page cache.
 */
export function createObjectWriter(): ObjectWriter {
  const slabs: Uint8Array[] = [];
  let isDirect = (constants.O_DIRECT as number | undefined) !== undefined;

  async function writeDirect(path: string, parts: readonly Uint8Array[]): Promise<void> {
    const slab = slabs.pop() ?? newSlab();
    let length = 0;
    for (const part of parts) {
      // Not `set`: into shared memory it copies byte by byte where the two are not aligned alike, ten times as long.
      Buffer.from(part.buffer, part.byteOffset, part.length).copy(slab, length);
      length += part.length;
    }
    const padded = Math.ceil(length / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
    slab.fill(0, length, padded);
    await withFile(path, CREATE | constants.O_DIRECT, async (file) => {
      for (let at = 0; at < padded;) {
        const { bytesWritten } = await writeBytes(file, slab, at, padded - at, at);
        if (bytesWritten % ALIGNMENT_BYTES !== 0)
          throw Object.assign(new Error('cut within a block'), { code: 'EINVAL' });
        at += bytesWritten;
      }
      await truncate(file, length);
      await syncData(file);
    });
    // After a failure the system may still read from it.
    if (slabs.length < KEPT_SLABS) slabs.push(slab);
  }

  return {
    async write(path, parts) {
      let length = 0;
      for (const part of parts) length += part.length;
      if (isDirect && length >= DIRECT_FROM_BYTES && length <= SLAB_BYTES) {
        try {
          return await writeDirect(path, parts);
        } catch (error) {
          if (!isSystemError(error, 'EINVAL', 'EOPNOTSUPP')) throw error;
          isDirect = false;
        }
        await rm(path, { force: true });
      }
      await withFile(path, CREATE_DURABLE, (file) => writeAll(file, parts));
    },
  };
}
