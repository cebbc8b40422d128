import { Buffer } from 'node:buffer';
import http, { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { createBulkClient } from './http-bulk.ts';
import type { RateLimit } from '../ports/rate-limit.ts';
import { AnswerInvalidError, OfflineError, type ReceiveBytes } from '../ports/server-api.ts';

export interface HttpRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: readonly Uint8Array[];
  readonly signal: AbortSignal;
  /** Bulk requests have connections of their own, so that small ones never wait behind them. */
  readonly lane: 'control' | 'bulk' | 'events';
  /** Longest body taken of an answer that is read whole. */
  readonly maxBytes: number;
  /** Given the body of a 2xx answer as it comes, in place of having it read whole. */
  readonly receive?: ReceiveBytes;
  /** Called when the head of a 2xx answer has come, before any byte of its body. */
  readonly accepted?: () => void;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders | Readonly<Record<string, string>>;
  /** Empty when the body went to `receive`. */
  readonly body: Buffer;
}

export interface HttpClient extends Disposable {
  send(request: HttpRequest): Promise<HttpAnswer>;
}

export interface HttpClientOptions {
  readonly up: RateLimit;
  readonly down: RateLimit;
  /** A connection that moves no byte for this long is given up. */
  readonly idleTimeoutMs: number;
  readonly bulkConnections: number;
}

const CONTROL_CONNECTIONS = 8;

type Agents = Readonly<Record<HttpRequest['lane'], { readonly 'http:': http.Agent; readonly 'https:': https.Agent }>>;

function agentsOf(options: HttpClientOptions): Agents {
  const pair = (maxSockets: number): Agents['bulk'] => {
    const common = { keepAlive: true, maxSockets, timeout: options.idleTimeoutMs, scheduling: 'lifo' as const };
    return { 'http:': new http.Agent(common), 'https:': new https.Agent(common) };
  };
  return { control: pair(CONTROL_CONNECTIONS), bulk: pair(options.bulkConnections), events: pair(2) };
}

/** HTTP/1.1 over node:http with connections kept open; see docs/decisions/0005. */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  const agents = agentsOf(options);
  const bulk = createBulkClient({
    idleTimeoutMs: options.idleTimeoutMs,
    allow: (bytes, signal) => options.down.take(bytes, signal),
  });
  const exchangeOf = (request: HttpRequest): Promise<HttpAnswer | 'stale connection'> => {
    const isStream = request.lane === 'bulk' && request.receive !== undefined && request.url.protocol === 'http:';
    return isStream ? bulk.exchange(request) : exchange(request, agents, options);
  };
  return {
    async send(request) {
      request.signal.throwIfAborted();
      for (let attempt = 1; ; attempt++) {
        const sent = await exchangeOf(request);
        if (sent !== 'stale connection') return sent;
        if (attempt > CONTROL_CONNECTIONS) throw new OfflineError(`${request.url.host} closes every connection.`);
      }
    },
    [Symbol.dispose]() {
      bulk[Symbol.dispose]();
      for (const pair of Object.values(agents)) {
        pair['http:'].destroy();
        pair['https:'].destroy();
      }
    },
  };
}

/** 'stale connection': the server had closed the connection kept open before it saw the request. */
function exchange(
  request: HttpRequest,
  agents: Agents,
  options: HttpClientOptions,
): Promise<HttpAnswer | 'stale connection'> {
  const { url, signal } = request;
  const length = request.body?.reduce((sum, part) => sum + part.length, 0);
  const secure = url.protocol === 'https:';
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer | 'stale connection'>();
  const outgoing = (secure ? https : http).request(url, {
    method: request.method,
    agent: secure ? agents[request.lane]['https:'] : agents[request.lane]['http:'],
    headers: length === undefined ? request.headers : { ...request.headers, 'content-length': String(length) },
  });
  let answered = false;
  const abort = (): void => {
    outgoing.destroy();
    reject(signal.reason);
  };
  signal.addEventListener('abort', abort, { once: true });
  outgoing.setTimeout(options.idleTimeoutMs, () =>
    outgoing.destroy(new OfflineError(`${url.host} has been silent for ${options.idleTimeoutMs / 1000} s.`)),
  );
  outgoing.on('error', (error: NodeJS.ErrnoException) => {
    const stale = outgoing.reusedSocket && !answered && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
    if (stale) resolve('stale connection');
    else reject(offline(url, error));
  });
  outgoing.on('response', (incoming) => {
    answered = true;
    readAnswer(incoming, request, options).then(resolve, (error: unknown) => {
      outgoing.destroy();
      reject(error);
    });
  });
  sendBody(outgoing, request, options.up).catch((error: unknown) => outgoing.destroy(error as Error));
  return promise.finally(() => signal.removeEventListener('abort', abort));
}

