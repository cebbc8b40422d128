import { z } from 'zod';

/**
 * S11: the closed table of failures that cross HTTP. `retry` tells a client whether the same request may succeed
 * later; `exit` is the exit code of the command line (see the CLI contract).
 */
export const ERRORS = {
  request_invalid: { status: 400, retry: false, exit: 2, title: 'The request is malformed' },
  name_invalid: { status: 400, retry: false, exit: 2, title: 'The name cannot be used' },
  frame_invalid: { status: 400, retry: false, exit: 1, title: 'The framed body is malformed' },
  hash_mismatch: { status: 400, retry: false, exit: 1, title: 'The bytes are not what their name says' },
  length_mismatch: { status: 400, retry: false, exit: 1, title: 'The body has another length than announced' },
  manifest_invalid: { status: 400, retry: false, exit: 1, title: 'The chunk list is malformed' },
  signature_invalid: { status: 403, retry: false, exit: 1, title: 'The signed address is not valid' },
  signature_expired: { status: 403, retry: true, exit: 8, title: 'The signed address has expired' },
  sign_in_required: { status: 401, retry: false, exit: 3, title: 'Sign-in is needed' },
  token_expired: { status: 401, retry: true, exit: 3, title: 'The access token has expired' },
  credentials_refused: { status: 401, retry: false, exit: 3, title: 'E-mail or password is wrong' },
  account_disabled: { status: 403, retry: false, exit: 3, title: 'The account was disabled' },
  device_revoked: { status: 401, retry: false, exit: 3, title: 'This device was signed out' },
  signup_closed: { status: 403, retry: false, exit: 6, title: 'Sign-up is closed on this server' },
  password_weak: { status: 400, retry: false, exit: 2, title: 'The password is too weak' },
  email_taken: { status: 409, retry: false, exit: 5, title: 'An account with this e-mail exists' },
  forbidden: { status: 403, retry: false, exit: 6, title: 'Not allowed' },
  read_only: { status: 403, retry: false, exit: 6, title: 'Viewers cannot change this folder' },
  not_found: { status: 404, retry: false, exit: 4, title: 'Not found' },
  method_not_allowed: { status: 405, retry: false, exit: 2, title: 'This address does not take this method' },
  stale: { status: 409, retry: false, exit: 5, title: 'The object has changed since' },
  name_taken: { status: 409, retry: false, exit: 5, title: 'Another object has this name' },
  parent_missing: { status: 409, retry: false, exit: 5, title: 'The folder to put it in does not exist' },
  folder_not_empty: { status: 409, retry: false, exit: 5, title: 'The folder is not empty' },
  would_cycle: { status: 409, retry: false, exit: 5, title: 'A folder cannot lie inside itself' },
  object_exists: { status: 409, retry: false, exit: 5, title: 'An object with this id exists' },
  kind_mismatch: { status: 409, retry: false, exit: 5, title: 'The object is of another kind' },
  chunk_missing: { status: 409, retry: true, exit: 8, title: 'Chunks are missing that the file is made of' },
  held: { status: 409, retry: false, exit: 12, title: 'A mass change is held until it is confirmed' },
  cursor_expired: { status: 410, retry: false, exit: 8, title: 'The cursor is too old; list anew' },
  too_large: { status: 413, retry: false, exit: 1, title: 'Too large' },
  range_invalid: { status: 416, retry: false, exit: 1, title: 'The range lies outside the content' },
  version_unsupported: { status: 426, retry: false, exit: 1, title: 'Client and server do not speak the same version' },
  rate_limited: { status: 429, retry: true, exit: 8, title: 'Too many requests' },
  internal: { status: 500, retry: true, exit: 1, title: 'The server failed' },
  chunk_damaged: { status: 502, retry: false, exit: 1, title: 'A stored chunk is damaged' },
  unavailable: { status: 503, retry: true, exit: 8, title: 'The service is not available now' },
  quota_exceeded: { status: 507, retry: false, exit: 7, title: 'The storage quota is used up' },
  storage_full: { status: 507, retry: true, exit: 8, title: 'The disk of the server is full' },
} as const satisfies Record<string, ErrorKind>;

export interface ErrorKind {
  readonly status: number;
  readonly retry: boolean;
  readonly exit: number;
  readonly title: string;
}

export type ErrorCode = keyof typeof ERRORS;
export const ErrorCode = z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]);

/** RFC 9457 problem details as every error answer carries them. */
export const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: ErrorCode,
  detail: z.string(),
  details: z.record(z.string(), z.unknown()).optional(),
  requestId: z.string().optional(),
});
export type Problem = z.infer<typeof Problem>;

/** A failure with a code from the table, thrown where a request has to end with it. */
export class CodedError extends Error {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>> | undefined;
  /** Seconds after which a retry makes sense (429, 503). */
  readonly retryAfterS: number | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    extra: { details?: Readonly<Record<string, unknown>>; cause?: unknown; retryAfterS?: number } = {},
  ) {
    super(message, extra.cause === undefined ? undefined : { cause: extra.cause });
    this.name = 'CodedError';
    this.code = code;
    this.details = extra.details;
    this.retryAfterS = extra.retryAfterS;
  }
}

/** The problem document of a failure; the message becomes `detail`. */
export function problemOf(error: CodedError, requestId?: string): Problem {
  const kind = ERRORS[error.code];
  return {
    type: `urn:satchel:error:${error.code}`,
    title: kind.title,
    status: kind.status,
    code: error.code,
    detail: error.message,
    ...(error.details ? { details: { ...error.details } } : {}),
    ...(requestId === undefined ? {} : { requestId }),
  };
}
