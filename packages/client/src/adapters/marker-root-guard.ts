import { existsSync, lstatSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CLIENT_FOLDER } from '@satchel/protocol/names.ts';
import { isShortage } from '../ports/shortage.ts';
import type { RootFault, RootGuard, RootProblem } from '../ports/root-guard.ts';

/** Where the marker lies below the synced folder; `satchel link` writes it. */
export const MARKER = `${CLIENT_FOLDER}/root.json`;

/**
 * H63–H66: whether the folder at the root's path is the one that was linked. An unmounted, emptied, moved or
 * replaced folder is no deletion: everything stops until it is back.
 * @param markerId the random id that linking wrote into the marker
 */
export function createRootGuard(root: string, markerId: string): RootGuard {
  let first: { readonly dev: number; readonly ino: number } | undefined;
  return {
    problem() {
      const stat = statSync(root, { throwIfNoEntry: false });
      if (stat === undefined) {
        return fault(
          'root_missing',
          `${root} is not there: mount it or move it back, or 'satchel unlink' and link its new place`,
        );
      }
      if (!stat.isDirectory()) return fault('root_not_a_folder', `${root} is no folder any more: move the folder back`);
      const found = markerAt(root, first === undefined ? undefined : markerId);
      if (found === undefined) {
        return fault(
          'marker_missing',
          `${join(root, MARKER)} is missing: is another disk mounted there? If the folder is the right one, run 'satchel link ${root}' again`,
        );
      }
      if (found !== markerId)
        return fault('root_foreign', `${root} is linked by another device: link this device to a folder of its own`);
      first ??= stat;
      if (first.ino === stat.ino && first.dev === stat.dev) return undefined;
      return fault(
        'root_replaced',
        `${root} is another folder than when Satchel started: run 'satchel restart' if that is meant`,
      );
    },
  };
}

function fault(code: RootFault, message: string): RootProblem {
  return { code, message };
}

/** @param known told instead when there is a marker that cannot be read for want of descriptors (H60): the inode tells then */
function markerAt(root: string, known: string | undefined): string | undefined {
  const path = join(root, MARKER);
  if (!existsSync(path) || !lstatSync(path).isFile()) return undefined;
  try {
    const marker: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return typeof marker === 'object' && marker !== null && 'id' in marker ? String(marker.id) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    if (known !== undefined && isShortage(error)) return known;
    throw error;
  }
}
