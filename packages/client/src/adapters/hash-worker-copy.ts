import { Buffer } from 'node:buffer';
import * as fs from 'node:fs';
import type { ChunkTarget, LocalCopy } from '../ports/hashing.ts';
import {
  isUnreadable,
  openToRead,
  openToWrite,
  readInto,
  turn,
  writeFully,
  type OpenFile,
} from './hash-worker-files.ts';

/** Per decoder, of which several work at once. */
const KEPT_OPEN = 8;

/** Files being written, a few of them kept open. */
export interface TargetFiles extends Disposable {
  write(target: ChunkTarget, bytes: Uint8Array, at: number): void;
  /** All of the chunk is written and verified. */
  finish(target: ChunkTarget): void;
}

export function createTargetFiles(): TargetFiles {
  const files = new Map<string, OpenFile>();

  function close(path: string): void {
    files.get(path)?.[Symbol.dispose]();
    files.delete(path);
  }

  /** H60: what is kept open is a convenience, and goes first where descriptors are few. */
  function openedDespiteShortage(path: string, mode: number): OpenFile {
    try {
      return openToWrite(path, mode);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EMFILE' || files.size === 0) throw error;
      for (const kept of files.keys()) close(kept);
      return openToWrite(path, mode);
    }
  }

  function fileAt({ path, finish }: ChunkTarget): OpenFile {
    const open = files.get(path);
    if (open !== undefined) return open;
    const mode = finish === undefined ? 0o600 : finish.executable ? 0o777 : 0o666;
    const file = openedDespiteShortage(path, mode);
    for (const oldest of files.keys()) {
      if (files.size < KEPT_OPEN) break;
      close(oldest);
    }
    files.set(path, file);
    return file;
  }

  return {
    write: (target, bytes, at) => writeFully(fileAt(target).fd, bytes, target.offset + at),
    finish(target) {
      if (target.finish === undefined) return;
      // Node cuts to nanoseconds: half a microsecond more keeps the millisecond that was meant.
      const seconds = (target.finish.mtimeMs + 0.0005) / 1000;
      fs.futimesSync(fileAt(target).fd, seconds, seconds);
      close(target.path);
    },
    [Symbol.dispose]() {
      for (const path of files.keys()) close(path);
    },
  };
}

/**
 * Copies what is still where it was said to be; returns the indices of those. What is verified where it is wanted is
 * not written again. Faults of the targets are thrown.
 */
export async function copyLocal(copies: readonly LocalCopy[], aborted: () => boolean): Promise<readonly number[]> {
  using targets = createTargetFiles();
  using sources = createSourceFiles(Buffer.allocUnsafeSlow(Math.max(0, ...copies.map(({ size }) => size))));
  const done: number[] = [];
  let bytesSinceTurn = 0;
  for (const [index, { id, size, from, targets: places }] of copies.entries()) {
    if (aborted()) break;
    const bytes = sources.read(from.path, { id, size, offset: from.offset });
    if (bytes === undefined) continue;
    for (const target of places) {
      const isInPlace = target.path === from.path && target.offset === from.offset;
      if (!isInPlace) targets.write(target, bytes, 0);
      targets.finish(target);
    }
    done.push(index);
    bytesSinceTurn += size;
    if (bytesSinceTurn < 1024 * 1024) continue;
    bytesSinceTurn = 0;
    await turn();
  }
  return done;
}

/** Reads verified chunks; the file read last stays open. */
export interface SourceFiles extends Disposable {
  /** Undefined when the bytes are not there (any more). */
  read(
    path: string,
    chunk: { readonly id: string; readonly size: number; readonly offset: number },
  ): Buffer | undefined;
  /** The file, or undefined when it cannot be opened. */
  open(path: string): OpenFile | undefined;
}

/** @param memory where chunks are read to, one after the other; without it each has memory of its own */
export function createSourceFiles(memory?: Buffer): SourceFiles {
  let current: { readonly path: string; readonly file: OpenFile | undefined } | undefined;

  function open(path: string): OpenFile | undefined {
    if (current?.path === path) return current.file;
    current?.file?.[Symbol.dispose]();
    current = undefined;
    current = { path, file: openedOrGone(path) };
    return current.file;
  }

  return {
    open,
    read(path, chunk) {
      const file = open(path);
      if (file === undefined) return undefined;
      const bytes = memory?.subarray(0, chunk.size) ?? Buffer.allocUnsafeSlow(chunk.size);
      return readInto(file.fd, chunk, bytes) ? bytes : undefined;
    },
    [Symbol.dispose]: () => current?.file?.[Symbol.dispose](),
  };
}

function openedOrGone(path: string): OpenFile | undefined {
  try {
    return openToRead(path);
  } catch (error) {
    if (isUnreadable(error)) return undefined;
    throw error;
  }
}
