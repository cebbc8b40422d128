import { Buffer } from 'node:buffer';
import net, { type Socket } from 'node:net';
import { AnswerInvalidError, OfflineError } from '../ports/server-api.ts';
import { AnswerParser } from './http-body-parser.ts';
import type { HttpAnswer, HttpRequest } from './http-client.ts';

/** Read into again and again: a fresh buffer per read costs more in garbage collection than all the rest of a download. */
const READ_BYTES = 256 * 1024;
const IDLE_CONNECTIONS = 6;

/** What a connection does with the bytes that arrive; false: no more for now. */
interface Listener {
  bytes(bytes: Buffer): boolean;
  closed(error: Error | undefined): void;
}

interface Connection {
  readonly socket: Socket;
  listener: Listener | undefined;
  isReused: boolean;
}

/** Exchanges whose answer is a long body, over plain HTTP/1.1. See docs/decisions/0005. */
export interface BulkClient extends Disposable {
  /** 'stale connection': the server had closed the connection kept open before it saw the request. */
  exchange(request: HttpRequest): Promise<HttpAnswer | 'stale connection'>;
}

export interface BulkClientOptions {
  readonly idleTimeoutMs: number;
  /** Waits as the bandwidth limit wants it. */
  readonly allow: (bytes: number, signal: AbortSignal) => Promise<void> | undefined;
}

export function createBulkClient(options: BulkClientOptions): BulkClient {
  const idle = new Map<string, Connection[]>();

  function keep(origin: string, connection: Connection): void {
    const connections = idle.get(origin) ?? [];
    idle.set(origin, connections);
    if (connections.length >= IDLE_CONNECTIONS) {
      connection.socket.destroy();
      return;
    }
    connection.isReused = true;
    connection.socket.unref();
    const remove = (): void =>
      void idle.set(
        origin,
        (idle.get(origin) ?? []).filter((other) => other !== connection),
      );
    connection.listener = {
      bytes: () => (connection.socket.destroy(), false),
      closed: remove,
    };
    connections.push(connection);
  }

  return {
    async exchange(request) {
      const { origin } = request.url;
      const connection = idle.get(origin)?.pop() ?? connect(request.url, options.idleTimeoutMs);
      connection.socket.ref();
      const { answer, keepsAlive } = await new Exchange(connection, request, options).run();
      if (keepsAlive) keep(origin, connection);
      else connection.socket.destroy();
      return answer;
    },
    [Symbol.dispose]() {
      for (const connections of idle.values()) for (const { socket } of connections) socket.destroy();
    },
  };
}

function connect(url: URL, idleTimeoutMs: number): Connection {
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  const socket = net.connect({
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || 80),
    noDelay: true,
    onread: { buffer, callback: (length) => connection.listener?.bytes(buffer.subarray(0, length)) ?? false },
  });
  const connection: Connection = { socket, listener: undefined, isReused: false };
  let failure: Error | undefined;
  socket.setTimeout(idleTimeoutMs, () => {
    socket.destroy(new OfflineError(`${url.host} has been silent for ${idleTimeoutMs / 1000} s.`));
  });
  socket.on('error', (error) => (failure = error));
  socket.on('end', () => socket.destroy());
  socket.on('close', () => connection.listener?.closed(failure));
  return connection;
}

type Outcome = { readonly answer: HttpAnswer | 'stale connection'; readonly keepsAlive: boolean };

class Exchange implements Listener {
  readonly #connection: Connection;
  readonly #request: HttpRequest;
  readonly #options: BulkClientOptions;
  readonly #parser = new AnswerParser();
  readonly #outcome = Promise.withResolvers<Outcome>();
  readonly #parts: Buffer[] = [];
  #length = 0;
  #hasHeard = false;
  /** The receiver is being waited for. */
  #isHeld = false;
  /** The connection was closed meanwhile. */
  #closed: { readonly error: Error | undefined } | undefined;

  constructor(connection: Connection, request: HttpRequest, options: BulkClientOptions) {
    this.#connection = connection;
    this.#request = request;
    this.#options = options;
    connection.listener = this;
  }

