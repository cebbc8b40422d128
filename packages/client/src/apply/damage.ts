import type { ObjectId } from '@satchel/protocol/ids.ts';
import { identityOf, millisecondsOf } from '../indexer/observation.ts';
import type { DiskStat } from '../ports/disk.ts';
import type { LocalRow } from '../state/rows.ts';
import type { Applier } from './applier.ts';

const TAIL_BYTES = 4096;

/**
 * H84: after an unclean stop a file that is as the server has it by all that is recorded, keeps its mtime, and is yet
 * shorter, or ends in zeros, lost its bytes in the power cut. It is no edit: what is left of it goes to the local
 * trash, and the object is forgotten here, so that it is downloaded again and never uploaded.
 */
export async function setDamagedAside(applier: Applier, rows: Iterable<LocalRow>): Promise<readonly string[]> {
  const { disk, trash, trees, tree, transaction, makeDurable } = applier.deps;
  const damaged = [...damagedAmong(applier, rows)];
  if (damaged.length === 0) return [];
  // First of all forgotten, power cut or not: else the absence of a file set aside would be a deletion.
  transaction(() => {
    for (const { row } of damaged) {
      tree.remove(row.objectId);
      trees.removeSynced(row.objectId);
    }
  });
  makeDurable();
  const aside: string[] = [];
  for (const { row, path, stat } of damaged) {
    const slot = trash.slotFor(row.objectId, path);
    if ((await disk.rename(path, slot)) !== 'renamed') continue;
    trash.record(slot, path, identityOf(stat));
    aside.push(path);
  }
  return aside;
}

interface Damaged {
  readonly row: LocalRow;
  readonly path: string;
  readonly stat: DiskStat;
}

function* damagedAmong(applier: Applier, rows: Iterable<LocalRow>): Generator<Damaged> {
  const { disk, tree } = applier.deps;
  for (const row of rows) {
    const path = isAgreed(applier, row) ? tree.pathOf(row.objectId) : undefined;
    const stat = path === undefined ? undefined : disk.stat(path);
    if (path !== undefined && stat !== undefined && isDamaged(applier, row, { path, stat })) yield { row, path, stat };
  }
}

function isAgreed({ deps }: Applier, row: LocalRow): boolean {
  const id: ObjectId = row.objectId;
  const [local, synced, remote] = [row.content, deps.trees.synced.get(id)?.content, deps.trees.remote.get(id)];
  const isFile = local.kind === 'file' && local.size > 0 && synced?.kind === 'file' && synced.hash === local.hash;
  return isFile && remote !== undefined && remote.deleted !== true;
}

function isDamaged({ deps }: Applier, row: LocalRow, { path, stat }: { path: string; stat: DiskStat }): boolean {
  const isTouched = stat.ctimeNs !== row.stat.ctimeNs || stat.size !== row.stat.size;
  const keepsTime = millisecondsOf(stat.mtimeNs) === millisecondsOf(row.stat.mtimeNs);
  // Another inode is another file: a shorter one that somebody has put in its place.
  if (stat.type !== 'file' || stat.ino !== row.stat.ino || !isTouched || !keepsTime) return false;
  return stat.size < row.stat.size || deps.disk.endsInZeros(path, TAIL_BYTES);
}
