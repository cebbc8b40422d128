import { Buffer } from 'node:buffer';
import { CommitAnswer } from '@satchel/protocol/commit.ts';
import { CodedError } from '@satchel/protocol/errors.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import { ROUTES, type Route } from '@satchel/protocol/routes.ts';
import { ChunkResults } from '@satchel/protocol/transfer.ts';
import { API, PROTOCOL_HEADER, PROTOCOL_VERSION } from '@satchel/protocol/version.ts';
import type { z } from 'zod';
import type { Clock } from '../ports/clock.ts';
import type { TokenStore } from '../ports/secrets.ts';
import { AnswerInvalidError, type JsonCall, type ServerApi } from '../ports/server-api.ts';
import type { RateLimit } from '../ports/rate-limit.ts';
import { parsedAnswer, refusalOf } from './http-answers.ts';
import { createHttpClient, type HttpAnswer, type HttpRequest } from './http-client.ts';
import { createTokenSession, type TokenSession } from './http-session.ts';
import { createEventParser } from './event-stream.ts';

export interface HttpApiOptions {
  /** `https://host[:port]`, with or without a path before `/api`. */
  readonly server: URL;
  readonly tokens: TokenStore;
  readonly clock: Clock;
  readonly up: RateLimit;
  readonly down: RateLimit;
  readonly idleTimeoutMs?: number;
  readonly bulkConnections?: number;
}

/** A folder listing of 5,000 objects with names of 255 bytes stays below it, decompressed. */
const ANSWER_BYTES = 32 * 1024 * 1024;
const IDLE_TIMEOUT_MS = 60_000;
const BULK_CONNECTIONS = 6;

type Send = (request: Omit<HttpRequest, 'url' | 'maxBytes'> & { readonly address: string }) => Promise<HttpAnswer>;

interface Wire {
  readonly send: Send;
  /** As `send`, with the device's token; refreshed once when the server says so. */
  readonly sendSigned: Send;
  readonly session: TokenSession;
}

/** ServerApi over HTTP. Retries nothing by itself; see transfer/retry.ts. */
export function createHttpApi(options: HttpApiOptions): ServerApi & Disposable {
  const client = createHttpClient({
    up: options.up,
    down: options.down,
    idleTimeoutMs: options.idleTimeoutMs ?? IDLE_TIMEOUT_MS,
    bulkConnections: options.bulkConnections ?? BULK_CONNECTIONS,
  });
  const base = new URL(options.server);
  base.pathname = base.pathname.replace(/\/$/, '') + API;
  const send: Send = ({ address, headers, ...rest }) =>
    client.send({
      ...rest,
      url: new URL(base.href + address),
      headers: { ...headers, [PROTOCOL_HEADER]: String(PROTOCOL_VERSION) },
      maxBytes: ANSWER_BYTES,
    });
  const session = createTokenSession({
    store: options.tokens,
    clock: options.clock,
    refresh: (refreshToken, signal) =>
      callJson({ send, sendSigned: send, session }, ROUTES.token, {
        input: { body: { grant_type: 'refresh_token', refresh_token: refreshToken } },
        signal,
      }),
  });
  const wire: Wire = { send, session, sendSigned: signedSend(send, session) };
  return {
    session,
    call: async (name, input, signal) => (await callJson(wire, ROUTES[name as JsonCall], { input, signal })) as never,
    ...byteCalls(wire),
    async putSigned(target, bytes, signal) {
      const url = new URL(target.url, base);
      const headers = { ...target.headers };
      const answer = await client.send({
        method: 'PUT',
        url,
        headers,
        body: [bytes],
        signal,
        lane: 'bulk',
        maxBytes: 65_536,
      });
      if (answer.status < 200 || answer.status > 299) throw await signedRefusal(answer);
    },
    [Symbol.dispose]: () => client[Symbol.dispose](),
  };
}

/** Foreign block stores refuse in XML: by status, an outdated address asks for a new one and all else is final. */
async function signedRefusal(answer: HttpAnswer): Promise<Error> {
  const refusal = await refusalOf(answer, 'a PUT to the block store', 65_536);
  if (!(refusal instanceof AnswerInvalidError)) return refusal;
  if (answer.status === 403)
    return new CodedError('signature_expired', 'The block store no longer takes this address.');
  if (answer.status === 400) return new CodedError('hash_mismatch', 'The block store refuses the bytes.');
  return refusal;
}

