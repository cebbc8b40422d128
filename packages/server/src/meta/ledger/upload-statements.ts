import type { DeviceId, ObjectId, UploadId, UserId, WorkspaceId } from '@satchel/protocol/ids.ts';
import { statement } from '../../ports/database.ts';

interface UploadKey {
  readonly workspaceId: WorkspaceId;
  readonly uploadId: UploadId;
}
interface NewUpload extends UploadKey {
  readonly objectId: ObjectId;
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  readonly now: number;
}
interface NewUploadChunk extends UploadKey {
  readonly offset: number;
  readonly chunkId: Uint8Array;
  readonly size: number;
}

export const UPLOADS = {
  find: statement<UploadKey>()((q, arg) =>
    q
      .selectFrom('uploads')
      .selectAll()
      .where('workspace_id', '=', arg('workspaceId'))
      .where('upload_id', '=', arg('uploadId')),
  ),
  any: statement<{ workspaceId: WorkspaceId }>()((q, arg) =>
    q.selectFrom('uploads').select('upload_id').where('workspace_id', '=', arg('workspaceId')).limit(1),
  ),
  ofWorkspace: statement<{ workspaceId: WorkspaceId }>()((q, arg) =>
    q.selectFrom('uploads').selectAll().where('workspace_id', '=', arg('workspaceId')).orderBy('upload_id'),
  ),
  ofObject: statement<{ workspaceId: WorkspaceId; objectId: ObjectId }>()((q, arg) =>
    q
      .selectFrom('uploads')
      .select('upload_id')
      .where('workspace_id', '=', arg('workspaceId'))
      .where('object_id', '=', arg('objectId')),
  ),
  old: statement<{ olderThan: number; limit: number }>()((q, arg) =>
    q
      .selectFrom('uploads')
      .select(['workspace_id', 'upload_id'])
      .where('announced_at', '<', arg('olderThan'))
      .limit(arg('limit')),
  ),
  insert: statement<NewUpload>()((q, arg) =>
    q
      .insertInto('uploads')
      .values({
        workspace_id: arg('workspaceId'),
        upload_id: arg('uploadId'),
        object_id: arg('objectId'),
        user_id: arg('userId'),
        device_id: arg('deviceId'),
        arrived: 0,
        announced_at: arg('now'),
      })
      .onConflict((conflict) => conflict.columns(['workspace_id', 'upload_id']).doNothing()),
  ),
  setArrived: statement<UploadKey & { readonly arrived: number }>()((q, arg) =>
    q
      .updateTable('uploads')
      .set({ arrived: arg('arrived') })
      .where('workspace_id', '=', arg('workspaceId'))
      .where('upload_id', '=', arg('uploadId')),
  ),
  remove: statement<UploadKey>()((q, arg) =>
    q.deleteFrom('uploads').where('workspace_id', '=', arg('workspaceId')).where('upload_id', '=', arg('uploadId')),
  ),
} as const;

export const UPLOAD_CHUNKS = {
  insert: statement<NewUploadChunk>()((q, arg) =>
    q
      .insertInto('upload_chunks')
      .values({
        workspace_id: arg('workspaceId'),
        upload_id: arg('uploadId'),
        file_offset: arg('offset'),
        chunk_id: arg('chunkId'),
        size: arg('size'),
        position: null,
      })
      .onConflict((conflict) => conflict.columns(['workspace_id', 'upload_id', 'file_offset']).doNothing()),
  ),
  expected: statement<{ workspaceId: WorkspaceId; chunkId: Uint8Array }>()((q, arg) =>
    q
      .selectFrom('upload_chunks')
      .select(['upload_id', 'file_offset'])
      .where('workspace_id', '=', arg('workspaceId'))
      .where('chunk_id', '=', arg('chunkId'))
      .where('position', 'is', null),
  ),
  arrive: statement<UploadKey & { readonly offset: number; readonly position: number }>()((q, arg) =>
    q
      .updateTable('upload_chunks')
      .set({ position: arg('position') })
      .where('workspace_id', '=', arg('workspaceId'))
      .where('upload_id', '=', arg('uploadId'))
      .where('file_offset', '=', arg('offset')),
  ),
  arrivedAfter: statement<UploadKey & { readonly after: number; readonly limit: number }>()((q, arg) =>
    q
      .selectFrom('upload_chunks')
      .select(['chunk_id', 'size', 'file_offset', 'position'])
      .where('workspace_id', '=', arg('workspaceId'))
      .where('upload_id', '=', arg('uploadId'))
      .where('position', '>', arg('after'))
      .orderBy('position')
      .limit(arg('limit')),
  ),
  remove: statement<UploadKey>()((q, arg) =>
    q
      .deleteFrom('upload_chunks')
      .where('workspace_id', '=', arg('workspaceId'))
      .where('upload_id', '=', arg('uploadId')),
  ),
} as const;
