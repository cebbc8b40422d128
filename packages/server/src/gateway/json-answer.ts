import { Buffer } from 'node:buffer';
import { promisify } from 'node:util';
import { constants, gzip, zstdCompress, zstdCompressSync } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';

const zstdBeside = promisify(zstdCompress);
const gzipped = promisify(gzip);

/** Below this many characters a compressed answer saves less than it costs. */
const WORTH_COMPRESSING = 1024;
/** Up to so many bytes (0.1 ms) a thread beside this one costs more than the work. */
const AT_ONCE_BYTES = 32 * 1024;
const FAST = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

async function zstd(text: Buffer): Promise<Buffer> {
  return text.length <= AT_ONCE_BYTES ? zstdCompressSync(text, FAST) : zstdBeside(text, FAST);
}

/** Sends a JSON text, compressed when the client takes it and it is worth it. */
export async function sendJson(request: FastifyRequest, reply: FastifyReply, text: string): Promise<FastifyReply> {
  void reply.header('content-type', 'application/json').header('cache-control', 'no-store');
  const accepted = text.length < WORTH_COMPRESSING ? undefined : request.headers['accept-encoding'];
  if (typeof accepted !== 'string') return reply.send(text);
  if (/\bzstd\b/.test(accepted)) {
    const packed = await zstd(Buffer.from(text));
    return reply.header('content-encoding', 'zstd').header('vary', 'accept-encoding').send(packed);
  }
  if (/\bgzip\b/.test(accepted)) {
    const packed = await gzipped(Buffer.from(text), { level: 1 });
    return reply.header('content-encoding', 'gzip').header('vary', 'accept-encoding').send(packed);
  }
  return reply.send(text);
}
