import { setImmediate as turn } from 'node:timers/promises';
import { addTo, digestText, EMPTY_DIGEST } from '@satchel/core/digest.ts';
import type { ObjectId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { Reader } from '../../ports/database.ts';
import type { ObjectRow, WorkspaceRow } from '../../ports/schema.ts';
import { OBJECTS, VERSIONS } from '../object-statements.ts';
import { fingerprintOf } from '../records.ts';
import { WORKSPACES } from '../workspace-statements.ts';
import type { Examination, Finding } from './doctor.ts';

const PAGE = 1000;

interface Walk {
  readonly workspace: WorkspaceRow;
  /** Parents of live folders. */
  readonly folders: Map<ObjectId, ObjectId>;
  /** Parents of live objects, to be looked up when all folders are known. */
  readonly parents: Map<ObjectId, ObjectId>;
  readonly places: Set<string>;
  readonly note: (code: Finding['code'], detail: string, objectId?: ObjectId) => void;
}

/** Digest, usage, names, parents and versions of a workspace's objects. */
export async function checkObjects(reader: Reader, workspaceId: WorkspaceId, examination: Examination): Promise<void> {
  const workspace = await reader.first(WORKSPACES.find, { workspaceId });
  if (workspace === undefined) return;
  const note: Walk['note'] = (code, detail, objectId) =>
    examination.note({ code, detail, workspaceId, ...(objectId ? { objectId } : {}) });
  const walk: Walk = { workspace, folders: new Map(), parents: new Map(), places: new Set(), note };
  let digest = EMPTY_DIGEST;
  let usedBytes = 0;
  for (let seq = 0; ; await turn()) {
    const rows = await reader.all(OBJECTS.since, { workspaceId, seq, tombstonesAfter: 0, limit: PAGE });
    for (const row of rows) {
      examination.objects++;
      await checkRow(reader, row, walk);
      if (row.deleted_at !== null) continue;
      digest = addTo(digest, fingerprintOf(row));
      usedBytes += row.size;
    }
    const last = rows.at(-1);
    if (last === undefined) break;
    seq = last.seq;
  }
  if (digestText(digest) !== workspace.digest)
    note('digest_wrong', `${workspace.digest} is stored, ${digestText(digest)} is right.`);
  if (usedBytes !== workspace.used_bytes)
    note('usage_wrong', `${workspace.used_bytes} bytes are stored, ${usedBytes} is right.`);
  checkTree(walk);
}

async function checkRow(
  reader: Reader,
  row: ObjectRow,
  { workspace, folders, parents, places, note }: Walk,
): Promise<void> {
  const { object_id: objectId, parent_id: parentId } = row;
  if (row.seq > workspace.head_seq)
    note('seq_wrong', `Its seq ${row.seq} lies beyond the head ${workspace.head_seq}.`, objectId);
  if (row.kind === 'file') {
    const version = row.version_id && (await reader.first(VERSIONS.find, { objectId, versionId: row.version_id }));
    if (!version || version.size !== row.size || version.workspace_id !== row.workspace_id)
      note('version_missing', `Its version ${String(row.version_id)} is missing or another.`, objectId);
  }
  if (row.deleted_at !== null) return;
  parents.set(objectId, parentId);
  if (row.kind === 'folder') folders.set(objectId, parentId);
  const place = `${parentId}/${row.name}`;
  if (places.has(place)) note('name_twice', `Another object has the name “${row.name}” there.`, objectId);
  places.add(place);
}

function checkTree({ workspace, folders, parents, note }: Walk): void {
  const sound = new Set<ObjectId>([workspace.root_id]);
  for (const [objectId, parentId] of parents) {
    if (parentId !== workspace.root_id && !folders.has(parentId)) {
      note('orphan', `Its folder ${parentId} is missing or dead.`, objectId);
      continue;
    }
    const path = new Set<ObjectId>();
    let id: ObjectId | undefined = parentId;
    while (id !== undefined && !sound.has(id) && !path.has(id)) {
      path.add(id);
      id = folders.get(id);
    }
    if (id !== undefined && path.has(id)) note('cycle', 'It lies in a folder that lies in itself.', objectId);
    else for (const each of path) sound.add(each);
  }
}
