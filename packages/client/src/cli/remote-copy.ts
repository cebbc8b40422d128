import type { PutOperation } from '@satchel/protocol/commit.ts';
import type { ObjectId, OperationId, UploadId } from '@satchel/protocol/ids.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import type { ChunkRef } from '@satchel/protocol/objects.ts';
import { CommandError } from './command-error.ts';
import { EXIT } from './exit-codes.ts';
import { commitAll, type PathOperation, type PathResult, type Target } from './remote-commit.ts';
import { freshId, isFile, shown, type RemoteDrive, type RemoteFile, type RemoteObject } from './remote-drive.ts';

/** The chunk list of a file's present version. */
export async function chunksOf(drive: RemoteDrive, { workspaceId, record }: RemoteFile): Promise<readonly ChunkRef[]> {
  const { objectId, version } = record;
  if (version.chunks !== undefined) return version.chunks;
  const query = { workspace_id: workspaceId, file_id: objectId, version_id: version.versionId };
  const { chunkList } = await drive.api.call('metadata', { query }, drive.signal);
  if (chunkList !== undefined && 'chunks' in chunkList) return chunkList.chunks;
  throw new Error('The server did not give the chunk list that was asked for.');
}

/**
 * Copies a file, or a folder with all that is in it, by reference: nothing is transferred. Folders that are shared
 * come along as ordinary ones.
 */
export async function copyTo(drive: RemoteDrive, source: RemoteObject, target: Target): Promise<readonly PathResult[]> {
  const below = source.folder === undefined ? [] : await drive.below(source);
  const objects = [source, ...below];
  const newIds = new Map(objects.map(({ path }) => [path, freshId<ObjectId>()]));
  const operations: PathOperation[] = [];
  for (const object of objects) {
    const isTop = object === source;
    const parent = object.path.split('/').slice(0, -1).join('/');
    const parentId = isTop ? target.folder.folderId : (newIds.get(parent) ?? target.folder.folderId);
    const name = isTop ? target.name : (object.record?.name ?? '');
    const path = target.path + object.path.slice(source.path.length);
    const objectId = newIds.get(object.path) ?? freshId<ObjectId>();
    operations.push({ path, operation: await copyOperation(drive, object, { objectId, place: { parentId, name } }) });
  }
  await bringChunks(drive, { objects, target, operations });
  return commitAll(drive, target.folder.workspaceId, operations);
}

type Place = NonNullable<PutOperation['place']>;

async function copyOperation(
  drive: RemoteDrive,
  object: RemoteObject,
  { objectId, place }: { readonly objectId: ObjectId; readonly place: Place },
): Promise<PathOperation['operation']> {
  const base = { operationId: freshId<OperationId>(), objectId, place };
  if (object.folder !== undefined) return { ...base, op: 'mkdir' };
  if (object.record?.target !== undefined)
    return { ...base, op: 'symlink', baseTarget: null, target: object.record.target };
  if (!isFile(object)) throw new CommandError('not_found', EXIT.notFound, `${shown(object)} has no content.`);
  const { size, contentHash, mtimeMs, executable } = object.record.version;
  const list = { chunks: [...(await chunksOf(drive, object))] };
  return { ...base, op: 'put', baseVersionId: null, content: { size, contentHash, mtimeMs, executable, list } };
}

interface Copy {
  readonly objects: readonly RemoteObject[];
  readonly target: Target;
  readonly operations: readonly PathOperation[];
}

/** Across the border of a workspace the server links the chunks that this account has already. */
async function bringChunks(drive: RemoteDrive, { objects, target, operations }: Copy): Promise<void> {
  const { workspaceId } = target.folder;
  if (objects.every((object) => object.folder !== undefined || object.workspaceId === workspaceId)) return;
  for (const { operation, path } of operations) {
    if (operation.op !== 'put' || !('chunks' in operation.content.list)) continue;
    const { chunks } = operation.content.list;
    let offset = 0;
    for (let first = 0; first < chunks.length; first += LIMITS.chunksPerUploadRequest) {
      const some = chunks.slice(first, first + LIMITS.chunksPerUploadRequest);
      const file = {
        uploadId: freshId<UploadId>(),
        objectId: operation.objectId,
        firstChunk: first,
        offset,
        chunks: some,
      };
      const answer = await drive.api.call('uploadRequest', { body: { workspaceId, files: [file] } }, drive.signal);
      if (answer.files.some(({ needs }) => needs.some(({ need }) => need !== 'nothing')))
        throw new CommandError('chunk_missing', EXIT.tryAgain, `${path}: a part of it is missing on the server.`, {
          next: 'satchel get, then satchel put',
        });
      offset += some.reduce((sum, { size }) => sum + size, 0);
    }
  }
}
