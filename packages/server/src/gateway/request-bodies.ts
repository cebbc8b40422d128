import { Buffer, isUtf8 } from 'node:buffer';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { gunzip, zstdDecompress } from 'node:zlib';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { CodedError } from '@satchel/protocol/errors.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import type { ReadBody } from '../block/gather.ts';

const unzstd = promisify(zstdDecompress);
const ungzip = promisify(gunzip);

/** Takes a content-encoding off a whole body. A bomb ends at the JSON limit of the protocol. */
async function decoded(body: Buffer, encoding: string | undefined): Promise<Buffer> {
  try {
    if (encoding === undefined || encoding === 'identity') return body;
    if (encoding === 'zstd') return await unzstd(body, { maxOutputLength: LIMITS.jsonBytes });
    if (encoding === 'gzip') return await ungzip(body, { maxOutputLength: LIMITS.jsonBytes });
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE')
      throw new CodedError('too_large', 'The body is too long once it is decompressed.', { cause: error });
    throw new CodedError('request_invalid', `The body is not valid ${encoding}.`, { cause: error });
  }
  throw new CodedError('request_invalid', `Content-Encoding ${encoding} is not understood; use zstd or gzip.`);
}

function parsedJson(bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined;
  // Decoding would put marks in the place of what is none: a file would get another name than was asked for.
  if (!isUtf8(bytes)) throw new CodedError('request_invalid', 'The body is not UTF-8.');
  try {
    return JSON.parse(bytes.toString('utf8')) as unknown;
  } catch (error) {
    throw new CodedError('request_invalid', 'The body is not JSON.', { cause: error });
  }
}

/** JSON and forms are read whole, within the call's limit; all else stays a stream for the call to read. */
export function readBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (request: FastifyRequest, body: Buffer) => {
    const encoding = request.headers['content-encoding'];
    return parsedJson(encoding === undefined ? body : await decoded(body, encoding));
  });
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) =>
    done(null, Object.fromEntries(new URLSearchParams(body as string))),
  );
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
}

/** A body of bytes, to be read once; it ends with `too_large` beyond `maxBytes`. */
export function byteBody(request: FastifyRequest, maxBytes: number): ReadBody {
  const { body } = request;
  if (body === undefined || body === null) return async () => undefined;
  if (!(body instanceof Readable))
    throw new CodedError('request_invalid', 'Send the bytes as application/octet-stream.');
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > maxBytes)
    throw new CodedError('too_large', `This call takes ${maxBytes} bytes at most.`, { details: { maxBytes } });
  return (take) => readThrough(body, maxBytes, take);
}

/**
 * By events, since iterating over the stream costs more than all else that is done with the bytes. What is left of the
 * body after a failure is read away by node:http once the answer is sent.
 */
function readThrough(body: Readable, maxBytes: number, take: (piece: Uint8Array) => void): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let seen = 0;
  const onData = (piece: Uint8Array): void => {
    try {
      seen += piece.length;
      if (seen > maxBytes)
        throw new CodedError('too_large', `This call takes ${maxBytes} bytes at most.`, { details: { maxBytes } });
      take(piece);
    } catch (error) {
      body.off('data', onData).pause();
      reject(error);
    }
  };
  body.once('end', resolve).once('error', reject);
  body.once('close', () => reject(new CodedError('length_mismatch', 'The body ended before its announced length.')));
  body.on('data', onData);
  return promise;
}
