import { randomBytes } from 'node:crypto';
import { CodedError } from '@satchel/protocol/errors.ts';
import { newId, type ObjectId, type WorkspaceId } from '@satchel/protocol/ids.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import type { MetadataAnswer, ObjectKind, ObjectRecord } from '@satchel/protocol/objects.ts';
import { allIn, createLane } from '../transfer/lane.ts';
import type { ServerApi } from '../ports/server-api.ts';
import { CommandError } from './command-error.ts';
import type { CommandContext } from './command-spec.ts';
import { EXIT } from './exit-codes.ts';
import { joinPath, parseRemotePath } from './remote-path.ts';
import type { AccountSession } from './session.ts';

/** Where the contents of a folder lie: behind a mount it is another workspace. */
export interface FolderPlace {
  readonly workspaceId: WorkspaceId;
  readonly folderId: ObjectId;
}

type Frozen<T> = T extends readonly (infer E)[]
  ? readonly Frozen<E>[]
  : T extends string | number | boolean | undefined
    ? T
    : { readonly [K in keyof T]: Frozen<T[K]> };
export type RemoteRecord = Frozen<ObjectRecord>;

/** Something on the server, at its path in the drive of this account. */
export interface RemoteObject {
  /** From the top, without slashes at the ends; '' is the top. */
  readonly path: string;
  readonly workspaceId: WorkspaceId;
  /** Undefined for the top. */
  readonly record: RemoteRecord | undefined;
  /** Of folders, mounts and the top. */
  readonly folder: FolderPlace | undefined;
}

export type RemoteFile = RemoteObject & {
  readonly record: RemoteRecord & { readonly version: NonNullable<RemoteRecord['version']> };
};

const LISTED_AT_ONCE = 8;

/** The drive of an account: its workspace and those that are mounted in it, as one tree. */
export interface RemoteDrive {
  readonly api: ServerApi;
  readonly signal: AbortSignal;
  /** Undefined when there is nothing. Throws CommandError for a path that cannot be. */
  find(path: string): Promise<RemoteObject | undefined>;
  /** As `find`. Throws CommandError (not found). */
  expect(path: string): Promise<RemoteObject>;
  children(folder: RemoteObject): AsyncGenerator<RemoteObject>;
  /** All that is in a folder, every folder before its contents, in name order. */
  below(folder: RemoteObject): Promise<readonly RemoteObject[]>;
}

/** For questions and small changes: somebody waits for the answer. */
export function openDrive(
  { account, briefApi }: AccountSession,
  { signal }: Pick<CommandContext, 'signal'>,
): RemoteDrive {
  return new Drive(briefApi, account.workspaceId, signal);
}

/** For what takes long anyway, and must not fail because the server starts anew. */
export function openPatientDrive(
  { account, patientApi }: AccountSession,
  { signal }: Pick<CommandContext, 'signal'>,
): RemoteDrive {
  return new Drive(patientApi, account.workspaceId, signal);
}

export function kindOf({ record }: RemoteObject): ObjectKind {
  return record?.kind ?? 'folder';
}

export function isFile(object: RemoteObject): object is RemoteFile {
  return object.record?.kind === 'file' && object.record.version !== undefined;
}

/** Throws CommandError when it is no folder. */
export function expectFolder(object: RemoteObject): FolderPlace {
  if (object.folder !== undefined) return object.folder;
  throw new CommandError('kind_mismatch', EXIT.conflict, `${shown(object)} is no folder.`);
}

/** The path as messages show it. */
export function shown({ path }: Pick<RemoteObject, 'path'>): string {
  return path === '' ? '/' : path;
}

export function freshId<Id extends string>(): Id {
  return newId<Id>(Date.now(), randomBytes(10));
}

class Drive implements RemoteDrive {
  readonly api: ServerApi;
  readonly signal: AbortSignal;
  readonly #personal: WorkspaceId;
  #roots: Promise<ReadonlyMap<WorkspaceId, ObjectId>> | undefined;

  constructor(api: ServerApi, personal: WorkspaceId, signal: AbortSignal) {
    this.api = api;
    this.#personal = personal;
    this.signal = signal;
  }

  async find(path: string): Promise<RemoteObject | undefined> {
    const { names } = parseRemotePath(path);
    return this.#find(this.#personal, '', names);
  }

