import { nameFault } from '@satchel/protocol/names.ts';
import { CommandError, usageError } from './command-error.ts';
import { EXIT } from './exit-codes.ts';

/** A path on the server as a person typed it. */
export interface TypedPath {
  /** NFC, as the server has them; none for the top. */
  readonly names: readonly string[];
  /** Ended in a slash: a folder is meant. */
  readonly isFolder: boolean;
}

/** Slashes at the beginning and doubled ones do not matter. Throws CommandError (usage) for `..` and impossible names. */
export function parseRemotePath(typed: string): TypedPath {
  const names = typed
    .normalize('NFC')
    .split('/')
    .filter((name) => name !== '' && name !== '.');
  if (names.includes('..')) throw usageError(`${typed}: paths on the server start at the top and take no "..".`);
  for (const name of names) {
    const fault = nameFault(name);
    if (fault === undefined) continue;
    throw new CommandError('name_invalid', EXIT.usage, `${typed}: "${name}" cannot be a name (${fault}).`);
  }
  return { names, isFolder: names.length === 0 || typed.endsWith('/') };
}

/** Both from the top; '' is the top. */
export function isAtOrBelow(path: string, folder: string): boolean {
  return folder === '' || path === folder || path.startsWith(`${folder}/`);
}

export function joinPath(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`;
}
