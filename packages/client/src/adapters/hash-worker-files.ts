import { hash } from 'node:crypto';
import * as fs from 'node:fs';
import type { Sha256, Sha256Hex } from '@satchel/core/hash-function.ts';
import type { StatIdentity } from '../ports/disk.ts';
import { loadReadiness } from './native-calls.ts';

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK, O_CREAT, O_WRONLY } = fs.constants;

export const sha256Hex: Sha256Hex = (bytes) => hash('sha256', bytes);
export const sha256: Sha256 = (bytes) => hash('sha256', bytes, 'buffer');

/** Lets messages and other jobs have their turn. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

/** An open file that is closed with its scope. */
export interface OpenFile extends Disposable {
  readonly fd: number;
  /** Of what may have nothing to read for long, like a pipe: waits until it has, or has ended. */
  readonly awaitReadable?: () => void;
}

export function openFile(path: string, flags: number, mode?: number): OpenFile {
  const fd = fs.openSync(path, flags, mode);
  return { fd, [Symbol.dispose]: () => fs.closeSync(fd) };
}

/** Standard input as it was given to this process: it may be a socket, which cannot be opened by a path. */
const STANDARD_INPUT = '/dev/stdin';

/** H17: never through a symlink and never waiting for a pipe's writer, unless `follow`. Throws what `node:fs` throws. */
export function openToRead(path: string, follow = false): OpenFile {
  if (!follow) return openFile(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  const readable = loadReadiness();
  const file =
    path === STANDARD_INPUT
      ? { fd: 0, [Symbol.dispose]: () => undefined }
      : openFile(path, O_RDONLY | (readable === undefined ? 0 : O_NONBLOCK));
  return readable === undefined ? file : { ...file, awaitReadable: () => awaitReadable(file.fd, readable) };
}

/** A thread that blocks in a system call cannot be ended, nor its process: one that looks now and then can. */
const LOOK_EVERY_MS = 100;

function awaitReadable(fd: number, readable: (fd: number, timeoutMs: number) => boolean): void {
  while (!readable(fd, LOOK_EVERY_MS));
}

/** Made when absent. A file that is made whole at once gets the mode it is to have. */
export function openToWrite(path: string, mode = 0o600): OpenFile {
  return openFile(path, O_WRONLY | O_CREAT | O_NOFOLLOW, mode);
}

/** Throws with code EISDIR or ENOTSUP for what is no regular file. */
export function statOf(fd: number, streamsAllowed = false): StatIdentity {
  const stat = fs.fstatSync(fd, { bigint: true });
  if (stat.isDirectory()) throw coded('EISDIR', 'It is a folder.');
  if (!stat.isFile() && !streamsAllowed) throw coded('ENOTSUP', 'It is no regular file.');
  return {
    dev: Number(stat.dev),
    ino: Number(stat.ino),
    size: Number(stat.size),
    mtimeNs: stat.mtimeNs.toString(),
    ctimeNs: stat.ctimeNs.toString(),
    mode: Number(stat.mode),
  };
}

/** Fills `target` from the file; returns how many bytes there were. `position` null: where the file stands. */
export function readFully(
  { fd, awaitReadable: wait }: Pick<OpenFile, 'fd' | 'awaitReadable'>,
  target: Uint8Array,
  position: number | null,
): number {
  let length = 0;
  while (length < target.length) {
    wait?.();
    const from = position === null ? null : position + length;
    const read = fs.readSync(fd, target, length, target.length - length, from);
    if (read === 0) break;
    length += read;
  }
  return length;
}

export function writeFully(fd: number, bytes: Uint8Array, position: number): void {
  for (let at = 0; at < bytes.length;) at += fs.writeSync(fd, bytes, at, bytes.length - at, position + at);
}

/** Fills `target` with the bytes at `offset`; false when they are not there, or their SHA-256 is not `id`. */
export function readInto(fd: number, chunk: { id: string; offset: number }, target: Uint8Array): boolean {
  try {
    return readFully({ fd }, target, chunk.offset) === target.length && sha256Hex(target) === chunk.id;
  } catch (error) {
    if (isUnreadable(error)) return false;
    throw error;
  }
}

/** The file cannot be read now, for reasons of its own; a shortage of this process is another matter. */
export function isUnreadable(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return /^E[A-Z0-9]+$/.test(code) && code !== 'EMFILE' && code !== 'ENFILE' && code !== 'ENOMEM';
}
