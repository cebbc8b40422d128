import assert from 'node:assert/strict';
import { createHash, hash } from 'node:crypto';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import zlib from 'node:zlib';
import { applyDelta } from '@satchel/core/delta.ts';
import { BATCH_LIMITS, encodeFailureFrame, encodeFrameHeader, type ChunkFrame } from '@satchel/core/frame.ts';
import { createFrameReader } from '@satchel/core/frame-reader.ts';
import { CodedError, problemOf, type ErrorCode } from '@satchel/protocol/errors.ts';
import type { ChunkId } from '@satchel/protocol/ids.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import { FetchRequest, ProveRequest, UploadRequest, type ChunkNeed } from '@satchel/protocol/transfer.ts';

/** What a test lets happen to a request before it is served; returns true when it has answered (or cut) itself. */
export type Intercept = (request: IncomingMessage, response: ServerResponse) => boolean | Promise<boolean>;

/** A server that speaks the transfer part of the protocol over real HTTP and keeps its chunks in memory. */
export interface MemoryServer extends AsyncDisposable {
  readonly url: URL;
  readonly chunks: Map<string, Buffer>;
  /** Chunks that somebody else has. */
  readonly foreign: Map<string, Buffer>;
  /** Requests by route, since the last `reset`. */
  readonly requests: Map<string, number>;
  /** Body bytes received, since the last `reset`. */
  received(): number;
  sent(): number;
  reset(): void;
  /** Cuts all connections; afterwards nothing of what was on its way arrives. */
  cut(): Promise<void>;
  intercept: Intercept | undefined;
  /** Given a chunk that is about to be answered; what it returns is answered in its place. */
  corrupt: ((id: string, bytes: Buffer) => Buffer | 'refused') | undefined;
  readonly announced: UploadRequest['files'][number][];
}

const sha = (bytes: Uint8Array): string => hash('sha256', bytes);

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

export function problem(response: ServerResponse, code: ErrorCode, headers: Record<string, string> = {}): true {
  const document = problemOf(new CodedError(code, `refused: ${code}`));
  response.writeHead(document.status, { 'content-type': 'application/problem+json', ...headers });
  response.end(JSON.stringify(document));
  return true;
}

export async function startMemoryServer(): Promise<MemoryServer> {
  const memory = new Memory();
  await memory.start();
  return memory;
}

