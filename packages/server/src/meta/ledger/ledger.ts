import { CodedError } from '@satchel/protocol/errors.ts';
import type { UploadId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { Caller, ChunkLedger } from '../../ports/chunk-ledger.ts';
import { expectRole } from '../access.ts';
import type { MetaParts } from '../parts.ts';
import { allowanceOf } from '../quota.ts';
import { shardOfWorkspace } from '../shards.ts';
import { WORKSPACES } from '../workspace-statements.ts';
import { forgetUnreferenced, relocate } from './collecting.ts';
import { recordDamaged } from './damage.ts';
import { locate, locateAny, objects, scan, usesKey } from './locating.ts';
import { linkProved, recordStored } from './recording.ts';
import { stand } from './standing.ts';
import type { UploadPings } from './upload-pings.ts';
import { announceUpload } from './uploads.ts';

/** What the Block Service may ask of and tell the Meta Service. */
export function createLedger(parts: MetaParts, pings: UploadPings): ChunkLedger {
  const tell = (workspaceId: WorkspaceId, uploads: ReadonlySet<UploadId>): void => {
    for (const uploadId of uploads) pings.arrived(workspaceId, uploadId);
  };
  return {
    locate: async (caller, workspaceId, ids) => locate(parts, caller, workspaceId, ids),
    locateAny: async (ids) => locateAny(parts, ids),
    stand: async (caller, workspaceId, chunks) => stand(parts, caller, workspaceId, chunks),
    recordStored: async (caller, workspaceId, chunks) =>
      tell(workspaceId, await recordStored(parts, caller, workspaceId, chunks)),
    linkProved: async (caller, workspaceId, ids) =>
      tell(workspaceId, await linkProved(parts, caller, workspaceId, ids)),
    expectRoom: async (caller, workspaceId, bytes) => expectRoom(parts, caller, workspaceId, bytes),
    recordDamaged: async (id, reason) => recordDamaged(parts, id, reason),
    recordSound: async (id, at) => void (await relocate(parts, id, at, at)),
    relocate: async (id, from, to) => relocate(parts, id, from, to),
    scan: async (after, limit) => scan(parts, after, limit),
    forgetUnreferenced: async (olderThan, limit) => forgetUnreferenced(parts, olderThan, limit),
    objects: async (after, limit) => objects(parts, after, limit),
    usesKey: async (key) => usesKey(parts, key),
    announceUpload: async (caller, upload) => {
      if (await announceUpload(parts, caller, upload)) pings.arrived(upload.workspaceId, upload.uploadId);
    },
  };
}

async function expectRoom(parts: MetaParts, caller: Caller, workspaceId: WorkspaceId, bytes: number): Promise<void> {
  const shard = await shardOfWorkspace(parts, workspaceId);
  await parts.database.read(shard, async (reader) => {
    const on = { shard, tx: reader };
    await expectRole(parts, on, { caller, workspaceId }, 'editor');
    const workspace = await reader.first(WORKSPACES.find, { workspaceId });
    if (workspace === undefined) throw new CodedError('not_found', `There is no workspace ${workspaceId} for you.`);
    const free = (await allowanceOf(parts, on, workspace)) - workspace.used_bytes;
    if (bytes <= free) return;
    throw new CodedError(
      'quota_exceeded',
      `${bytes} bytes are to come, and ${Math.max(0, free)} are left of the owner's quota.`,
      {
        details: { neededBytes: bytes, freeBytes: Math.max(0, free) },
      },
    );
  });
}
