import type { Operation, OperationResult } from '@satchel/protocol/commit.ts';
import { CodedError, ERRORS, type ErrorCode } from '@satchel/protocol/errors.ts';
import type { OperationId, WorkspaceId } from '@satchel/protocol/ids.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import { CommandError } from './command-error.ts';
import { EXIT } from './exit-codes.ts';
import {
  freshId,
  shown,
  type FolderPlace,
  type RemoteDrive,
  type RemoteObject,
  type RemoteRecord,
} from './remote-drive.ts';
import { parseRemotePath } from './remote-path.ts';

/** A change on the server, and the path that messages name. */
export interface PathOperation {
  readonly path: string;
  readonly operation: Operation;
}

export interface PathResult {
  readonly path: string;
  readonly result: OperationResult;
}

/** Longest list of chunks that goes along with others: requests stay well below the limit of the server. */
const REQUEST_CHUNKS = 20_000;

/** Commits in requests of bounded size, in order. Each operation has its own result. */
export async function commitAll(
  drive: RemoteDrive,
  workspaceId: WorkspaceId,
  operations: readonly PathOperation[],
): Promise<readonly PathResult[]> {
  const results: PathResult[] = [];
  for (const batch of batchesOf(operations)) {
    const body = { workspaceId, operations: batch.map(({ operation }) => operation) };
    const answer = await drive.api
      .call('commit', { body }, drive.signal)
      .catch((error: unknown) => Promise.reject(naming(batch[0]?.path ?? '', error)));
    for (const [at, { path }] of batch.entries()) {
      const result = answer.results[at] as OperationResult | undefined;
      if (result !== undefined) results.push({ path, result });
    }
  }
  return results;
}

/** A refusal of a whole request, with the path that it was about. */
export function naming(path: string, error: unknown): unknown {
  if (!(error instanceof CodedError)) return error;
  return new CommandError(error.code, ERRORS[error.code].exit, `${path}: ${error.message}`, { cause: error });
}

/** One change; throws when it is refused. Gives back the object as it is then. */
export async function commitOne(
  drive: RemoteDrive,
  workspaceId: WorkspaceId,
  operation: PathOperation,
): Promise<RemoteRecord> {
  const [first] = await commitAll(drive, workspaceId, [operation]);
  if (first === undefined) throw new Error('The server did not answer for the operation.');
  if (first.result.outcome === 'refused') throw refusalOf(first.path, first.result);
  return first.result.object;
}

function* batchesOf(operations: readonly PathOperation[]): Generator<readonly PathOperation[]> {
  let batch: PathOperation[] = [];
  let chunks = 0;
  for (const one of operations) {
    const { operation } = one;
    const length =
      operation.op === 'put' && 'chunks' in operation.content.list ? operation.content.list.chunks.length : 0;
    if (batch.length >= LIMITS.operationsPerCommit || (batch.length > 0 && chunks + length > REQUEST_CHUNKS)) {
      yield batch;
      batch = [];
      chunks = 0;
    }
    batch.push(one);
    chunks += length;
  }
  if (batch.length > 0) yield batch;
}

/** What to type after a refusal. */
const NEXT: Readonly<Partial<Record<ErrorCode, string>>> = {
  quota_exceeded: 'satchel plan ls',
  held: 'satchel rm --recursive --accept-held PATH',
};

/** A refused operation as the error of a command. */
export function refusalOf(
  path: string,
  { code, detail }: Extract<OperationResult, { outcome: 'refused' }>,
): CommandError {
  const next = NEXT[code];
  return new CommandError(code, ERRORS[code].exit, `${path}: ${detail}`, next === undefined ? {} : { next });
}

/** What several operations came to: the first refusal decides, or 9 when some went through. */
export function throwRefusals(results: readonly PathResult[], say: (text: string) => void): void {
  const refused = results.flatMap(({ path, result }) =>
    result.outcome === 'refused' ? [refusalOf(path, result)] : [],
  );
  const [first] = refused;
  if (first === undefined) return;
  for (const { message } of refused.slice(1, 20)) say(`satchel: ${message}`);
  if (refused.length === results.length) throw first;
  const message = `${first.message} (${refused.length} of ${results.length} not done)`;
  throw new CommandError(first.code, EXIT.partly, message, first.next === undefined ? {} : { next: first.next });
}

/** The delete of an object as it was seen. */
export function deleteOf({ path, record }: RemoteObject): PathOperation {
  if (record === undefined)
    throw new CommandError('forbidden', EXIT.permission, 'The top of the drive cannot be deleted.');
  const { objectId, placeVersion, version } = record;
  return {
    path,
    operation: {
      op: 'delete',
      operationId: freshId<OperationId>(),
      objectId,
      basePlaceVersion: placeVersion,
      baseVersionId: version?.versionId ?? null,
    },
  };
}

/** Where something new is put. */
export interface Target {
  readonly folder: FolderPlace;
  readonly name: string;
  readonly path: string;
  /** What stands there now. */
  readonly existing: RemoteObject | undefined;
}

/** Where a copy, move or upload called `name` goes when `typed` was given as its target: into a folder, or under a new name. */
export async function targetOf(drive: RemoteDrive, typed: string, name: string): Promise<Target> {
  const at = await drive.find(typed);
  const wantsFolder = typed === '' || typed.endsWith('/');
  if (at?.folder !== undefined) {
    const path = at.path === '' ? name : `${at.path}/${name}`;
    return { folder: at.folder, name, path, existing: await drive.find(path) };
  }
  if (wantsFolder) {
    const what = at === undefined ? 'does not exist' : 'is no folder';
    throw new CommandError('not_found', EXIT.notFound, `${typed} ${what}.`, { next: `satchel mkdir -p ${typed}` });
  }
  return placeOf(drive, typed, at);
}

/** The folder and name that a path means, whether something stands there or not. */
export async function placeOf(drive: RemoteDrive, typed: string, existing: RemoteObject | undefined): Promise<Target> {
  const { names } = parseRemotePath(typed);
  const name = names.at(-1);
  if (name === undefined) throw new CommandError('name_taken', EXIT.conflict, 'That is the top of the drive.');
  const above = names.slice(0, -1).join('/');
  const parent = await drive.find(above);
  if (parent === undefined)
    throw new CommandError('not_found', EXIT.notFound, `The folder ${above} does not exist.`, {
      next: `satchel mkdir -p ${above}`,
    });
  if (parent.folder === undefined)
    throw new CommandError('kind_mismatch', EXIT.conflict, `${shown(parent)} is no folder.`);
  return { folder: parent.folder, name, path: names.join('/'), existing };
}