function offline(url: URL, error: Error): Error {
  if (error instanceof OfflineError) return error;
  const code = (error as NodeJS.ErrnoException).code;
  return new OfflineError(`${url.host} cannot be reached${code === undefined ? '' : ` (${code})`}.`, error);
}

async function sendBody(outgoing: ClientRequest, request: HttpRequest, limit: RateLimit): Promise<void> {
  const { body = [], signal } = request;
  if (limit.pieceBytes() === Infinity) {
    for (const part of body) outgoing.write(part);
    outgoing.end();
    return;
  }
  for (const part of body) {
    for (let at = 0; at < part.length && !outgoing.destroyed;) {
      const piece = part.subarray(at, at + Math.min(limit.pieceBytes(), part.length));
      await limit.take(piece.length, signal);
      if (!outgoing.write(piece)) await drained(outgoing);
      at += piece.length;
    }
  }
  outgoing.end();
}

/** Resolves when more may be written, or when nothing can be any more. */
function drained(outgoing: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      outgoing.off('drain', end).off('close', end);
      resolve();
    };
    outgoing.on('drain', end).on('close', end);
  });
}

async function readAnswer(
  incoming: IncomingMessage,
  request: HttpRequest,
  options: HttpClientOptions,
): Promise<HttpAnswer> {
  const status = incoming.statusCode ?? 0;
  const { headers } = incoming;
  const { receive } = request;
  const success = status >= 200 && status < 300;
  if (success) request.accepted?.();
  const parts: Buffer[] = [];
  let length = 0;
  const keep: ReceiveBytes = (bytes) => {
    length += bytes.length;
    if (length > request.maxBytes)
      throw new AnswerInvalidError(`${request.url.pathname} answered with more than ${request.maxBytes} bytes.`);
    parts.push(bytes as Buffer);
    return undefined;
  };
  await readBody(incoming, request, { receive: success && receive ? receive : keep, limit: options.down });
  return { status, headers, body: parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts) };
}

/** Resolves at the end of the body. Reading rests while the receiver or the limit asks for it. */
function readBody(
  incoming: IncomingMessage,
  request: HttpRequest,
  taker: { readonly receive: ReceiveBytes; readonly limit: RateLimit },
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const hold = (wait: Promise<void>): void => {
    incoming.pause();
    wait.then(
      () => incoming.resume(),
      (error: unknown) => reject(error),
    );
  };
  incoming.on('data', (bytes: Buffer) => {
    try {
      const received = taker.receive(bytes);
      const allowed = taker.limit.take(bytes.length, request.signal);
      if (received && allowed) hold(Promise.all([received, allowed]).then(() => undefined));
      else if (received ?? allowed) hold((received ?? allowed) as Promise<void>);
    } catch (error) {
      reject(error);
    }
  });
  incoming.on('end', () => {
    if (incoming.complete) resolve();
    else reject(new OfflineError(`${request.url.host} cut its answer short.`));
  });
  incoming.on('error', (error) => reject(offline(request.url, error)));
  incoming.on('close', () => {
    if (!incoming.complete) reject(new OfflineError(`${request.url.host} cut its answer short.`));
  });
  return promise;
}