  async run(): Promise<Outcome> {
    const { signal } = this.#request;
    const abort = (): void => this.#fail(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    this.#connection.socket.write(requestOf(this.#request));
    try {
      return await this.#outcome.promise;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  bytes(bytes: Buffer): boolean {
    this.#hasHeard = true;
    return this.#take(bytes, 0);
  }

  closed(error: Error | undefined): void {
    if (this.#isHeld) {
      this.#closed = { error };
      return;
    }
    const { host } = this.#request.url;
    if (this.#parser.close()) this.#finish();
    else if (this.#connection.isReused && !this.#hasHeard && !(error instanceof OfflineError))
      this.#outcome.resolve({ answer: 'stale connection', keepsAlive: false });
    else if (error instanceof OfflineError) this.#fail(error);
    else if (this.#hasHeard) this.#fail(new OfflineError(`${host} cut its answer short.`, error));
    else this.#fail(new OfflineError(`${host} cannot be reached${codeOf(error)}.`, error));
  }

  /** Works off what was read from `from` on; false while the receiver is waited for, and after a failure. */
  #take(bytes: Buffer, from: number): boolean {
    try {
      for (let at = from; at < bytes.length && !this.#parser.isDone;) {
        const hadHead = this.#parser.head !== undefined;
        const { at: next, body } = this.#parser.next(bytes, at);
        at = next;
        if (!hadHead && this.#parser.head !== undefined && this.#isGood()) this.#request.accepted?.();
        const wait = body === undefined || body.length === 0 ? undefined : this.#receive(body);
        if (wait === undefined) continue;
        this.#hold(wait, bytes, at);
        return false;
      }
    } catch (error) {
      this.#fail(error);
      return false;
    }
    if (this.#parser.isDone) this.#finish();
    return true;
  }

  #hold(wait: Promise<void>, bytes: Buffer, at: number): void {
    this.#isHeld = true;
    const goOn = (): void => {
      this.#isHeld = false;
      const wantsMore = this.#take(bytes, at);
      if (this.#closed !== undefined) this.closed(this.#closed.error);
      else if (wantsMore) this.#connection.socket.resume();
    };
    wait.then(goOn).catch((error: unknown) => this.#fail(error));
  }

  #isGood(): boolean {
    const status = this.#parser.head?.status ?? 0;
    return status >= 200 && status < 300;
  }

  #receive(body: Buffer): Promise<void> | undefined {
    const { receive, signal, maxBytes, url } = this.#request;
    const allowed = this.#options.allow(body.length, signal);
    if (this.#isGood() && receive !== undefined) {
      const received = receive(body);
      return received && allowed ? Promise.all([received, allowed]).then(() => undefined) : (received ?? allowed);
    }
    this.#length += body.length;
    if (this.#length > maxBytes)
      throw new AnswerInvalidError(`${url.pathname} answered with more than ${maxBytes} bytes.`);
    this.#parts.push(Buffer.from(body));
    return allowed;
  }

  #finish(): void {
    const head = this.#parser.head;
    if (head === undefined) return;
    const answer = { status: head.status, headers: head.headers, body: Buffer.concat(this.#parts) };
    this.#outcome.resolve({ answer, keepsAlive: head.keepsAlive && this.#closed === undefined });
  }

  #fail(error: unknown): void {
    this.#outcome.reject(error);
    this.#connection.socket.destroy();
  }
}

function codeOf(error: Error | undefined): string {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return code === undefined ? '' : ` (${code})`;
}

function requestOf({ method, url, headers, body = [] }: HttpRequest): Buffer {
  const length = body.reduce((sum, part) => sum + part.length, 0);
  const all = { host: url.host, ...headers, 'content-length': String(length) };
  const lines = Object.entries(all).map(([name, value]) => {
    if (/[\r\n\0]/.test(value)) throw new TypeError(`The header ${name} has a line break.`);
    return `${name}: ${value}\r\n`;
  });
  const head = `${method} ${url.pathname}${url.search} HTTP/1.1\r\n${lines.join('')}\r\n`;
  return Buffer.concat([Buffer.from(head, 'latin1'), ...body]);
}