class Memory implements MemoryServer {
  url = new URL('http://127.0.0.1');
  readonly chunks = new Map<string, Buffer>();
  readonly foreign = new Map<string, Buffer>();
  readonly requests = new Map<string, number>();
  readonly announced: UploadRequest['files'][number][] = [];
  intercept: Intercept | undefined;
  corrupt: MemoryServer['corrupt'];
  #received = 0;
  #sent = 0;
  readonly #serving = new Set<Promise<void>>();
  readonly #server = http.createServer((request, response) => {
    const serving = this.#serve(request, response)
      .catch((error: unknown) => {
        if (request.destroyed && !request.complete) return; // the client went away, as some tests want it
        response.destroy(error as Error);
      })
      .finally(() => this.#serving.delete(serving));
    this.#serving.add(serving);
  });

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.url.port = String((this.#server.address() as AddressInfo).port);
  }

  received(): number {
    return this.#received;
  }

  sent(): number {
    return this.#sent;
  }

  reset(): void {
    this.requests.clear();
    this.#received = 0;
    this.#sent = 0;
  }

  async cut(): Promise<void> {
    this.#server.closeAllConnections();
    await Promise.all(this.#serving);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '', this.url).pathname.replace('/api/v1', '');
    const route = `${request.method} ${path.startsWith('/blocks/') ? '/blocks' : path}`;
    this.requests.set(route, (this.requests.get(route) ?? 0) + 1);
    if (await this.intercept?.(request, response)) return;
    const body = await bodyOf(request);
    this.#received += body.length;
    const json = (value: unknown): void => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(value));
    };
    if (route === 'POST /files/upload_request') json(this.#uploadAnswer(body));
    else if (route === 'PUT /blocks') this.#putBlock(path.slice('/blocks/'.length), body, response);
    else if (route === 'POST /chunks/batch') json({ results: this.#takeFrames(body) });
    else if (route === 'POST /chunks/prove') json({ results: this.#prove(body) });
    else if (route === 'POST /chunks/fetch') await this.#fetchChunks(body, response);
    else if (route === 'GET /uploads') json(this.#pendingUploads(request));
    else problem(response, 'not_found');
  }

  #needOf({ id, size }: { id: string; size: number }): ChunkNeed {
    if (this.chunks.has(id)) return { need: 'nothing' };
    if (this.foreign.has(id)) return { need: 'prove', nonce: `nonce-${id.slice(0, 8)}` };
    if (size < LIMITS.smallChunkBytes) return { need: 'batch' };
    return { need: 'put', url: `/api/v1/blocks/${id}?s=1`, headers: { 'content-type': 'application/octet-stream' } };
  }

  #uploadAnswer(body: Buffer): unknown {
    const request = UploadRequest.parse(JSON.parse(body.toString()));
    this.announced.push(...request.files);
    const needs = (chunks: readonly { id: string; size: number }[]) => chunks.map((chunk) => this.#needOf(chunk));
    return { files: request.files.map((file) => ({ uploadId: file.uploadId, needs: needs(file.chunks) })) };
  }

  #putBlock(id: string, body: Buffer, response: ServerResponse): void {
    if (sha(body) !== id) return void problem(response, 'hash_mismatch');
    this.chunks.set(id, body);
    response.writeHead(204).end();
  }

  #decoded(frame: ChunkFrame): Buffer | undefined {
    if (frame.encoding === 'raw') return Buffer.from(frame.payload);
    if (frame.encoding === 'zstd') return zlib.zstdDecompressSync(frame.payload, { maxOutputLength: frame.rawSize });
    const base = this.chunks.get(frame.baseId ?? '');
    if (base === undefined || frame.encoding !== 'delta') return undefined;
    const rebuilt = applyDelta(base, frame.payload, frame.rawSize);
    return rebuilt.ok ? Buffer.from(rebuilt.value) : undefined;
  }

  #takeFrames(body: Buffer): unknown[] {
    const { frames, fault } = createFrameReader(BATCH_LIMITS).push(body);
    assert.equal(fault, undefined);
    return frames.map((frame) => {
      assert.ok(frame.kind === 'chunk');
      const { chunkId } = frame;
      const raw = this.#decoded(frame);
      if (raw === undefined) return { chunkId, stored: false, code: 'chunk_missing' };
      if (sha(raw) !== chunkId) return { chunkId, stored: false, code: 'hash_mismatch' };
      this.chunks.set(chunkId, raw);
      return { chunkId, stored: true };
    });
  }

  #prove(body: Buffer): unknown[] {
    return ProveRequest.parse(JSON.parse(body.toString())).proofs.map(({ chunkId, nonce, proof }) => {
      const bytes = this.foreign.get(chunkId) ?? Buffer.alloc(0);
      const stored = createHash('sha256').update(`${nonce}\n`).update(bytes).digest('hex') === proof;
      if (stored) this.chunks.set(chunkId, bytes);
      return { chunkId, stored, ...(stored ? {} : { code: 'hash_mismatch' }) };
    });
  }

  async #fetchChunks(body: Buffer, response: ServerResponse): Promise<void> {
    const request = FetchRequest.parse(JSON.parse(body.toString()));
    response.writeHead(200, { 'content-type': 'application/octet-stream' });
    const write = async (bytes: Uint8Array): Promise<void> => {
      this.#sent += bytes.length;
      if (!response.write(bytes)) await new Promise((resolve) => response.once('drain', resolve));
    };
    for (const { id } of request.chunks) {
      const bytes = this.chunks.get(id);
      const answered = bytes === undefined ? 'refused' : (this.corrupt?.(id, bytes) ?? bytes);
      if (answered === 'refused') {
        await write(encodeFailureFrame(id, bytes === undefined ? 'not_found' : 'chunk_damaged'));
        continue;
      }
      const header = {
        kind: 'chunk',
        chunkId: id,
        encoding: 'raw',
        rawSize: answered.length,
        baseId: undefined,
      } as const;
      await write(encodeFrameHeader(header, answered.length));
      await write(answered);
    }
    response.end();
  }

  #pendingUploads(request: IncomingMessage): unknown {
    const query = new URL(request.url ?? '', this.url).searchParams;
    const uploadId = query.get('upload_id');
    const arrived: { id: string; size: number; offset: number }[] = [];
    let objectId = '';
    for (const file of this.announced) {
      if (file.uploadId !== uploadId) continue;
      objectId = file.objectId;
      let { offset } = file;
      for (const { id, size } of file.chunks) {
        if (this.chunks.has(id)) arrived.push({ id, size, offset });
        offset += size;
      }
    }
    const after = Number(query.get('after') ?? 0);
    if (objectId === '') return { uploads: [] };
    const deviceId = '0'.repeat(26);
    return { uploads: [{ uploadId, objectId, deviceId, arrived: arrived.slice(after), position: arrived.length }] };
  }
}

export const chunkIdOf = (bytes: Uint8Array): ChunkId => sha(bytes) as ChunkId;