function signedSend(send: Send, session: TokenSession): Send {
  return async (request) => {
    let refused: string | undefined;
    for (;;) {
      const token = await session.accessToken(request.signal, refused);
      const answer = await send({ ...request, headers: { ...request.headers, authorization: `Bearer ${token}` } });
      if (answer.status !== 401) return answer;
      const refusal = await refusalOf(answer, request.address, ANSWER_BYTES);
      const code = refusal instanceof CodedError ? refusal.code : undefined;
      if (code === 'device_revoked') session.end('device_revoked');
      const again = (code === 'token_expired' || code === 'sign_in_required') && refused === undefined;
      if (!again) {
        if (code === 'sign_in_required') session.end('sign_in_required');
        throw refusal;
      }
      refused = token;
    }
  };
}

interface JsonInput {
  readonly input: {
    readonly params?: Readonly<Record<string, unknown>>;
    readonly query?: Readonly<Record<string, unknown>>;
    readonly body?: unknown;
  };
  readonly signal: AbortSignal;
}

function addressOf(route: Route, input: JsonInput['input']): string {
  const path = route.path.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(String(input.params?.[name])));
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(input.query ?? {}))
    if (value !== undefined) query.set(name, String(value));
  return query.size === 0 ? path : `${path}?${query.toString()}`;
}

async function callJson<R extends Route>(
  wire: Wire,
  route: R,
  { input, signal }: JsonInput,
): Promise<R['answer'] extends z.ZodType ? z.output<R['answer']> : undefined> {
  const address = addressOf(route, input);
  const body = input.body === undefined ? undefined : [Buffer.from(JSON.stringify(input.body))];
  const send = route.auth === 'token' ? wire.sendSigned : wire.send;
  const answer = await send({
    method: route.method,
    address,
    headers: { 'accept-encoding': 'zstd', ...(body ? { 'content-type': 'application/json' } : {}) },
    ...(body ? { body } : {}),
    signal,
    lane: 'control',
  });
  const call = { what: `${route.method} ${route.path}`, maxBytes: ANSWER_BYTES };
  const good = answer.status >= 200 && answer.status < 300;
  // A commit of one operation answers with that operation's status, and still with the results.
  const hasResults = route.answer === CommitAnswer && answer.headers['content-type']?.startsWith('application/json');
  if (!good && !hasResults) throw await refusalOf(answer, call.what, ANSWER_BYTES);
  const schema = route.answer as z.ZodType | undefined;
  return (schema === undefined ? undefined : await parsedAnswer(answer, schema, call)) as never;
}

function byteCalls(wire: Wire): Pick<ServerApi, 'sendFrames' | 'fetchFrames' | 'fetchContent' | 'listen'> {
  return {
    async sendFrames({ workspaceId, uploadId }, frames, signal) {
      const query = { workspace_id: workspaceId, upload_id: uploadId };
      const bytes = frames.reduce((sum, frame) => sum + frame.length, 0);
      const answer = await wire.sendSigned({
        method: 'POST',
        address: addressOf(ROUTES.batch, { query }),
        headers: { 'content-type': 'application/octet-stream' },
        body: frames,
        signal,
        lane: bytes > LIMITS.smallChunkBytes * 4 ? 'bulk' : 'control',
      });
      const call = { what: 'POST /chunks/batch', maxBytes: ANSWER_BYTES };
      if (answer.status !== 200) throw await refusalOf(answer, call.what, call.maxBytes);
      return parsedAnswer(answer, ChunkResults, call);
    },
    async fetchFrames(request, receive, signal) {
      const answer = await wire.sendSigned({
        method: 'POST',
        address: ROUTES.fetch.path,
        headers: { 'content-type': 'application/json' },
        body: [Buffer.from(JSON.stringify(request))],
        receive,
        signal,
        lane: 'bulk',
      });
      if (answer.status !== 200) throw await refusalOf(answer, 'POST /chunks/fetch', ANSWER_BYTES);
    },
    async fetchContent({ workspaceId, objectId, versionId, from }, receive, signal) {
      const query = { workspace_id: workspaceId, version_id: versionId };
      const answer = await wire.sendSigned({
        method: 'GET',
        address: addressOf(ROUTES.content, { params: { id: objectId }, query }),
        headers: from === undefined || from === 0 ? {} : { range: `bytes=${from}-` },
        receive,
        signal,
        lane: 'bulk',
      });
      const expected = from === undefined || from === 0 ? 200 : 206;
      if (answer.status !== expected) throw await refusalOf(answer, 'GET /files/:id/content', ANSWER_BYTES);
    },
    async listen(listener, signal) {
      const parser = createEventParser(listener);
      const answer = await wire.sendSigned({
        method: 'GET',
        address: ROUTES.events.path,
        headers: { accept: 'text/event-stream' },
        accepted: () => listener.open(),
        receive: (bytes) => {
          parser.push(bytes);
          return undefined;
        },
        signal,
        lane: 'events',
      });
      if (answer.status !== 200) throw await refusalOf(answer, 'GET /sync/events', ANSWER_BYTES);
    },
  };
}
