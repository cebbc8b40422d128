import { Buffer } from 'node:buffer';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { CodedError, ERRORS, problemOf, type ErrorCode } from '@satchel/protocol/errors.ts';

export const PROBLEM_TYPE = 'application/problem+json';

/** Fastify's own refusals, by the code that Fastify gives them, in words of the table (S11). */
const OWN: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ['too_large', 'The body is longer than this call takes.'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['request_invalid', 'The Content-Type is not one that this call takes.'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['length_mismatch', 'The body has another length than Content-Length says.'],
  FST_ERR_CTP_EMPTY_JSON_BODY: ['request_invalid', 'A JSON body is needed.'],
  FST_ERR_CTP_INVALID_JSON_BODY: ['request_invalid', 'The body is not JSON.'],
  FST_ERR_BAD_URL: ['request_invalid', 'The address is not a valid URL path.'],
  FST_ERR_MAX_PARAM_LENGTH: ['request_invalid', 'A part of the address is too long.'],
};

/** What a request ends with when something was thrown: a coded error as it is, all else in the words of the table. */
export function codedErrorOf(thrown: unknown): CodedError {
  if (thrown instanceof CodedError) return thrown;
  const error = thrown as Partial<FastifyError>;
  const own = OWN[error.code ?? ''];
  if (own) return new CodedError(own[0], own[1]);
  if (error.code === 'ECONNRESET' || error.code === 'ERR_STREAM_PREMATURE_CLOSE')
    return new CodedError('length_mismatch', 'The body ended before its announced length.', { cause: thrown });
  if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500)
    return new CodedError('request_invalid', error.message ?? 'The request is malformed.');
  return new CodedError('internal', 'The server failed at this request; its log has the reason.', { cause: thrown });
}

/** Answers with the problem document of `thrown`. Failures of the server are logged with their cause. */
export function sendProblem(thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const error = codedErrorOf(thrown);
  const kind = ERRORS[error.code];
  if (kind.status >= 500) request.log.error({ err: error, requestId: request.id, url: request.url }, error.code);
  if (error.retryAfterS !== undefined) void reply.header('retry-after', String(Math.ceil(error.retryAfterS)));
  else if (kind.status === 503 || kind.status === 429) void reply.header('retry-after', '2');
  if (error.code === 'too_large' || error.code === 'length_mismatch') void reply.header('connection', 'close');
  if (kind.status === 401) void reply.header('www-authenticate', 'Bearer');
  return reply
    .code(kind.status)
    .header('content-type', PROBLEM_TYPE)
    .header('cache-control', 'no-store')
    .send(JSON.stringify(problemOf(error, request.id)));
}

/** Requests that are not even HTTP: answered on the bare socket, which is then closed. */
export function answerBrokenRequest(error: Error & { code?: string }, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const coded =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? new CodedError('too_large', 'The header of the request is too long.')
      : new CodedError('request_invalid', 'This is not a valid HTTP request.');
  const { status } = ERRORS[coded.code];
  const body = JSON.stringify(problemOf(coded));
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\ncontent-type: ${PROBLEM_TYPE}\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
