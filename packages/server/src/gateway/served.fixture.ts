import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { pino } from 'pino';
import type { SignedIn } from '@satchel/protocol/accounts.ts';
import type { Problem } from '@satchel/protocol/errors.ts';
import { newId, type ChunkId } from '@satchel/protocol/ids.ts';
import { API } from '@satchel/protocol/version.ts';
import { compose, type Composition } from '../compose.ts';
import { loadConfig } from '../config.ts';
import { createGateway } from './gateway.ts';

/** A server with all its services on a fresh folder, listening on a free port. Ends with the test. */
export interface Served {
  readonly url: string;
  readonly port: number;
  readonly folder: string;
  readonly composition: Composition;
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** A new account with a device; `email` defaults to a fresh one. */
  signUp(email?: string): Promise<SignedIn>;
}

export interface CallOptions {
  readonly token?: string;
  readonly json?: unknown;
  readonly body?: Uint8Array | string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly bytes: Buffer;
  /** The body as JSON; a problem where the call was refused. */
  readonly json: Problem & Record<string, never>;
}

export const PASSWORD = 'correct horse 7';

export async function served(t: TestContext, flags: readonly string[] = []): Promise<Served> {
  const folder = await mkdtemp(join(tmpdir(), 'satchel-served-'));
  const own = ['--data', join(folder, 'data'), '--key-file', join(folder, 'keys', 'master.key')];
  const { config } = loadConfig(['--listen', '127.0.0.1:0', ...own, ...flags], {});
  const log = pino({ enabled: false });
  const composition = await compose(config, log);
  const app = await createGateway(composition.services, {
    log,
    behindProxy: config['behind-proxy'],
    requestsPerMinute: config['requests-per-minute'],
    metricsToken: undefined,
    readiness: composition,
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  t.after(async () => {
    await composition.endNotifications();
    app.server.closeAllConnections();
    await app.close();
    await composition[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });
  const { port } = app.server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const call: Served['call'] = (method, path, options = {}) =>
    send(`${url}${path.startsWith('/') ? '' : `${API}/`}${path}`, method, options);
  return {
    url,
    port,
    folder,
    composition,
    call,
    signUp: async (email = `${randomBytes(6).toString('hex')}@example.com`) => {
      const answer = await call('POST', 'account/signup', { json: { email, password: PASSWORD, deviceName: 'test' } });
      if (answer.status !== 200) throw new Error(`sign-up: ${answer.status} ${answer.bytes.toString()}`);
      return answer.json as unknown as SignedIn;
    },
  };
}

function send(url: string, method: string, options: CallOptions): Promise<Answer> {
  const body = options.json === undefined ? options.body : JSON.stringify(options.json);
  const headers = {
    ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
    ...(options.json === undefined ? {} : { 'content-type': 'application/json' }),
    ...(options.body === undefined ? {} : { 'content-type': 'application/octet-stream' }),
    ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
    ...options.headers,
  };
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers }, (reply) => {
      const parts: Buffer[] = [];
      reply.on('data', (part: Buffer) => parts.push(part));
      reply.once('error', reject);
      reply.once('end', () => {
        const bytes = Buffer.concat(parts);
        const isJson = String(reply.headers['content-type']).includes('json');
        const json = (isJson && bytes.length > 0 ? JSON.parse(bytes.toString()) : {}) as Answer['json'];
        resolve({ status: reply.statusCode ?? 0, headers: reply.headers, bytes, json });
      });
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

export function freshId<Id extends string>(): Id {
  return newId<Id>(Date.now(), randomBytes(10));
}

/** A chunk with its name. */
export function chunkOf(bytes: Uint8Array): {
  readonly id: ChunkId;
  readonly size: number;
  readonly bytes: Uint8Array;
} {
  return { id: createHash('sha256').update(bytes).digest('hex') as ChunkId, size: bytes.length, bytes };
}
