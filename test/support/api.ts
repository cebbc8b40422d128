/** A hand-made client: calls of the wire as any program could make them, good or bad. */
import { randomBytes } from 'node:crypto';
import { type SignedIn } from '@satchel/protocol/accounts.ts';
import { type CommitAnswer } from '@satchel/protocol/commit.ts';
import { contentHash } from '@satchel/core/manifest.ts';
import { newId, type ChunkId } from '@satchel/protocol/ids.ts';
import { type ListAnswer, type ObjectRecord } from '@satchel/protocol/objects.ts';
import { type WorkspaceList } from '@satchel/protocol/accounts.ts';
import { sha256 } from './random.ts';
import { API, PROTOCOL_HEADER, PROTOCOL_VERSION } from '@satchel/protocol/version.ts';

export type Answer = {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: unknown;
};

export type ApiClient = {
  readonly me: SignedIn;
  /** One call; `path` below /api/v1. */
  readonly call: (
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<Answer>;
  /** Sends operations as they are, without any check of our own; throws unless the answer is a list of results. */
  readonly commit: (operations: readonly unknown[], workspaceId?: string) => Promise<CommitAnswer>;
  /** All live objects of a workspace, or what has changed since a cursor. */
  readonly list: (
    workspaceId?: string,
    cursor?: string,
  ) => Promise<{ readonly objects: readonly ObjectRecord[]; readonly cursor: string; readonly rootId: string }>;
  readonly rootId: () => Promise<string>;
};

/** A fresh id as clients make them. */
export function freshId(): string {
  return newId(Date.now(), randomBytes(10));
}

/** An operation that makes a folder. */
export function mkdirOperation(
  parentId: string,
  name: string,
  objectId = freshId(),
): {
  readonly op: 'mkdir';
  readonly operationId: string;
  readonly objectId: string;
  readonly place: { readonly parentId: string; readonly name: string };
} {
  return { op: 'mkdir', operationId: freshId(), objectId, place: { parentId, name } };
}

/** One HTTP call without any account. */
export async function callApi(
  serverUrl: string,
  request: {
    readonly method: string;
    readonly path: string;
    readonly body?: unknown;
    readonly headers?: Readonly<Record<string, string>>;
  },
): Promise<Answer> {
  const isBytes = request.body instanceof Uint8Array || typeof request.body === 'string';
  const body =
    request.body === undefined
      ? undefined
      : isBytes
        ? (request.body as string | Uint8Array<ArrayBuffer>)
        : JSON.stringify(request.body);
  const reply = await fetch(`${serverUrl}${API}${request.path}`, {
    method: request.method,
    headers: {
      [PROTOCOL_HEADER]: String(PROTOCOL_VERSION),
      ...(body === undefined || isBytes ? {} : { 'content-type': 'application/json' }),
      ...request.headers,
    },
    ...(body === undefined ? {} : { body }),
  });
  const text = await reply.text();
  return { status: reply.status, headers: reply.headers, text, json: jsonOf(text) };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // not JSON: the caller looks at `text`
  }
}

/** Signs a hand-made device in to an account that exists, or signs it up. */
export async function apiClient(
  serverUrl: string,
  how: {
    readonly email: string;
    readonly password: string;
    readonly action: 'signup' | 'login';
    readonly deviceName?: string;
  },
): Promise<ApiClient> {
  const signedIn = await callApi(serverUrl, {
    method: 'POST',
    path: `/account/${how.action}`,
    body: { email: how.email, password: how.password, deviceName: how.deviceName ?? 'hand-made' },
  });
  if (signedIn.status >= 300) throw new Error(`${how.action} as ${how.email}: ${signedIn.status} ${signedIn.text}`);
  const me = signedIn.json as SignedIn;
  const call: ApiClient['call'] = async (method, path, body, headers) =>
    await callApi(serverUrl, {
      method,
      path,
      body,
      headers: { authorization: `Bearer ${me.access_token}`, ...headers },
    });
  const list: ApiClient['list'] = async (workspaceId = me.workspaceId, from) => {
    const objects: ObjectRecord[] = [];
    for (let cursor = from; ;) {
      const answer = await call(
        'GET',
        `/objects?workspace_id=${workspaceId}${cursor === undefined ? '' : `&cursor=${cursor}`}`,
      );
      if (answer.status !== 200) throw new Error(`list: ${answer.status} ${answer.text}`);
      const page = answer.json as ListAnswer;
      objects.push(...page.objects);
      cursor = page.cursor;
      if (!page.hasMore) return { objects, cursor, rootId: page.rootId };
    }
  };
  return {
    me,
    call,
    list,
    commit: async (operations, workspaceId = me.workspaceId) => {
      const answer = await call('POST', '/files/commit', { workspaceId, operations });
      const results = answer.json as CommitAnswer | undefined;
      if (results?.results === undefined) throw new Error(`commit: ${answer.status} ${answer.text}`);
      return results;
    },
    rootId: async () => {
      const { json, text } = await call('GET', '/workspaces');
      const found = (json as WorkspaceList).workspaces.find((workspace) => workspace.workspaceId === me.workspaceId);
      if (found === undefined) throw new Error(`no personal workspace in ${text}`);
      return found.rootId;
    },
  };
}

/** Paths of live objects of a workspace as the server lists them; folders end with `/`. */
export function pathsOf(objects: readonly ObjectRecord[]): readonly string[] {
  const live = new Map(
    objects.filter((object) => object.deleted !== true).map((object) => [object.objectId as string, object]),
  );
  const pathOf = (object: ObjectRecord): string => {
    const parent = live.get(object.parentId);
    return (parent === undefined ? '' : pathOf(parent)) + object.name + (object.kind === 'folder' ? '/' : '');
  };
  return [...live.values()].map(pathOf).sort();
}

/** Uploads a file of one chunk by the single-chunk call and commits it; its record. */
export async function putSmallFile(
  api: ApiClient,
  place: { readonly parentId: string; readonly name: string },
  bytes: Uint8Array,
): Promise<ObjectRecord> {
  const id = sha256(bytes) as ChunkId;
  const chunks = [{ id, size: bytes.length }];
  const sent = await api.call('PUT', `/chunks/${id}?workspace_id=${api.me.workspaceId}`, bytes, {
    'content-type': 'application/octet-stream',
  });
  if (sent.status >= 300) throw new Error(`PUT of a chunk: ${sent.status} ${sent.text}`);
  const content = {
    size: bytes.length,
    contentHash: contentHash(chunks, sha256),
    mtimeMs: 0,
    executable: false,
    list: { chunks },
  };
  const { results } = await api.commit([
    { op: 'put', operationId: freshId(), objectId: freshId(), place, baseVersionId: null, content },
  ]);
  const [result] = results;
  if (result?.outcome !== 'done') throw new Error(`put of ${place.name}: ${JSON.stringify(result)}`);
  return result.object;
}
