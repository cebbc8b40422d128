import { isAbsolute, relative, resolve, sep } from 'node:path';
import { usageError } from './command-error.ts';

/**
 * A path that a person typed, as it stands below the synced folder: '/' between names, '' for the folder itself. It
 * may be absolute, relative to the working directory where that lies in the folder, else relative to the folder.
 */
export function pathBelowRoot(root: string, cwd: string, typed: string): string {
  const inside = (path: string): string | undefined => {
    const below = relative(root, path);
    return below === '..' || below.startsWith(`..${sep}`) || isAbsolute(below) ? undefined : below;
  };
  const fromCwd = isAbsolute(typed) || inside(cwd) !== undefined;
  const found = inside(fromCwd ? resolve(cwd, typed) : resolve(root, typed));
  if (found === undefined) throw usageError(`${typed} does not lie in the synced folder ${root}.`);
  return sep === '/' ? found : found.replaceAll(sep, '/');
}
