import type { ObjectId } from '@satchel/protocol/ids.ts';
import type { ScanResult } from '../ports/hashing.ts';
import { identityOf } from '../indexer/observation.ts';
import { CLIENT_FOLDER } from '@satchel/protocol/names.ts';
import type { Applier } from './applier.ts';
import { PART_FOLDER, READY_FOLDER } from './arriving.ts';

/** The client's own folders below the root. */
export function makeClientFolders(applier: Applier): void {
  for (const path of [CLIENT_FOLDER, `${CLIENT_FOLDER}/staging`, PART_FOLDER, READY_FOLDER, `${CLIENT_FOLDER}/trash`]) {
    applier.deps.disk.makeFolder(path);
  }
}

/**
 * After an unclean stop (H83): a file in the ready folder is a download that was not swapped in, or what it has
 * displaced. A content that some tree knows is safe elsewhere and goes to the trash; anything else is a local edit
 * and comes back into sight as a conflicted copy.
 */
export async function recoverReady(applier: Applier, hashFile: (path: string) => Promise<ScanResult>): Promise<void> {
  const { disk, trees, trash, tree, recheck } = applier.deps;
  for (const { name } of disk.list(READY_FOLDER)?.entries ?? []) {
    const path = `${READY_FOLDER}/${name}`;
    const id = name.replace(/\.aside$/, '') as ObjectId;
    const stat = disk.stat(path);
    if (stat === undefined) continue;
    if (stat.type !== 'file') {
      disk.removeFile(path);
      continue;
    }
    const scanned = await hashFile(path);
    const known = [trees.remote.get(id), trees.synced.get(id), trees.local.get(id)].map((node) => node?.content);
    const isKnown =
      scanned.outcome === 'scanned' &&
      known.some((content) => content?.kind === 'file' && content.hash === scanned.hash);
    const place = trees.local.get(id) ?? trees.synced.get(id) ?? trees.remote.get(id);
    if (isKnown || place === undefined) {
      const slot = trash.slotFor(id, place?.name ?? name);
      await disk.rename(path, slot);
      trash.record(slot, tree.pathOf(id) ?? name, identityOf(stat));
      continue;
    }
    const copyPath = applier.pathAt(applier.conflictPlace(place)) ?? `${place.name} (recovered)`;
    if ((await disk.rename(path, copyPath)) === 'renamed') recheck([copyPath]);
  }
}

/** Staging files that were linked to their place but not yet unlinked, or that belong to nothing any more. */
export function sweepParts(applier: Applier): void {
  const { disk, trees } = applier.deps;
  for (const { name } of disk.list(PART_FOLDER)?.entries ?? []) {
    const path = `${PART_FOLDER}/${name}`;
    const stat = disk.stat(path);
    const [id, hash] = name.split('.');
    const remote = trees.remote.get(id as ObjectId)?.content;
    const isWanted = remote?.kind === 'file' && hash !== undefined && remote.hash.startsWith(hash) && stat?.links === 1;
    if (!isWanted) disk.removeFile(path);
  }
}
