import { realpathSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { usageError } from './command-error.ts';

/**
 * A path that a person typed, as it stands below the synced folder: '/' between names, '' for the folder itself. It
 * may be absolute, relative to the working directory where that leads into the folder, else relative to the folder.
 * Symlinks on the way to the folder are followed; the last name is what is meant, whatever it is.
 */
export function pathBelowRoot(root: string, cwd: string, typed: string): string {
  const inside = (path: string): string | undefined => {
    const below = relative(root, path);
    return below === '..' || below.startsWith(`..${sep}`) || isAbsolute(below) ? undefined : below;
  };
  const fromCwd = resolve(cwd, typed);
  const isFromCwd = isAbsolute(typed) || inside(cwd) !== undefined;
  const found =
    inside(fromCwd) ?? inside(withRealFolder(fromCwd)) ?? (isFromCwd ? undefined : inside(resolve(root, typed)));
  if (found === undefined) throw usageError(`${typed} does not lie in the synced folder ${root}.`);
  return sep === '/' ? found : found.replaceAll(sep, '/');
}

/** The path with symlinks resolved in what exists of its folders. */
function withRealFolder(path: string): string {
  const folder = dirname(path);
  if (folder === path) return path;
  try {
    return join(realpathSync(folder), basename(path));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
    return join(withRealFolder(folder), basename(path));
  }
}
