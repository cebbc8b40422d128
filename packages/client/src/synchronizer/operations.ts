import { spliceOf } from '@satchel/core/splice.ts';
import type { Manifest } from '@satchel/core/manifest.ts';
import type { ServerStep } from '@satchel/core/step.ts';
import type { SyncedNode } from '@satchel/core/tree.ts';
import type { Operation } from '@satchel/protocol/commit.ts';
import type { ObjectId, OperationId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { ChunkIndex } from '../state/chunk-index.ts';
import type { FollowedWorkspace } from '../state/workspaces.ts';
import { toWire } from './remote-tree.ts';

type Put = Extract<ServerStep, { readonly kind: 'put' }>;
type ChunkListOf = Extract<Operation, { op: 'put' }>['content']['list'];

/** Lists shorter than this travel whole: a splice would save nothing. */
const WHOLE_LIST_CHUNKS = 12;

export interface OperationContext {
  readonly workspace: FollowedWorkspace;
  readonly chunks: ChunkIndex;
  readonly synced: (id: ObjectId) => SyncedNode | undefined;
  readonly newOperationId: () => OperationId;
}

/** A step as the server is asked for it; undefined when the file's chunk list is not known any more. */
export function operationOf(step: ServerStep, context: OperationContext): Operation | undefined {
  const { workspace, newOperationId } = context;
  const { objectId } = step;
  const base = { operationId: newOperationId(), objectId };
  const wire = ({ parentId, name }: { parentId: ObjectId; name: string }) => ({
    parentId: toWire(workspace, parentId),
    name,
  });
  switch (step.kind) {
    case 'mkdir':
      return { ...base, op: 'mkdir', place: wire(step.place) };
    case 'symlink': {
      const place = step.place === undefined ? {} : { place: wire(step.place) };
      return { ...base, op: 'symlink', ...place, baseTarget: step.baseTarget ?? null, target: step.target };
    }
    case 'move':
      return { ...base, op: 'move', place: wire(step.to), basePlaceVersion: step.basePlaceVersion };
    case 'delete':
      return {
        ...base,
        op: 'delete',
        basePlaceVersion: step.basePlaceVersion,
        baseVersionId: step.baseVersionId ?? null,
      };
    case 'put': {
      const list = chunkList(step, context);
      if (list === undefined) return undefined;
      const { size, hash: contentHash, mtimeMs, executable } = step.content;
      const place = step.place === undefined ? {} : { place: wire(step.place) };
      const content = { size, contentHash, mtimeMs, executable, list };
      return { ...base, op: 'put', ...place, baseVersionId: step.baseVersionId ?? null, content };
    }
  }
}

/** The step that an operation was made of, as far as it matters to what is recorded of its answer. */
export function stepOf(
  operation: Operation,
  { workspaceId, agrees }: { readonly workspaceId: WorkspaceId; readonly agrees: boolean },
): ServerStep {
  const of = { objectId: operation.objectId, workspaceId };
  switch (operation.op) {
    case 'mkdir':
      return { ...of, kind: 'mkdir', place: operation.place };
    case 'symlink': {
      const { place, target, baseTarget } = operation;
      return { ...of, kind: 'symlink', ...(place ? { place } : {}), baseTarget: baseTarget ?? undefined, target };
    }
    case 'move':
      return { ...of, kind: 'move', to: operation.place, basePlaceVersion: operation.basePlaceVersion, agrees };
    case 'delete': {
      const { basePlaceVersion, baseVersionId } = operation;
      return { ...of, kind: 'delete', basePlaceVersion, baseVersionId: baseVersionId ?? undefined };
    }
    case 'put': {
      const { place, baseVersionId, content } = operation;
      const { contentHash: hash, size, executable, mtimeMs } = content;
      const file = { kind: 'file', hash, size, executable, mtimeMs } as const;
      return {
        ...of,
        kind: 'put',
        ...(place ? { place } : {}),
        baseVersionId: baseVersionId ?? undefined,
        content: file,
      };
    }
  }
}

function chunkList(step: Put, { chunks, synced }: OperationContext): ChunkListOf | undefined {
  const next = chunks.manifest(step.content.hash, step.content.size);
  if (next === undefined) return undefined;
  const before = synced(step.objectId);
  const isBase =
    before?.versionId !== undefined && before.versionId === step.baseVersionId && before.content.kind === 'file';
  const known: Manifest | undefined =
    isBase && before.content.kind === 'file' ? chunks.manifest(before.content.hash, before.content.size) : undefined;
  if (known === undefined || before?.versionId === undefined || next.length < WHOLE_LIST_CHUNKS)
    return { chunks: [...next] };
  const edits = spliceOf(known, next).map(({ at, remove, insert }) => ({ at, remove, insert: [...insert] }));
  return { baseVersionId: before.versionId, edits };
}