  async expect(path: string): Promise<RemoteObject> {
    const found = await this.find(path);
    if (found !== undefined) return found;
    throw new CommandError('not_found', EXIT.notFound, `There is nothing at ${path} on the server.`, {
      next: 'satchel ls',
    });
  }

  async *children(folder: RemoteObject): AsyncGenerator<RemoteObject> {
    const { workspaceId, folderId } = expectFolder(folder);
    let after: string | undefined;
    do {
      const query = { workspace_id: workspaceId, folder_id: folderId, limit: LIMITS.pageObjects, after };
      const page = await this.api.call('metadata', { query: withoutAbsent(query) }, this.signal);
      for (const record of page.children ?? [])
        yield await this.#objectOf(workspaceId, joinPath(folder.path, record.name), record);
      after = page.after;
    } while (after !== undefined);
  }

  async below(folder: RemoteObject): Promise<readonly RemoteObject[]> {
    const lane = createLane(LISTED_AT_ONCE);
    const contents = new Map<string, readonly RemoteObject[]>();
    let folders: readonly RemoteObject[] = [folder];
    while (folders.length > 0) {
      await allIn(lane, folders, this.signal, async (one) => {
        contents.set(one.path, await Array.fromAsync(this.children(one)));
      });
      folders = folders.flatMap(({ path }) => contents.get(path) ?? []).filter((one) => one.folder !== undefined);
    }
    const ordered: RemoteObject[] = [];
    const pending = [...(contents.get(folder.path) ?? [])].reverse();
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      ordered.push(next);
      for (const child of [...(contents.get(next.path) ?? [])].reverse()) pending.push(child);
    }
    return ordered;
  }

  async #find(workspaceId: WorkspaceId, above: string, names: readonly string[]): Promise<RemoteObject | undefined> {
    if (names.length === 0) return this.#rootOf(workspaceId, above);
    const path = names.join('/');
    const record = await this.#recordAt(workspaceId, path);
    if (record !== undefined) return this.#objectOf(workspaceId, joinPath(above, path), record);
    const mayLieBehindMount = workspaceId === this.#personal && names.length > 1 && (await this.#rootIds()).size > 1;
    if (!mayLieBehindMount) return undefined;
    for (let length = 1; length < names.length; length++) {
      const prefix = names.slice(0, length).join('/');
      const folder = await this.#recordAt(workspaceId, prefix);
      if (folder === undefined) return undefined;
      if (folder.mounts !== undefined) return this.#find(folder.mounts, prefix, names.slice(length));
    }
    return undefined;
  }

  async #recordAt(workspaceId: WorkspaceId, path: string): Promise<MetadataAnswerObject> {
    try {
      const query = { workspace_id: workspaceId, path, limit: 1 };
      return (await this.api.call('metadata', { query }, this.signal)).object;
    } catch (error) {
      if (error instanceof CodedError && error.code === 'not_found') return undefined;
      throw error;
    }
  }

  async #rootOf(workspaceId: WorkspaceId, path: string): Promise<RemoteObject> {
    return { path, workspaceId, record: undefined, folder: { workspaceId, folderId: await this.#rootId(workspaceId) } };
  }

  async #objectOf(workspaceId: WorkspaceId, path: string, record: RemoteRecord): Promise<RemoteObject> {
    const { kind, objectId, mounts } = record;
    if (kind === 'folder') return { path, workspaceId, record, folder: { workspaceId, folderId: objectId } };
    if (kind !== 'mount' || mounts === undefined) return { path, workspaceId, record, folder: undefined };
    return { path, workspaceId, record, folder: { workspaceId: mounts, folderId: await this.#rootId(mounts) } };
  }

  async #rootId(workspaceId: WorkspaceId): Promise<ObjectId> {
    const id = (await this.#rootIds()).get(workspaceId);
    if (id !== undefined) return id;
    throw new CommandError('not_found', EXIT.notFound, 'This shared folder is not shared with you any more.');
  }

  #rootIds(): Promise<ReadonlyMap<WorkspaceId, ObjectId>> {
    this.#roots ??= this.api
      .call('workspaces', {}, this.signal)
      .then(({ workspaces }) => new Map(workspaces.map(({ workspaceId, rootId }) => [workspaceId, rootId])));
    return this.#roots;
  }
}

type MetadataAnswerObject = Frozen<MetadataAnswer>['object'];

function withoutAbsent<T extends object>(query: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined)) as never;
}
