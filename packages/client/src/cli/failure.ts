import { dirname } from 'node:path';
import { CommandError } from './command-error.ts';
import { displayText } from './display.ts';
import { EXIT } from './exit-codes.ts';

/** What the user is told of an error. */
export interface Failure {
  readonly code: string;
  readonly exit: number;
  readonly message: string;
  readonly next: string | undefined;
}

/** SIGINT or SIGTERM; the reason of a command's signal. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
  readonly exit: number;
  constructor(exit: number = EXIT.interrupted) {
    super('Interrupted.');
    this.exit = exit;
  }
}

const NEXT: Readonly<Record<string, string>> = {
  sign_in_required: 'satchel login',
  token_expired: 'satchel login',
  device_revoked: 'satchel login',
  credentials_refused: 'satchel login',
  quota_exceeded: 'satchel plan ls',
  held: 'satchel held ls',
  email_taken: 'satchel login',
  signup_closed: 'satchel signup --invite-file FILE',
  not_found: 'satchel ls',
  name_taken: 'satchel ls',
  kind_mismatch: 'satchel ls',
  parent_missing: 'satchel ls',
  stale: 'satchel ls',
  read_only: 'satchel share ls',
  root_nested: 'satchel link DIR',
};

/** Messages of the daemon carry the command in quotes. */
function commandIn(message: string): string | undefined {
  return /'(satchel [^']+)'/.exec(message)?.[1];
}

/** Codes of the system that say which of the exit codes fits. */
const SYSTEM: Readonly<Record<string, { readonly exit: number; readonly message: string }>> = {
  ENOENT: { exit: EXIT.notFound, message: 'there is no such file or folder' },
  ENOTDIR: { exit: EXIT.notFound, message: 'a part of the path is no folder' },
  EEXIST: { exit: EXIT.conflict, message: 'it exists already' },
  EISDIR: { exit: EXIT.usage, message: 'it is a folder' },
  EACCES: { exit: EXIT.permission, message: 'permission denied' },
  EPERM: { exit: EXIT.permission, message: 'not permitted' },
  EROFS: { exit: EXIT.permission, message: 'the disk is read-only' },
  ENOSPC: { exit: EXIT.tryAgain, message: 'the disk is full' },
  EDQUOT: { exit: EXIT.tryAgain, message: 'the disk quota is used up' },
};

/**
 * Everything that a command may throw, as the user is told. Errors of the protocol are known by their names, so that
 * commands that never meet one do not load it.
 */
export async function failureOf(error: unknown): Promise<Failure> {
  if (error instanceof CommandError) {
    const { code, exit, message, next = commandIn(message) ?? NEXT[code] } = error;
    return { code, exit, message, next };
  }
  if (error instanceof InterruptedError)
    return { code: 'interrupted', exit: error.exit, message: error.message, next: undefined };
  if (!(error instanceof Error)) return internal(new Error(String(error)));
  if (error.name === 'CodedError') {
    const code = String((error as Error & { code?: unknown }).code);
    return { code, exit: await exitOfCode(code), message: error.message, next: NEXT[code] };
  }
  if (error.name === 'OfflineError')
    return { code: 'offline', exit: EXIT.tryAgain, message: error.message, next: undefined };
  if (error.name === 'AnswerInvalidError')
    return { code: 'answer_invalid', exit: EXIT.error, message: error.message, next: undefined };
  return systemFailure(error) ?? internal(error);
}

/** The exit code of a code of the protocol's table, or of those that a daemon adds. */
export async function exitOfCode(code: string): Promise<number> {
  if (code === 'offline') return EXIT.tryAgain;
  const { ERRORS } = await import('@satchel/protocol/errors.ts');
  return Object.hasOwn(ERRORS, code) ? ERRORS[code as keyof typeof ERRORS].exit : EXIT.error;
}

function systemFailure(error: NodeJS.ErrnoException): Failure | undefined {
  const { code, path, syscall } = error;
  if (code === undefined || syscall === undefined) return undefined;
  const known = SYSTEM[code];
  const message = known?.message ?? error.message;
  return {
    code: code.toLowerCase(),
    exit: known?.exit ?? EXIT.error,
    message: path === undefined ? message : `${path}: ${message}`,
    next: path === undefined ? undefined : `ls -ld ${shellWord(code === 'ENOENT' ? dirname(path) : path)}`,
  };
}

/** As a shell has to be given it. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function internal(error: Error): Failure {
  return { code: 'internal', exit: EXIT.error, message: error.message, next: undefined };
}

export function failureText({ message, next }: Failure): string {
  const text = message.split('\n').map(displayText).join('\n');
  return `satchel: ${text}${next === undefined ? '' : `\n  next: ${next}`}`;
}

export function failureJson({ code, message, next }: Failure): string {
  return JSON.stringify({ error: { code, message, ...(next === undefined ? {} : { next }) } });
}
