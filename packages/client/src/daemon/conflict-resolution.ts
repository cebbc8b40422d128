import { isConflictName } from '@satchel/core/conflict-name.ts';
import { CodedError } from '@satchel/protocol/errors.ts';
import { objectAt } from '../state/paths.ts';
import { TREE_ROOT } from './assembly.ts';
import type { Daemon } from './daemon.ts';

/**
 * Settles a conflicted copy on disk; the change then travels like any other. `remote` keeps the original and puts the
 * copy into the local trash; `local` puts the original there and gives the copy its name; `both` gives the copy a
 * plain name of its own. A folder is never put away by it, with all that lies in it.
 */
export async function resolveConflict(
  daemon: Pick<Daemon, 'parts'>,
  path: string,
  keep: 'local' | 'remote' | 'both',
): Promise<void> {
  const { trees, tree, applier, trash, indexer } = daemon.parts;
  const { disk } = applier.deps;
  const copy = objectAt(trees.local, path, TREE_ROOT);
  const cut = path.lastIndexOf('/');
  const name = path.slice(cut + 1);
  if (copy === undefined || !isConflictName(name)) {
    throw new CodedError('not_found', `${path} is no conflicted copy: 'satchel conflicts ls' lists them`);
  }
  const prefix = path.slice(0, cut + 1);
  const plain = name.replace(/ \(conflicted copy[^)]*\)/, '');
  const known = trees.local.childNamed({ parentId: copy.parentId, name: plain.normalize('NFC') });
  // As it is spelled on disk: something that is not synced may bear the name in its other Unicode form (H45).
  const original = (known && tree.pathOf(known.objectId)) ?? prefix + plain;
  const both = prefix + name.replace(/ \(conflicted copy from ([^,)]*)[^)]*\)/, ' ($1)');
  const toTrash = async (from: string) => {
    const stat = disk.stat(from);
    if (stat === undefined) return;
    if (stat.type === 'folder')
      throw new CodedError('kind_mismatch', `${from} is a folder: remove or rename it, or what is in it, by hand`);
    const slot = trash.slotFor(copy.objectId, from);
    await disk.rename(from, slot);
    trash.record(slot, from, stat);
  };
  const rename = async (to: string) => {
    if ((await disk.rename(path, to)) !== 'renamed')
      throw new CodedError('name_taken', `${to} exists: rename ${path} by hand`);
  };
  try {
    if (keep === 'remote') await toTrash(path);
    if (keep === 'local') {
      if (known !== undefined) await toTrash(original);
      await rename(original);
    }
    if (keep === 'both') await rename(both);
  } finally {
    indexer.recheck([path, original, both]);
  }
}
