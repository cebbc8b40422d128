/** A TCP proxy between client and server that counts, slows down and breaks. One per device, or shared. */
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { scanRequests, type RequestHead } from './http-requests.ts';
import { type LinkSpeed } from './link-speed.ts';

export type Traffic = {
  readonly upBytes: number;
  readonly downBytes: number;
  readonly connections: number;
  readonly requests: number;
  /** Requests by `METHOD /path`, ids and queries taken out. */
  readonly byRoute: Readonly<Record<string, number>>;
};

/**
 * What happens to a request: it passes; waits; is cut before the server sees it; is carried out while its
 * reply is lost with the connection (H88); is carried out twice (H89); or never gets an answer.
 */
export type Fate = 'pass' | 'cut' | 'drop-reply' | 'duplicate' | 'hang' | { readonly delayMs: number };

/** Decides for the n-th request since the rule was set (from 1). */
export type Rule = (request: RequestHead & { readonly number: number }) => Fate;

export type Proxy = AsyncDisposable & {
  readonly port: number;
  readonly url: string;
  readonly traffic: () => Traffic;
  readonly resetTraffic: () => void;
  /** Speed of each direction; absent means unlimited. One LinkSpeed in both places is one shared line. */
  readonly limit: (speed: { readonly up?: LinkSpeed; readonly down?: LinkSpeed }) => void;
  readonly setRule: (rule: Rule | undefined) => void;
  /** Cuts all connections now; new ones are accepted. */
  readonly cutAll: () => void;
  /** Off: cuts all and refuses new connections. */
  readonly setOnline: (online: boolean) => void;
};

type Shared = {
  up: LinkSpeed | undefined;
  down: LinkSpeed | undefined;
  rule: Rule | undefined;
  ruleRequests: number;
  traffic: {
    upBytes: number;
    downBytes: number;
    connections: number;
    requests: number;
    byRoute: Record<string, number>;
  };
};

const duplicateLimitBytes = 16 << 20;
const pieceBytes = 16 << 10;

/** Starts a proxy on a free port of the loopback address. */
export async function startProxy(options: { readonly targetPort: number }): Promise<Proxy> {
  const shared: Shared = { up: undefined, down: undefined, rule: undefined, ruleRequests: 0, traffic: noTraffic() };
  const sockets = new Set<Socket>();
  let online = true;
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy()); // a peer that went away; the other side is ended below
    socket.on('close', () => sockets.delete(socket));
    return socket;
  };
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const client = keep(socket);
    if (!online) {
      client.destroy();
      return;
    }
    shared.traffic.connections++;
    const upstream = keep(connect({ port: options.targetPort, host: '127.0.0.1', allowHalfOpen: true }));
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
    carry(shared, client, upstream, options.targetPort);
  });
  await new Promise<void>((done, fail) => server.once('error', fail).listen(0, '127.0.0.1', done));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  const cutAll = (): void => sockets.forEach((socket) => socket.destroy());
  return {
    port: address.port,
    url: `http://127.0.0.1:${address.port}`,
    traffic: () => ({ ...shared.traffic, byRoute: { ...shared.traffic.byRoute } }),
    resetTraffic: () => {
      shared.traffic = noTraffic();
    },
    limit: ({ up, down }) => {
      shared.up = up;
      shared.down = down;
    },
    setRule: (rule) => {
      shared.rule = rule;
      shared.ruleRequests = 0;
    },
    cutAll,
    setOnline: (value) => {
      online = value;
      if (!value) cutAll();
    },
    async [Symbol.asyncDispose]() {
      cutAll();
      await new Promise((done) => server.close(done));
    },
  };
}

function noTraffic(): Shared['traffic'] {
  return { upBytes: 0, downBytes: 0, connections: 0, requests: 0, byRoute: {} };
}

/** Both directions of one connection. */
function carry(shared: Shared, client: Socket, upstream: Socket, targetPort: number): void {
  let fate: Fate = 'pass';
  let copy: Buffer[] | undefined;
  const scanner = scanRequests({
    begin: (head) => {
      shared.traffic.requests++;
      const route = `${head.method} ${routeOf(head.path)}`;
      shared.traffic.byRoute[route] = (shared.traffic.byRoute[route] ?? 0) + 1;
      fate = shared.rule?.({ ...head, number: ++shared.ruleRequests }) ?? 'pass';
      copy = fate === 'duplicate' ? [] : undefined;
    },
    end: () => {
      if (copy !== undefined) ended = true;
    },
  });
  let ended = false;
  const up = async (): Promise<void> => {
    for await (const bytes of client as AsyncIterable<Buffer>) {
      scanner.push(bytes);
      const now = fate as Fate;
      if (now === 'cut') return void client.destroy();
      if (typeof now === 'object') {
        fate = 'pass';
        await delay(now.delayMs);
      }
      if (copy !== undefined) copy.push(bytes);
      shared.traffic.upBytes += bytes.length;
      await send(upstream, bytes, () => shared.up);
      if (ended && copy !== undefined) again(copy, targetPort);
      if (ended) [copy, ended] = [undefined, false];
    }
    upstream.end();
  };
  const down = async (): Promise<void> => {
    for await (const bytes of upstream as AsyncIterable<Buffer>) {
      if (fate === 'hang') continue;
      if (fate === 'drop-reply') return void client.destroy();
      shared.traffic.downBytes += bytes.length;
      await send(client, bytes, () => shared.down);
    }
    client.end();
  };
  const ends = (): void => void client.destroy(); // the other side left in the middle: normal for a proxy
  up().catch(ends);
  down().catch(ends);
}

/** Sends the very same request a second time over a connection of its own; the answer is nobody's. */
function again(request: readonly Buffer[], targetPort: number): void {
  const bytes = Buffer.concat(request);
  if (bytes.length > duplicateLimitBytes) return;
  const socket = connect({ port: targetPort, host: '127.0.0.1' });
  socket.on('error', () => socket.destroy());
  socket.once('data', () => socket.destroy());
  socket.write(bytes);
}

async function send(to: Socket, bytes: Buffer, speed: () => LinkSpeed | undefined): Promise<void> {
  if (speed() === undefined) return await write(to, bytes);
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const piece = bytes.subarray(at, at + pieceBytes);
    const waitMs = speed()?.reserve(piece.length) ?? 0;
    if (waitMs > 1) await delay(waitMs);
    await write(to, piece);
  }
}

async function write(to: Socket, bytes: Buffer): Promise<void> {
  if (to.destroyed || to.write(bytes)) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      to.off('drain', done).off('close', done);
      resolve();
    };
    to.on('drain', done).on('close', done);
  });
}

/** Path without query; hex and other long ids become `:id`. */
function routeOf(path: string): string {
  return (path.split('?')[0] ?? '')
    .split('/')
    .map((part) => (/^[\w.-]{16,}$/.test(part) && /\d/.test(part) ? ':id' : part))
    .join('/');
}
