import type { Buffer } from 'node:buffer';
import { promisify } from 'node:util';
import { gunzip, zstdDecompress, zstdDecompressSync } from 'node:zlib';
import type { z } from 'zod';
import { CodedError, Problem, type ErrorCode } from '@satchel/protocol/errors.ts';
import { AnswerInvalidError } from '../ports/server-api.ts';
import type { HttpAnswer } from './http-client.ts';

const unzstdBeside = promisify(zstdDecompress);
const ungzip = promisify(gunzip);

/** Up to so many bytes (0.2 ms) a thread beside this one costs more than the work. */
const AT_ONCE_BYTES = 64 * 1024;

async function unzstd(body: Buffer, maxOutputLength: number): Promise<Buffer> {
  const atOnce = body.length <= AT_ONCE_BYTES;
  return atOnce ? zstdDecompressSync(body, { maxOutputLength }) : unzstdBeside(body, { maxOutputLength });
}

/** What an answer without a problem document means: from proxies, load balancers and foreign block stores. */
function codeOfStatus(status: number): ErrorCode | undefined {
  if (status === 429) return 'rate_limited';
  if (status === 413) return 'too_large';
  if (status === 502 || status === 503 || status === 504) return 'unavailable';
  return status >= 500 ? 'internal' : undefined;
}

/** Seconds of a Retry-After header; its form as a date is not used by our servers and is ignored. */
function retryAfterOf(answer: HttpAnswer): number | undefined {
  const seconds = Number(answer.headers['retry-after']);
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, 3600) : undefined;
}

/** The refusal that an answer is: CodedError, or AnswerInvalidError when it is none that the protocol knows. */
export async function refusalOf(answer: HttpAnswer, what: string, maxBytes: number): Promise<Error> {
  const retryAfterS = retryAfterOf(answer);
  const extra = retryAfterS === undefined ? {} : { retryAfterS };
  if (answer.headers['content-type']?.startsWith('application/problem+json')) {
    const problem = Problem.safeParse(await jsonOf(answer, what, maxBytes));
    if (problem.success) {
      const { code, detail, details } = problem.data;
      return new CodedError(code, detail, { ...extra, ...(details ? { details } : {}) });
    }
  }
  const code = codeOfStatus(answer.status);
  if (code !== undefined) return new CodedError(code, `${what} was answered with HTTP ${answer.status}.`, extra);
  return new AnswerInvalidError(`${what} was answered with HTTP ${answer.status}, not as a Satchel server would.`);
}

async function plain(answer: HttpAnswer, what: string, maxBytes: number): Promise<Buffer> {
  const encoding = answer.headers['content-encoding'];
  try {
    if (encoding === undefined || encoding === 'identity') return answer.body;
    if (encoding === 'zstd') return await unzstd(answer.body, maxBytes);
    if (encoding === 'gzip') return await ungzip(answer.body, { maxOutputLength: maxBytes });
  } catch (error) {
    throw new AnswerInvalidError(`The answer to ${what} cannot be decompressed.`, error);
  }
  throw new AnswerInvalidError(`The answer to ${what} has the unknown content-encoding ${encoding}.`);
}

async function jsonOf(answer: HttpAnswer, what: string, maxBytes: number): Promise<unknown> {
  const body = await plain(answer, what, maxBytes);
  try {
    return JSON.parse(body.toString('utf8')) as unknown;
  } catch (error) {
    throw new AnswerInvalidError(`The answer to ${what} is not JSON.`, error);
  }
}

/** The checked JSON of an answer. Throws AnswerInvalidError. */
export async function parsedAnswer<S extends z.ZodType>(
  answer: HttpAnswer,
  schema: S,
  call: { readonly what: string; readonly maxBytes: number },
): Promise<z.output<S>> {
  const parsed = schema.safeParse(await jsonOf(answer, call.what, call.maxBytes));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new AnswerInvalidError(
    `The answer to ${call.what} is not as the protocol says: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}.`,
    parsed.error,
  );
}
