import { Buffer, isUtf8 } from 'node:buffer';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { gunzip, zstdDecompress } from 'node:zlib';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { CodedError } from '@satchel/protocol/errors.ts';
import type { ReadBody } from '../block/gather.ts';

const unzstd = promisify(zstdDecompress);
const ungzip = promisify(gunzip);

/** Takes a content-encoding off a whole body. A bomb ends at what the call takes without one. */
async function decoded(body: Buffer, encoding: string | undefined, maxBytes: number): Promise<Buffer> {
  try {
    if (encoding === undefined || encoding === 'identity') return body;
    if (encoding === 'zstd') return await unzstd(body, { maxOutputLength: maxBytes });
    if (encoding === 'gzip') return await ungzip(body, { maxOutputLength: maxBytes });
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE')
      throw new CodedError('too_large', 'The body is too long once it is decompressed.', { cause: error });
    throw new CodedError('request_invalid', `The body is not valid ${encoding}.`, { cause: error });
  }
  throw new CodedError('request_invalid', `Content-Encoding ${encoding} is not understood; use zstd or gzip.`);
}

/** Shorter bodies cannot hold the event loop for long, whatever is in them. */
const COUNTED_FROM_BYTES = 1024 * 1024;
/** The longest chunk list that fits into a body has 190,000 objects of two values, and names may hold such characters. */
const MOST_VALUES = 1024 * 1024;
const [COLON, BRACKET, BRACE] = [0x3a, 0x5b, 0x7b];

/**
 * What makes parsing slow is not the length but what is opened: 16 MiB of `[` take seconds, of a chunk list a fifth of
 * one. Also counts what stands in texts.
 */
function expectFewValues(bytes: Buffer): void {
  if (bytes.length < COUNTED_FROM_BYTES) return;
  let values = 0;
  // By index: iterating takes ten times as long.
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === COLON || byte === BRACKET || byte === BRACE) values++;
  }
  if (values > MOST_VALUES)
    throw new CodedError('too_large', `The body holds more than the ${MOST_VALUES} values that a call takes.`);
}

function parsedJson(bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined;
  expectFewValues(bytes);
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
    const { bodyLimit } = request.routeOptions;
    return parsedJson(encoding === undefined ? body : await decoded(body, encoding, bodyLimit));
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
  body.once('close', () => {
    if (body.readableEnded) return;
    reject(new CodedError('length_mismatch', 'The body ended before its announced length.'));
  });
  body.on('data', onData);
  return promise;
}
