import type { ObjectId, UploadId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { PendingUploads, PendingUploadsQuery } from '@satchel/protocol/transfer.ts';
import type { z } from 'zod';
import type { ChunkId } from '@satchel/protocol/ids.ts';
import type { Caller, UploadAnnouncement } from '../../ports/chunk-ledger.ts';
import type { Reader, Transaction } from '../../ports/database.ts';
import type { UploadRow } from '../../ports/schema.ts';
import { expectReader, expectRole } from '../access.ts';
import type { MetaParts } from '../parts.ts';
import { shardOfWorkspace } from '../shards.ts';
import { WORKSPACE_CHUNKS } from '../workspace-statements.ts';
import { UPLOADS, UPLOAD_CHUNKS } from './upload-statements.ts';

/** Chunks told of one upload in one answer; the rest is asked for with the position. */
const MOST_ARRIVED = 4096;
const MOST_OLD = 100;
/** An upload that has not ended by now has been given up; prefetching it would be a waste. */
export const UPLOAD_MEMORY_MS = 24 * 3_600_000;

/** Records a window of a file on its way. Returns whether any of it has arrived already. */
export async function announceUpload(parts: MetaParts, caller: Caller, upload: UploadAnnouncement): Promise<boolean> {
  const { workspaceId, uploadId, objectId } = upload;
  const shard = await shardOfWorkspace(parts, workspaceId);
  const announce = async (tx: Transaction) => {
    await expectRole(parts, { shard, tx }, { caller, workspaceId }, 'editor');
    const now = parts.clock.now();
    await tx.run(UPLOADS.insert, { workspaceId, uploadId, objectId, ...caller, now });
    const arrived: Uint8Array[] = [];
    let offset = upload.offset;
    for (const { id, size } of upload.chunks) {
      const chunkId = Uint8Array.fromHex(id);
      const isNew = (await tx.run(UPLOAD_CHUNKS.insert, { workspaceId, uploadId, offset, chunkId, size })) === 1;
      if (isNew && (await tx.first(WORKSPACE_CHUNKS.find, { workspaceId, chunkId })) !== undefined)
        arrived.push(chunkId);
      offset += size;
    }
    return (await noteArrived(tx, workspaceId, arrived)).size > 0;
  };
  return parts.database.transact(shard, announce, 'relaxed');
}

/** Notes that chunks have come, wherever they are expected. Returns the uploads that have moved on. */
export async function noteArrived(
  tx: Transaction,
  workspaceId: WorkspaceId,
  chunkIds: readonly Uint8Array[],
): Promise<ReadonlySet<UploadId>> {
  const positions = new Map<UploadId, number>();
  if (chunkIds.length === 0 || (await tx.first(UPLOADS.any, { workspaceId })) === undefined) return new Set();
  for (const chunkId of chunkIds) {
    for (const { upload_id: uploadId, file_offset: offset } of await tx.all(UPLOAD_CHUNKS.expected, {
      workspaceId,
      chunkId,
    })) {
      const known = positions.get(uploadId) ?? (await tx.first(UPLOADS.find, { workspaceId, uploadId }))?.arrived ?? 0;
      positions.set(uploadId, known + 1);
      await tx.run(UPLOAD_CHUNKS.arrive, { workspaceId, uploadId, offset, position: known + 1 });
    }
  }
  for (const [uploadId, arrived] of positions) await tx.run(UPLOADS.setArrived, { workspaceId, uploadId, arrived });
  return new Set(positions.keys());
}

/** The file was committed: there is nothing to prefetch any more. */
export async function forgetUpload(
  state: { readonly tx: Transaction; readonly workspaceId: WorkspaceId; hasUploads: boolean | undefined },
  objectId: ObjectId,
): Promise<void> {
  const { tx, workspaceId } = state;
  state.hasUploads ??= (await tx.first(UPLOADS.any, { workspaceId })) !== undefined;
  if (!state.hasUploads) return;
  for (const { upload_id: uploadId } of await tx.all(UPLOADS.ofObject, { workspaceId, objectId }))
    await removeUpload(tx, workspaceId, uploadId);
}

/** Drops some uploads that were given up. Returns how many. */
export async function forgetOldUploads(tx: Transaction, now: number): Promise<number> {
  const old = await tx.all(UPLOADS.old, { olderThan: now - UPLOAD_MEMORY_MS, limit: MOST_OLD });
  for (const row of old) await removeUpload(tx, row.workspace_id, row.upload_id);
  return old.length;
}

async function removeUpload(tx: Transaction, workspaceId: WorkspaceId, uploadId: UploadId): Promise<void> {
  await tx.run(UPLOAD_CHUNKS.remove, { workspaceId, uploadId });
  await tx.run(UPLOADS.remove, { workspaceId, uploadId });
}

/** What has arrived of files that other devices are sending. `after` counts within one upload. */
export async function pendingUploads(
  parts: MetaParts,
  caller: Caller,
  query: z.output<typeof PendingUploadsQuery>,
): Promise<PendingUploads> {
  const { workspace_id: workspaceId, upload_id: uploadId, after = 0 } = query;
  await expectReader(parts, caller, workspaceId);
  const shard = await shardOfWorkspace(parts, workspaceId);
  return parts.database.read(shard, async (reader) => {
    const one = uploadId && (await reader.first(UPLOADS.find, { workspaceId, uploadId }));
    const rows = uploadId ? (one ? [one] : []) : await reader.all(UPLOADS.ofWorkspace, { workspaceId });
    const uploads: PendingUploads['uploads'] = [];
    for (const row of rows)
      if (row.device_id !== caller.deviceId && row.arrived > after) uploads.push(await pendingOf(reader, row, after));
    return { uploads };
  });
}

async function pendingOf(reader: Reader, row: UploadRow, after: number): Promise<PendingUploads['uploads'][number]> {
  const { workspace_id: workspaceId, upload_id: uploadId } = row;
  const arrived = await reader.all(UPLOAD_CHUNKS.arrivedAfter, { workspaceId, uploadId, after, limit: MOST_ARRIVED });
  return {
    uploadId,
    objectId: row.object_id,
    deviceId: row.device_id,
    arrived: arrived.map((chunk) => ({
      id: chunk.chunk_id.toHex() as ChunkId,
      size: chunk.size,
      offset: chunk.file_offset,
    })),
    position: arrived.at(-1)?.position ?? after,
  };
}
