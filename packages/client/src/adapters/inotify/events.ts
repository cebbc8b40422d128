import { isUtf8 } from 'node:buffer';

/** One record of inotify(7). */
export interface InotifyEvent {
  readonly watch: number;
  readonly mask: number;
  /** '' for an event of the watched folder itself; undefined when the name is not UTF-8 (H46). */
  readonly name: string | undefined;
}

export const IN_MODIFY = 0x2;
export const IN_ATTRIB = 0x4;
export const IN_CLOSE_WRITE = 0x8;
export const IN_MOVED_FROM = 0x40;
export const IN_MOVED_TO = 0x80;
export const IN_CREATE = 0x100;
export const IN_DELETE = 0x200;
export const IN_DELETE_SELF = 0x400;
export const IN_MOVE_SELF = 0x800;
export const IN_UNMOUNT = 0x2000;
export const IN_Q_OVERFLOW = 0x4000;
export const IN_IGNORED = 0x8000;
export const IN_ONLYDIR = 0x1000000;
export const IN_DONT_FOLLOW = 0x2000000;
export const IN_EXCL_UNLINK = 0x4000000;
export const IN_MASK_ADD = 0x20000000;
export const IN_ISDIR = 0x40000000;

/**
 * For every folder; a folder's own removal comes as IN_IGNORED, unasked. Added to, since setting a watch is also how we
 * ask which folder is at a path, and that must not take events from the root.
 */
export const FOLDER_MASK =
  IN_MODIFY |
  IN_ATTRIB |
  IN_CLOSE_WRITE |
  IN_MOVED_FROM |
  IN_MOVED_TO |
  IN_CREATE |
  IN_DELETE |
  IN_ONLYDIR |
  IN_DONT_FOLLOW |
  IN_EXCL_UNLINK |
  IN_MASK_ADD;

export const ROOT_MASK = FOLDER_MASK | IN_DELETE_SELF | IN_MOVE_SELF;

const HEADER_BYTES = 16;

/** Decodes the records in the first `length` bytes, which end at a record's end since the kernel splits none. */
export function* decodeEvents(bytes: Buffer, length: number): Generator<InotifyEvent> {
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, Math.floor(length / 4));
  for (let offset = 0; offset + HEADER_BYTES <= length;) {
    const nameLength = words[offset / 4 + 3] ?? 0;
    yield {
      watch: words[offset / 4] ?? -1,
      mask: words[offset / 4 + 1] ?? 0,
      name: decodeName(bytes, offset + HEADER_BYTES, nameLength),
    };
    offset += HEADER_BYTES + nameLength;
  }
}

function decodeName(bytes: Buffer, start: number, paddedLength: number): string | undefined {
  if (paddedLength === 0) return '';
  const terminator = bytes.indexOf(0, start);
  const end = terminator < 0 || terminator > start + paddedLength ? start + paddedLength : terminator;
  const name = bytes.toString('utf8', start, end);
  return name.includes('\uFFFD') && !isUtf8(bytes.subarray(start, end)) ? undefined : name;
}
