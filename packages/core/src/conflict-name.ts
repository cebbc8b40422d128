import { LIMITS } from '@satchel/protocol/limits.ts';
import { utf8Length, utf8Prefix } from './utf8.ts';

/**
 * Names of conflicted copies: `Report (conflicted copy from laptop, 2026-11-20).txt`, and with ` 2`, ` 3` … before
 * the closing parenthesis when that is taken. The words "conflicted copy" are a contract with users' scripts.
 */

const SUFFIX = / \(conflicted copy from [^()]+, \d{4}-\d\d-\d\d(?: \d+)?\)$/;

/** Stands for a stem of spaces or nothing. */
const NAMELESS = 'file';
const DEVICE_BYTES = 40;
const EXTENSION_BYTES = 32;
const NUMBERS = 1_000_000;

/** Slashes, parentheses and what some disk refuses in a name, and control characters of every kind. */
const UNFIT_IN_DEVICE = /[/\\:*?"<>|()\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu;

interface NameParts {
  readonly stem: string;
  /** With its dot; empty when there is none. */
  readonly extension: string;
}

/** The last dot divides, `.tar` before it goes along; a leading dot and a long tail make no extension. */
function partsOf(name: string): NameParts {
  const [extension = ''] = /(?:\.tar)?\.[^. ]+$/i.exec(name) ?? [];
  const stem = name.slice(0, name.length - extension.length);
  if (stem === '' || /^\.+$/.test(stem) || utf8Length(extension) > EXTENSION_BYTES)
    return { stem: name, extension: '' };
  return { stem, extension };
}

/** The stem as it was before any conflict, however often it was in one. */
function bareStem(stem: string): string {
  let bare = stem.trimEnd();
  while (SUFFIX.test(bare)) bare = bare.replace(SUFFIX, '').trimEnd();
  return bare === '' ? NAMELESS : bare;
}

function deviceLabel(deviceName: string): string {
  const clean = deviceName.toWellFormed().normalize('NFC').replace(UNFIT_IN_DEVICE, ' ').replace(/\s+/g, ' ').trim();
  const label = utf8Prefix(clean, DEVICE_BYTES).trim();
  return label === '' ? 'another device' : label;
}

/** Whether the name is one that `conflictName` gives. */
export function isConflictName(name: string): boolean {
  const { stem, extension } = partsOf(name);
  return SUFFIX.test(stem) || (extension !== '' && SUFFIX.test(name));
}

export interface ConflictNameRequest {
  /** The name in dispute; it may be a conflicted copy's itself, the new name does not nest. */
  readonly name: string;
  /** Name of the device whose version the copy holds. */
  readonly deviceName: string;
  /** Day of the conflict, `YYYY-MM-DD`. */
  readonly date: string;
  /** Whether a name is taken in the folder, by the folder's own rules for equality. Must be false for some number. */
  readonly isTaken: (name: string) => boolean;
}

/**
 * A free name for a conflicted copy, at most 255 bytes of UTF-8, cut in the stem at a character border. The same
 * request gives the same name on every device.
 */
export function conflictName(request: ConflictNameRequest): string {
  if (!/^\d{4}-\d\d-\d\d$/.test(request.date)) throw new RangeError(`"${request.date}" is not a date like 2026-11-20`);
  const { stem, extension } = partsOf(request.name);
  const bare = bareStem(stem);
  const label = `conflicted copy from ${deviceLabel(request.deviceName)}, ${request.date}`;
  for (let number = 1; number <= NUMBERS; number++) {
    const tail = ` (${label}${number === 1 ? '' : ` ${number}`})${extension}`;
    const candidate = `${utf8Prefix(bare, LIMITS.nameBytes - utf8Length(tail)).trimEnd()}${tail}`;
    if (!request.isTaken(candidate)) return candidate;
  }
  throw new RangeError(`no free name for a conflicted copy of "${request.name}" among ${NUMBERS}`);
}
