import { hash } from 'node:crypto';
import { contentHash, manifestFault, totalSize, type Manifest } from '@satchel/core/manifest.ts';
import { applySplice } from '@satchel/core/splice.ts';
import type { FileContent, RemoteNode } from '@satchel/core/tree.ts';
import type { ChunkRef, SpliceEdit } from '@satchel/protocol/objects.ts';
import type { ServerApi } from '../ports/server-api.ts';
import { AnswerInvalidError } from '../ports/server-api.ts';
import type { ChunkIndex } from '../state/chunk-index.ts';
import type { TreeStore } from '../state/trees.ts';

export interface ManifestsDeps {
  readonly api: ServerApi;
  readonly chunks: ChunkIndex;
  readonly trees: TreeStore;
}

/**
 * The chunk list of a remote file: known here, or asked for, as a splice against the version that this device has.
 * Verified: the content hash is a hash of the list.
 */
export async function manifestOf(deps: ManifestsDeps, node: RemoteNode, signal: AbortSignal): Promise<Manifest> {
  const content = node.content as FileContent;
  const known = deps.chunks.manifest(content.hash, content.size);
  if (known !== undefined) return known;
  const synced = deps.trees.synced.get(node.objectId);
  const base =
    synced?.content.kind === 'file' ? deps.chunks.manifest(synced.content.hash, synced.content.size) : undefined;
  const query = {
    workspace_id: node.workspaceId,
    file_id: node.objectId,
    ...(node.versionId === undefined ? {} : { version_id: node.versionId }),
    ...(base === undefined || synced?.versionId === undefined ? {} : { base_version_id: synced.versionId }),
  };
  const { chunkList } = await deps.api.call('metadata', { query }, signal);
  if (chunkList === undefined) throw new AnswerInvalidError(`the server gave no chunk list for ${node.name}`);
  const list = 'chunks' in chunkList ? chunkList.chunks : spliced(base ?? [], chunkList.edits);
  const isRight =
    manifestFault(list) === undefined &&
    totalSize(list) === content.size &&
    contentHash(list, (bytes) => hash('sha256', bytes)) === content.hash;
  if (!isRight) throw new AnswerInvalidError(`the server gave a wrong chunk list for ${node.name}`);
  deps.chunks.putManifest(content.hash, list);
  return list;
}

type ReadonlyEdit = Omit<SpliceEdit, 'insert'> & { readonly insert: readonly Readonly<ChunkRef>[] };

function spliced(base: Manifest, edits: readonly ReadonlyEdit[]): Manifest {
  const result = applySplice(
    base,
    edits.map((edit) => ({ ...edit, insert: [...edit.insert] })),
  );
  if (!result.ok)
    throw new AnswerInvalidError(`the server gave a chunk list that does not fit: ${result.fault.reason}`);
  return result.value;
}
