import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { IgnoreRules } from '@satchel/core/ignore-rules.ts';

export interface LocalEntry {
  /** Below the folder, '/'-separated, NFC. */
  readonly path: string;
  /** As the disk has it. */
  readonly absolute: string;
  readonly kind: 'file' | 'folder' | 'symlink';
  readonly size: number;
  /** Of a symlink. */
  readonly target?: string;
}

/** Everything in a folder that would be synced. Unreadable folders are told and left out. */
export function* walkLocal(
  root: string,
  rules: IgnoreRules,
  unreadable: (path: string, error: Error) => void,
): Generator<LocalEntry> {
  const folders = [''];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    let entries;
    try {
      entries = readdirSync(join(root, folder), { withFileTypes: true });
    } catch (error) {
      unreadable(folder, error as Error);
      continue;
    }
    for (const entry of entries) {
      const below = folder === '' ? entry.name : `${folder}/${entry.name}`;
      const path = below.normalize('NFC');
      if (rules.ignores(path, entry.isDirectory())) continue;
      const absolute = join(root, below);
      if (entry.isDirectory()) {
        folders.push(below);
        yield { path, absolute, kind: 'folder', size: 0 };
      } else if (entry.isSymbolicLink())
        yield { path, absolute, kind: 'symlink', size: 0, target: readlinkSync(absolute) };
      else if (entry.isFile()) yield { path, absolute, kind: 'file', size: lstatSync(absolute).size };
    }
  }
}
